/*
 * The engine's body: QuickJS, and for TypeScript a foreign function interface to the kernel and to C functions. It knows nothing of
 * containers. src/sys/host.ts is its TypeScript face.
 *
 * The build runs this program once: it boots the engine, evaluates the modules that every container needs and prints the engine's heap,
 * which is then linked in where it was. What starts afterwards is that heap: nothing of it is booted, read or evaluated again, and pages that
 * a command does not touch are never read. All other modules are read from bytecode when they are asked for; without a heap, all are.
 *
 * Laws:
 *  - A bad argument is a TypeError, never a crash, and never reaches the C side.
 *  - 64-bit values are exact: a result that a Number cannot hold becomes a BigInt.
 *  - Memory belongs to whoever made it: a buffer lives as long as TypeScript refers to it, `view` borrows.
 *  - The heap that is linked in points to itself and to this program, which is never moved (no PIE); scripts/heap.mjs looks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <quickjs.h>

#include "functions.h"

/* What differs between the npm fork and Bellard's QuickJS, which Debian packages. */
#ifdef HOST_ENGINE_IS_THE_NPM_FORK
#define ThrowTypeError(ctx, ...) JS_ThrowTypeError(ctx, "host/host.c", __LINE__, __VA_ARGS__)
#define ThrowReferenceError(ctx, ...) JS_ThrowReferenceError(ctx, "host/host.c", __LINE__, __VA_ARGS__)
#define SetModuleLoader(rt, loader) JS_SetModuleLoaderFunc(rt, loader)
#else
#define ThrowTypeError(ctx, ...) JS_ThrowTypeError(ctx, __VA_ARGS__)
#define ThrowReferenceError(ctx, ...) JS_ThrowReferenceError(ctx, __VA_ARGS__)
#define SetModuleLoader(rt, loader) JS_SetModuleLoaderFunc(rt, NULL, loader, NULL)
#endif

#define MAX_ARGS 8 /* of a C function; of a system call: 6 */
#define MAX_SAFE_INTEGER ((INT64_C(1) << 53) - 1)
#define GC_THRESHOLD_BYTES (8u << 20) /* no command's garbage reaches it; a long `events` stream may */
#define STACK_BYTES (1u << 20) /* the engine's; what it calls has as much below that */
#define PAGE_BYTES 4096u
#define ARENA_BYTES 3500u /* at least: in which the engine places its small blocks */
#define ALIGN_UP(n, to) (((n) + (to) - 1) & ~((size_t)(to) - 1))

typedef intptr_t (*foreign_function)(intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t);

/* ---- the heap ---- */

/* At the place that host/heap.ld gives it: the heap that is linked in, or room for making one. */
extern struct heap {
  size_t used; /* bytes, these included; 0: there is none */
  size_t hot;  /* from where on it is what every command changes; 0: nowhere (scripts/layout.mjs) */
  JSRuntime *rt;
  JSContext *ctx;
  JSValue host, namespaces; /* globalThis.host; those of the modules that were loaded, by name */
  JSClassID array_buffer_class;
  size_t blocks[];
} heap __attribute__((aligned(16)));

extern const struct module {
  const char *name; /* NULL: the last */
  const uint8_t *code;
  uint32_t size, in_heap; /* whether the heap that is linked in has it; those that do come first */
} modules[];
extern JSModuleDef *loaded[]; /* for each module */

static int building; /* whether what is allocated shall be linked in */

static int linked_in(const void *p) {
  return (uintptr_t)p - (uintptr_t)&heap < heap.used;
}

static size_t size_of(const void *p) {
  size_t is_page = linked_in(p) && (uintptr_t)p % PAGE_BYTES == 0 ? PAGE_BYTES : 0;
  return !p || is_page ? is_page : linked_in(p) ? ((const size_t *)p)[-1] : malloc_usable_size((void *)(uintptr_t)p);
}

/*
 * A block of the heap to be linked in is its size and then its bytes, at a multiple of 16. What the engine takes by the page lies on a page, to be copied as
 * one, and nothing else begins there.
 */
static void *take(JSMallocState *state, size_t size) {
  int is_page = size > ARENA_BYTES && size <= PAGE_BYTES;
  size_t at = ALIGN_UP(heap.used + (is_page ? 0 : sizeof size), is_page ? PAGE_BYTES : 16u), *p = building ? NULL : malloc(size);
  if (building) {
    at += is_page || at % PAGE_BYTES ? 0 : 16;
    size = ALIGN_UP(size, is_page ? PAGE_BYTES : 8u);
    p = (size_t *)((char *)&heap + at);
    p[-1] = is_page ? p[-1] : size;
    heap.used = at + size;
  }
  state->malloc_size += size_of(p);
  return p;
}

static void give(JSMallocState *state, void *p) {
  state->malloc_size -= size_of(p);
  if (!linked_in(p))
    free(p);
}

static void *resize(JSMallocState *state, void *p, size_t size) {
  size_t old = size_of(p);
  if (p && size && !linked_in(p)) {
    void *moved = realloc(p, size);
    state->malloc_size += moved ? malloc_usable_size(moved) - old : 0;
    return moved;
  }
  void *copy = size ? take(state, size) : NULL;
  if (copy && p)
    memcpy(copy, p, old < size ? old : size);
  if (copy || !size)
    give(state, p);
  return copy;
}

/* ---- values from TypeScript ---- */

/*
 * The bytes behind an ArrayBuffer or a typed array, for as long as `value` lives. Throws for all else, a DataView too.
 * It reads the engine's own record of the object, never a property: a property may lie, or free what was converted before.
 */
static uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length) {
  if (JS_GetClassID(value) == heap.array_buffer_class)
    return JS_GetArrayBuffer(ctx, length, value);
  size_t size = 0, at = 0;
  JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &at, length, NULL);
  uint8_t *bytes = JS_IsException(buffer) ? NULL : JS_GetArrayBuffer(ctx, &size, buffer);
  JS_FreeValue(ctx, buffer); /* `value` still holds it */
  if (bytes && at <= size && *length <= size - at)
    return bytes + at;
  JS_FreeValue(ctx, JS_GetException(ctx));
  return ThrowTypeError(ctx, "expected an integer, a string, a buffer or null"), NULL;
}

/*
 * The bytes of a string, and a NUL, which the caller frees. Names, arguments and environments are bytes: one that is no UTF-8 is in a string as a lone
 * surrogate, U+DC80 to U+DCFF (text_of), and here a byte again. `length` NULL: a C string, with no other NUL in it.
 */
static const char *string_of(JSContext *ctx, JSValueConst value, size_t *length) {
  size_t n = 0;
  char *text = JS_IsString(value) ? (char *)(uintptr_t)JS_ToCStringLen(ctx, &n, value) : NULL;
  char *out = text ? memchr(text, 0xed, n) : NULL; /* [engine] what is not all ASCII is a copy, which may be written to */
  for (const char *in = out; out && in <= text + n; in++) {
    int is_byte = *in == '\xed' && (in[1] & ~1) == '\xb2';
    *out++ = is_byte ? (char)((in[1] & 3) << 6 | (in[2] & 0x3f)) : *in;
    in += is_byte ? 2 : 0;
  }
  n = out ? (size_t)(out - text) - 1 : n;
  if (text && (length ? (*length = n, 1) : strlen(text) == n))
    return text;
  ThrowTypeError(ctx, text ? "a C string cannot hold NUL" : "expected a string");
  JS_FreeCString(ctx, text);
  return NULL;
}

/* A Number that is an integer and exact, or a BigInt of at most 64 bits, signed or unsigned. */
static int integer_of(JSContext *ctx, JSValueConst value, intptr_t *out) {
  int fits = 0;
  if (JS_IsNumber(value)) {
    double number = NAN;
    JS_ToFloat64(ctx, &number, value);
    fits = fabs(number) <= (double)MAX_SAFE_INTEGER && number == trunc(number);
    *out = fits ? (intptr_t)number : 0;
  } else if (JS_IsBigInt(ctx, value)) {
    const char *digits = JS_ToCString(ctx, value); /* JS_ToBigInt64 would wrap silently */
    errno = 0;
    if (digits)
      *out = digits[0] == '-' ? (intptr_t)strtoll(digits, NULL, 10) : (intptr_t)strtoull(digits, NULL, 10);
    fits = digits && errno == 0;
    JS_FreeCString(ctx, digits);
  }
  return fits ? 0 : (ThrowTypeError(ctx, "expected an integer that is exact and fits 64 bits"), -1);
}

struct arguments {
  intptr_t value[MAX_ARGS];
  const char *string[MAX_ARGS]; /* to be freed after the call */
};

static void free_arguments(JSContext *ctx, struct arguments *args) {
  for (int i = 0; i < MAX_ARGS; i++)
    JS_FreeCString(ctx, args->string[i]);
}

static int convert(JSContext *ctx, JSValueConst value, struct arguments *args, int i) {
  size_t length;
  if (JS_IsNumber(value) || JS_IsBigInt(ctx, value))
    return integer_of(ctx, value, &args->value[i]);
  if (JS_IsNull(value))
    return 0;
  args->value[i] = JS_IsString(value) ? (intptr_t)(args->string[i] = string_of(ctx, value, NULL)) : (intptr_t)bytes_of(ctx, value, &length);
  return args->value[i] ? 0 : -1;
}

/* Fills `args` from `argv`; on failure frees what it took, throws and returns -1. */
static int convert_all(JSContext *ctx, int argc, JSValueConst *argv, int most, struct arguments *args) {
  memset(args, 0, sizeof *args);
  int failed = argc > most || building;
  if (building)
    ThrowTypeError(ctx, "a module's top level runs at build time and calls nothing");
  else if (failed)
    ThrowTypeError(ctx, "%d arguments; at most %d can be passed", argc, most);
  for (int i = 0; i < argc && !failed; i++)
    failed = convert(ctx, argv[i], args, i);
  if (failed)
    free_arguments(ctx, args);
  return failed;
}

/* Length of the valid UTF-8 at `p`: one character, or eight of ASCII at once; 0 when it is not valid. */
static size_t valid_utf8(const uint8_t *p, size_t left) {
  uint64_t word;
  if (left >= sizeof word && !(memcpy(&word, p, sizeof word), word & UINT64_C(0x8080808080808080)))
    return sizeof word;
  size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < n; i++)
    if (i >= left || (p[i] & 0xc0) != 0x80)
      return 0;
  return (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f) ? 0 : n;
}

/* A string of bytes that are UTF-8 as a rule. Each that is not is a lone surrogate, of which `encoded` makes the byte again (PEP 383). */
static JSValue text_of(JSContext *ctx, const uint8_t *in, size_t length) {
  size_t i = 0, n = 0;
  while (i < length && (n = valid_utf8(in + i, length - i)))
    i += n;
  if (i == length)
    return JS_NewStringLen(ctx, (const char *)in, length);
  uint8_t *out = js_malloc(ctx, 3 * length), *end = out;
  for (i = 0; out && i < length; i += n ? n : 1) {
    n = valid_utf8(in + i, length - i);
    const uint8_t byte[] = {0xed, (uint8_t)(0xb0 | in[i] >> 6), 0x80 | (in[i] & 0x3f)};
    end = mempcpy(end, n ? in + i : byte, n ? n : sizeof byte);
  }
  JSValue text = out ? JS_NewStringLen(ctx, (const char *)out, (size_t)(end - out)) : JS_EXCEPTION;
  js_free(ctx, out);
  return text;
}

static JSValue integer(JSContext *ctx, int64_t value) {
  return value >= -MAX_SAFE_INTEGER && value <= MAX_SAFE_INTEGER ? JS_NewInt64(ctx, value) : JS_NewBigInt64(ctx, value);
}

/* ---- what TypeScript calls: the engine fills `argv` with undefined up to the length given in host_functions ---- */

static JSValue host_syscall(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  intptr_t number;
  struct arguments args;
  if (integer_of(ctx, argv[0], &number) || convert_all(ctx, argc - 1, argv + 1, 6, &args))
    return JS_EXCEPTION;
  intptr_t *v = args.value;
  long result = syscall(number, v[0], v[1], v[2], v[3], v[4], v[5]);
  if (result == -1)
    result = -errno;
  free_arguments(ctx, &args);
  return integer(ctx, result);
}

/* magic 0: a C int comes back (the upper half of the register is undefined); 1: all 64 bits. */
static JSValue host_call(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  intptr_t address;
  struct arguments args;
  if (integer_of(ctx, argv[0], &address))
    return JS_EXCEPTION;
  if (address <= 0)
    return ThrowTypeError(ctx, "no function at address %ld", (long)address);
  if (convert_all(ctx, argc - 1, argv + 1, MAX_ARGS, &args))
    return JS_EXCEPTION;
  foreign_function function;
  memcpy(&function, &address, sizeof function);
  intptr_t *v = args.value;
  intptr_t result = function(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
  free_arguments(ctx, &args);
  return magic ? integer(ctx, result) : JS_NewInt32(ctx, (int32_t)result);
}

static JSValue host_symbol(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const char *name = string_of(ctx, argv[0], NULL);
  const struct function *f = functions;
  while (f && name && f->name && strcmp(f->name, name))
    f++;
  JSValue address = !name ? JS_EXCEPTION : f && f->name ? integer(ctx, (intptr_t)f->address) : ThrowReferenceError(ctx, "no function %s in this program", name);
  JS_FreeCString(ctx, name);
  return address;
}

/* magic 0: where the buffer's bytes are; 1: the text they hold. */
static JSValue host_bytes(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  size_t length;
  uint8_t *bytes = bytes_of(ctx, argv[0], &length);
  return !bytes ? JS_EXCEPTION : magic ? text_of(ctx, bytes, length) : integer(ctx, (intptr_t)bytes);
}

/* Of foreign memory, magic 0: a buffer of `length` bytes that borrows it; 1: the text of the C string there. */
static JSValue host_foreign(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  intptr_t address, length = 0;
  if (integer_of(ctx, argv[0], &address) || (!magic && integer_of(ctx, argv[1], &length)))
    return JS_EXCEPTION;
  if (address <= 0 || length < 0 || length > INT32_MAX)
    return ThrowTypeError(ctx, "no memory at address %ld, length %ld", (long)address, (long)length);
  return magic ? text_of(ctx, (const uint8_t *)address, strlen((const char *)address))
               : JS_NewArrayBuffer(ctx, (uint8_t *)address, (size_t)length, NULL, NULL, 0);
}

static JSValue host_encode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t length;
  const char *text = string_of(ctx, argv[0], &length);
  JSValue buffer = text ? JS_NewArrayBufferCopy(ctx, (const uint8_t *)text, length + 1) : JS_EXCEPTION; /* with the NUL */
  JS_FreeCString(ctx, text);
  return buffer;
}

/*
 * Maps `length` bytes of our writable memory at `from` again: from `fd` at `offset`, whose bytes it had, keeping what was changed since (all, where
 * /proc does not say); or with fd -1 as anonymous memory. One act: the engine, and the C library's malloc, live in these pages. See proc_pid_pagemap(5).
 */
static int remap(char *from, size_t length, int fd, off_t offset) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (length + page - 1) / page, asked = pages * sizeof(uint64_t);
  char *to = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS | MAP_POPULATE : 0), fd, offset);
  uint64_t map[pages];
  int pagemap = fd < 0 ? -1 : open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  int all = pagemap < 0 || pread(pagemap, map, asked, (off_t)((uintptr_t)from / page * sizeof *map)) != (ssize_t)asked || close(pagemap);
  if (to != MAP_FAILED) {
    for (size_t i = 0; i < pages; i++)
      if (all || (map[i] >> 62 && !(map[i] >> 61 & 1))) /* present or swapped, and no longer the file's */
        memcpy(to + i * page, from + i * page, page);
    to = mremap(to, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, from);
  }
  return to == from ? 0 : -errno;
}

static JSValue host_remap(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  intptr_t v[4];
  if (integer_of(ctx, argv[0], v) || integer_of(ctx, argv[1], v + 1) || integer_of(ctx, argv[2], v + 2) || integer_of(ctx, argv[3], v + 3))
    return JS_EXCEPTION;
  return JS_NewInt32(ctx, remap((char *)v[0], (size_t)v[1], (int)v[2], v[3]));
}

/* ---- modules ---- */

static JSModuleDef *read_module(JSContext *ctx, const char *name, void *opaque) {
  int i = 0;
  while (modules[i].name && strcmp(modules[i].name, name))
    i++;
  if (!modules[i].name)
    return ThrowReferenceError(ctx, "no module %s in this program", name), NULL;
  if (loaded[i])
    return loaded[i];
  JSValue module = JS_ReadObject(ctx, modules[i].code, modules[i].size, JS_READ_OBJ_BYTECODE);
  if (JS_IsException(module))
    return NULL;
  JS_FreeValue(ctx, module); /* the context keeps every module it has read */
  return loaded[i] = JS_VALUE_GET_PTR(module);
}

static JSValue load(JSContext *ctx, const char *name) {
  JSValue space = JS_GetPropertyStr(ctx, heap.namespaces, name);
  if (!JS_IsUndefined(space))
    return space;
  JSModuleDef *module = read_module(ctx, name, NULL);
  JSValue value = JS_MKPTR(JS_TAG_MODULE, module);
  if (!module || JS_ResolveModule(ctx, value) < 0)
    return JS_EXCEPTION;
  JSValue result = JS_EvalFunction(ctx, JS_DupValue(ctx, value)); /* evaluates once, however often it is asked */
  if (JS_IsException(result))
    return JS_EXCEPTION;
#ifndef HOST_ENGINE_IS_THE_NPM_FORK
  if (JS_PromiseState(ctx, result) == JS_PROMISE_REJECTED)
    return JS_Throw(ctx, JS_PromiseResult(ctx, result));
#endif
  JS_FreeValue(ctx, result);
  space = JS_GetModuleNamespace(ctx, module);
  JS_SetPropertyStr(ctx, heap.namespaces, name, JS_DupValue(ctx, space));
  return space;
}

static JSValue host_load(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const char *name = string_of(ctx, argv[0], NULL);
  JSValue space = name ? load(ctx, name) : JS_EXCEPTION;
  JS_FreeCString(ctx, name);
  return space;
}

/* ---- boot ---- */

static const JSCFunctionListEntry host_functions[] = {
    JS_CFUNC_DEF("syscall", 7, host_syscall), JS_CFUNC_MAGIC_DEF("call", 9, host_call, 0),
    JS_CFUNC_MAGIC_DEF("callLong", 9, host_call, 1), JS_CFUNC_DEF("symbol", 1, host_symbol),
    JS_CFUNC_MAGIC_DEF("address", 1, host_bytes, 0), JS_CFUNC_MAGIC_DEF("view", 2, host_foreign, 0),
    JS_CFUNC_MAGIC_DEF("cstring", 1, host_foreign, 1), JS_CFUNC_MAGIC_DEF("decode", 1, host_bytes, 1),
    JS_CFUNC_DEF("encode", 1, host_encode), JS_CFUNC_DEF("load", 1, host_load), JS_CFUNC_DEF("remap", 4, host_remap),
};

/* Prints the uncaught error through the module "trace", which knows TypeScript's files and lines, or else as it is. */
static void report(JSContext *ctx) {
  JSValue error = JS_GetException(ctx);
  JSValue trace = load(ctx, "trace.js");
  JSValue render = JS_IsException(trace) ? JS_UNDEFINED : JS_GetPropertyStr(ctx, trace, "render");
  JSValue text = JS_IsFunction(ctx, render) ? JS_Call(ctx, render, JS_UNDEFINED, 1, &error) : JS_UNDEFINED;
  const char *line = JS_ToCString(ctx, JS_IsString(text) ? text : JS_ToString(ctx, error));
  fprintf(stderr, "tsrun: internal error: %s\n", line ? line : "unprintable");
}

static JSContext *boot(void) {
  JSRuntime *rt = heap.rt = JS_NewRuntime2(&(JSMallocFunctions){take, give, resize, size_of}, NULL);
  JSContext *ctx = rt ? JS_NewContextRaw(rt) : NULL;
  if (!ctx)
    return NULL;
  JS_SetGCThreshold(rt, GC_THRESHOLD_BYTES);
  JS_SetMaxStackSize(rt, STACK_BYTES);
  JS_AddIntrinsicBaseObjects(ctx), JS_AddIntrinsicDate(ctx), JS_AddIntrinsicRegExp(ctx);
  JS_AddIntrinsicJSON(ctx), JS_AddIntrinsicMapSet(ctx), JS_AddIntrinsicTypedArrays(ctx);
  JS_AddIntrinsicPromise(ctx); /* the engine evaluates modules through promises */
  SetModuleLoader(rt, read_module);
  JSValue global = JS_GetGlobalObject(ctx);
  JSValue buffer = JS_NewArrayBufferCopy(ctx, (const uint8_t *)"", 0);
  heap.array_buffer_class = JS_GetClassID(buffer);
  JS_FreeValue(ctx, buffer);
  heap.namespaces = JS_NewObjectProto(ctx, JS_NULL);
  heap.host = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, heap.host, host_functions, sizeof host_functions / sizeof *host_functions);
  JS_SetPropertyStr(ctx, global, "host", JS_DupValue(ctx, heap.host));
  JS_FreeValue(ctx, global);
  return heap.ctx = ctx;
}

/* Evaluates the modules that the heap shall have, and prints it. What is allocated next, of whatever size, will then lie side by side. */
static int print_heap(JSContext *ctx) {
  for (int i = 0; modules[i].name; i++)
    if ((modules[i].in_heap || loaded[i]) && JS_IsException(load(ctx, modules[i].name)))
      return report(ctx), 1;
  for (size_t size = 16; size <= 512; size += size < 128 ? 8 : size < 256 ? 16 : 32) /* the engine's own steps, and what it writes before each block */
    for (size_t used = heap.used; used == heap.used; js_malloc_rt(heap.rt, size - 8)) {}
  return fwrite(&heap, 1, heap.used, stdout) != heap.used || fflush(stdout);
}

static struct { int argc; char **argv; } started;

static void run(void) {
  JSContext *ctx = heap.ctx ? heap.ctx : boot();
  if (!ctx || building)
    _exit(ctx ? print_heap(ctx) : (fputs("tsrun: out of memory\n", stderr), 1));
  JS_UpdateStackTop(heap.rt);
  JSValue arguments = JS_NewArray(ctx);
  for (int i = 0; i < started.argc; i++)
    JS_SetPropertyUint32(ctx, arguments, (uint32_t)i, text_of(ctx, (const uint8_t *)started.argv[i], strlen(started.argv[i])));
  JS_SetPropertyStr(ctx, heap.host, "argv", arguments);
  JS_SetPropertyStr(ctx, heap.host, "environ", JS_NewInt64(ctx, (intptr_t)environ));
  JS_SetPropertyStr(ctx, heap.host, "heap", JS_NewInt64(ctx, heap.used ? (intptr_t)&heap : 0));
  JS_SetPropertyStr(ctx, heap.host, "hot", JS_NewArrayBuffer(ctx, (uint8_t *)&heap + heap.hot, heap.hot ? heap.used - heap.hot : 0, NULL, NULL, 0));
  JSValue program = load(ctx, "main.js");
  JSValue start = JS_IsException(program) ? program : JS_GetPropertyStr(ctx, program, "main");
  JSValue status = JS_IsException(start) ? start : JS_Call(ctx, start, JS_UNDEFINED, 0, NULL);
  /* the engine's teardown would only free what the kernel frees */
  _exit(JS_IsException(status) ? report(ctx), 1 : JS_VALUE_GET_TAG(status) == JS_TAG_INT ? JS_VALUE_GET_INT(status) : 0);
}

/* The engine runs on a stack of its own where the caller's limit would end ours below what the engine takes. See setrlimit(2), RLIMIT_STACK. */
int main(int argc, char **argv) {
  static ucontext_t own;
  struct rlimit limit = {0};
  started.argc = argc, started.argv = argv, building = !heap.used && argc == 2 && !strcmp(argv[1], "--print-heap");
  heap.used += building ? sizeof heap : 0;
  heap.hot = heap.hot && !remap((char *)&heap + heap.hot, heap.used - heap.hot, -1, 0) ? heap.hot : 0;
  if (!getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur < 2 * STACK_BYTES && !getcontext(&own) &&
      (own.uc_stack.ss_sp = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED) {
    own.uc_stack.ss_size = 2 * STACK_BYTES;
    makecontext(&own, run, 0), setcontext(&own);
  }
  run();
}
