/*
 * The engine's body: boots QuickJS, hands TypeScript a foreign function interface to libc and the kernel, and loads
 * bytecode modules linked into this program when they are asked for. It knows nothing of containers. src/sys/host.ts is its
 * TypeScript face.
 *
 * Laws:
 *  - A bad argument is a TypeError, never a crash, and never reaches the C side.
 *  - 64-bit values are exact: a result that a Number cannot hold becomes a BigInt.
 *  - Memory belongs to whoever made it: a buffer lives as long as TypeScript refers to it, `view` borrows.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <quickjs.h>

#include "modules.h"

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
#define STACK_BYTES (1u << 20)

typedef intptr_t (*foreign_function)(intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t);
static int last_errno;

/* ---- values from TypeScript ---- */

static JSClassID array_buffer_class;

/* DataView.prototype's own getters of buffer, byteOffset and byteLength, taken at boot: no later property misleads them. */
static JSValue view_getter[3];

static void prepare_buffers(JSContext *ctx, JSValueConst global) {
  static const char *const names[] = {"buffer", "byteOffset", "byteLength"};
  JSValue buffer = JS_NewArrayBufferCopy(ctx, (const uint8_t *)"", 0);
  JSValue view = JS_GetPropertyStr(ctx, global, "DataView");
  JSValue prototype = JS_GetPropertyStr(ctx, view, "prototype");
  for (int i = 0; i < 3; i++) {
    JSPropertyDescriptor property = {.getter = JS_UNDEFINED};
    JS_GetOwnProperty(ctx, &property, prototype, JS_NewAtom(ctx, names[i])); /* the atoms live as long as the engine */
    view_getter[i] = property.getter;
  }
  array_buffer_class = JS_GetClassID(buffer);
  JS_FreeValue(ctx, prototype);
  JS_FreeValue(ctx, view);
  JS_FreeValue(ctx, buffer);
}

static int view_size(JSContext *ctx, JSValueConst view, int which, size_t *out) {
  int64_t number = 0;
  int failed = JS_ToInt64(ctx, &number, JS_Call(ctx, view_getter[which], view, 0, NULL));
  *out = (size_t)number;
  return failed;
}

/*
 * The bytes behind an ArrayBuffer, a typed array or a DataView, for as long as `value` lives. Throws for all else.
 * It reads the engine's own record of the object, never a property: a property may lie, or free what was converted before.
 */
static uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length) {
  if (JS_GetClassID(value) == array_buffer_class)
    return JS_GetArrayBuffer(ctx, length, value);
  size_t size = 0, at = 0;
  JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &at, length, NULL);
  int lost = JS_IsException(buffer);
  if (lost) {
    JS_FreeValue(ctx, JS_GetException(ctx));
    buffer = JS_Call(ctx, view_getter[0], value, 0, NULL);
    lost = JS_IsException(buffer) || view_size(ctx, value, 1, &at) || view_size(ctx, value, 2, length);
  }
  uint8_t *bytes = lost ? NULL : JS_GetArrayBuffer(ctx, &size, buffer);
  JS_FreeValue(ctx, buffer); /* `value` still holds it */
  if (bytes && at <= size && *length <= size - at)
    return bytes + at;
  ThrowTypeError(ctx, "expected an integer, a string, a buffer or null");
  return NULL;
}

/* A C string that the caller frees. */
static const char *string_of(JSContext *ctx, JSValueConst value) {
  size_t length;
  const char *text = JS_IsString(value) ? JS_ToCStringLen(ctx, &length, value) : NULL;
  if (text && strlen(text) == length)
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
  if (!fits)
    ThrowTypeError(ctx, "expected an integer that is exact and fits 64 bits");
  return fits ? 0 : -1;
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
  if (JS_IsString(value))
    args->value[i] = (intptr_t)(args->string[i] = string_of(ctx, value));
  else
    args->value[i] = (intptr_t)bytes_of(ctx, value, &length);
  return args->value[i] ? 0 : -1;
}

/* Fills `args` from `argv`; on failure frees what it took, throws and returns -1. */
static int convert_all(JSContext *ctx, int argc, JSValueConst *argv, int most, struct arguments *args) {
  memset(args, 0, sizeof *args);
  int failed = argc > most;
  if (failed)
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
  return (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f) ? 0 : n;
}

/* A string of UTF-8. Each invalid byte becomes U+FFFD; the engine alone would also swallow valid ones after it. */
static JSValue text_of(JSContext *ctx, const uint8_t *in, size_t length) {
  size_t i = 0, n = 0;
  while (i < length && (n = valid_utf8(in + i, length - i)))
    i += n;
  if (i == length)
    return JS_NewStringLen(ctx, (const char *)in, length);
  uint8_t *out = js_malloc(ctx, 3 * length), *end = out;
  for (i = 0; out && i < length; i += n ? n : 1) {
    n = valid_utf8(in + i, length - i);
    end = mempcpy(end, n ? in + i : (const uint8_t *)"\xef\xbf\xbd", n ? n : 3);
  }
  JSValue text = out ? JS_NewStringLen(ctx, (const char *)out, (size_t)(end - out)) : JS_EXCEPTION;
  js_free(ctx, out);
  return text;
}

static JSValue integer(JSContext *ctx, int64_t value) {
  int exact = value >= -MAX_SAFE_INTEGER && value <= MAX_SAFE_INTEGER;
  return exact ? JS_NewInt64(ctx, value) : JS_NewBigInt64(ctx, value);
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
    result = -(last_errno = errno);
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
    return ThrowTypeError(ctx, "no function at address %" PRIdPTR, address);
  if (convert_all(ctx, argc - 1, argv + 1, MAX_ARGS, &args))
    return JS_EXCEPTION;
  foreign_function function;
  memcpy(&function, &address, sizeof function);
  intptr_t *v = args.value;
  errno = 0;
  intptr_t result = function(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
  last_errno = errno;
  free_arguments(ctx, &args);
  return magic ? integer(ctx, result) : JS_NewInt32(ctx, (int32_t)result);
}

static JSValue host_errno(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt32(ctx, last_errno);
}

/* What dlopen or dlsym found, or dlerror's words as a ReferenceError. Frees `name`. */
static JSValue found(JSContext *ctx, const char *name, void *pointer) {
  JS_FreeCString(ctx, name);
  return pointer ? integer(ctx, (intptr_t)pointer) : ThrowReferenceError(ctx, "%s", dlerror());
}

static JSValue host_dlopen(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const char *name = string_of(ctx, argv[0]);
  return name ? found(ctx, name, dlopen(name, RTLD_NOW | RTLD_LOCAL)) : JS_EXCEPTION;
}

static JSValue host_dlsym(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  intptr_t handle = (intptr_t)RTLD_DEFAULT;
  if (!JS_IsNull(argv[0]) && integer_of(ctx, argv[0], &handle))
    return JS_EXCEPTION;
  const char *name = string_of(ctx, argv[1]);
  return name ? found(ctx, name, dlsym((void *)handle, name)) : JS_EXCEPTION;
}

/* magic 0: where the buffer's bytes are; 1: the text they hold. */
static JSValue host_bytes(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  size_t length;
  uint8_t *bytes = bytes_of(ctx, argv[0], &length);
  if (!bytes)
    return JS_EXCEPTION;
  return magic ? text_of(ctx, bytes, length) : integer(ctx, (intptr_t)bytes);
}

static void keep(JSRuntime *rt, void *opaque, void *memory) {}

static JSValue host_view(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  intptr_t address, length;
  if (integer_of(ctx, argv[0], &address) || integer_of(ctx, argv[1], &length))
    return JS_EXCEPTION;
  if (address <= 0 || length < 0 || length > INT32_MAX)
    return ThrowTypeError(ctx, "no memory at address %" PRIdPTR ", length %" PRIdPTR, address, length);
  return JS_NewArrayBuffer(ctx, (uint8_t *)address, (size_t)length, keep, NULL, 0);
}

static JSValue host_cstring(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  intptr_t address;
  if (integer_of(ctx, argv[0], &address))
    return JS_EXCEPTION;
  if (address <= 0)
    return ThrowTypeError(ctx, "no C string at address %" PRIdPTR, address);
  return text_of(ctx, (const uint8_t *)address, strlen((const char *)address));
}

static JSValue host_encode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t length;
  const char *text = JS_IsString(argv[0]) ? JS_ToCStringLen(ctx, &length, argv[0]) : NULL;
  if (!text)
    return ThrowTypeError(ctx, "expected a string");
  JSValue buffer = JS_NewArrayBufferCopy(ctx, (const uint8_t *)text, length + 1); /* with the NUL */
  JS_FreeCString(ctx, text);
  return buffer;
}

/* ---- modules ---- */

/* Every module is loaded once: its namespace is kept by name. */
static JSModuleDef *loaded[sizeof modules / sizeof *modules];

static JSModuleDef *read_module(JSContext *ctx, const char *name, void *opaque) {
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    if (strcmp(modules[i].name, name))
      continue;
    if (!loaded[i]) {
      JSValue module = JS_ReadObject(ctx, modules[i].code, modules[i].size, JS_READ_OBJ_BYTECODE);
      if (JS_IsException(module))
        return NULL;
      loaded[i] = JS_VALUE_GET_PTR(module);
      JS_FreeValue(ctx, module); /* the context keeps every module it has read */
    }
    return loaded[i];
  }
  ThrowReferenceError(ctx, "no module %s in this program", name);
  return NULL;
}

static JSValue load(JSContext *ctx, const char *name) {
  JSModuleDef *module = read_module(ctx, name, NULL);
  JSValue value = JS_MKPTR(JS_TAG_MODULE, module);
  if (!module || JS_ResolveModule(ctx, value) < 0)
    return JS_EXCEPTION;
  JSValue result = JS_EvalFunction(ctx, JS_DupValue(ctx, value)); /* evaluates once, however often it is asked */
  if (JS_IsException(result))
    return JS_EXCEPTION;
#ifndef HOST_ENGINE_IS_THE_NPM_FORK
  if (JS_PromiseState(ctx, result) == JS_PROMISE_REJECTED) {
    JSValue reason = JS_PromiseResult(ctx, result);
    JS_FreeValue(ctx, result);
    return JS_Throw(ctx, reason);
  }
#endif
  JS_FreeValue(ctx, result);
  return JS_GetModuleNamespace(ctx, module);
}

static JSValue host_load(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const char *name = string_of(ctx, argv[0]);
  JSValue space = name ? load(ctx, name) : JS_EXCEPTION;
  JS_FreeCString(ctx, name);
  return space;
}

/* ---- boot ---- */

static const JSCFunctionListEntry host_functions[] = {
    JS_CFUNC_DEF("syscall", 7, host_syscall), JS_CFUNC_MAGIC_DEF("call", 9, host_call, 0),
    JS_CFUNC_MAGIC_DEF("callLong", 9, host_call, 1), JS_CFUNC_DEF("errno", 0, host_errno),
    JS_CFUNC_DEF("dlopen", 1, host_dlopen), JS_CFUNC_DEF("dlsym", 2, host_dlsym),
    JS_CFUNC_MAGIC_DEF("address", 1, host_bytes, 0), JS_CFUNC_DEF("view", 2, host_view),
    JS_CFUNC_DEF("cstring", 1, host_cstring), JS_CFUNC_MAGIC_DEF("decode", 1, host_bytes, 1),
    JS_CFUNC_DEF("encode", 1, host_encode), JS_CFUNC_DEF("load", 1, host_load),
};

/* Prints the uncaught error through the module "trace", which knows TypeScript's files and lines, or else as it is. */
static void report(JSContext *ctx) {
  JSValue error = JS_GetException(ctx);
  JSValue trace = load(ctx, "trace.js");
  JSValue render = JS_IsException(trace) ? JS_UNDEFINED : JS_GetPropertyStr(ctx, trace, "render");
  JSValue text = JS_IsFunction(ctx, render) ? JS_Call(ctx, render, JS_UNDEFINED, 1, &error) : JS_UNDEFINED;
  if (!JS_IsString(text))
    text = JS_ToString(ctx, error);
  const char *line = JS_ToCString(ctx, text);
  fprintf(stderr, "tsrun: internal error: %s\n", line ? line : "unprintable");
}

int main(int argc, char **argv) {
  JSRuntime *rt = JS_NewRuntime();
  JSContext *ctx = rt ? JS_NewContextRaw(rt) : NULL;
  if (!ctx)
    return fputs("tsrun: out of memory\n", stderr), 1;
  JS_SetGCThreshold(rt, GC_THRESHOLD_BYTES);
  JS_SetMaxStackSize(rt, STACK_BYTES);
  JS_AddIntrinsicBaseObjects(ctx);
  JS_AddIntrinsicDate(ctx);
  JS_AddIntrinsicRegExp(ctx);
  JS_AddIntrinsicJSON(ctx);
  JS_AddIntrinsicMapSet(ctx);
  JS_AddIntrinsicTypedArrays(ctx);
  JS_AddIntrinsicPromise(ctx); /* the engine evaluates modules through promises */
  SetModuleLoader(rt, read_module);

  JSValue global = JS_GetGlobalObject(ctx);
  prepare_buffers(ctx, global);
  JSValue host = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, host, host_functions, sizeof host_functions / sizeof *host_functions);
  JSValue arguments = JS_NewArray(ctx);
  for (int i = 0; i < argc; i++)
    JS_SetPropertyUint32(ctx, arguments, (uint32_t)i, text_of(ctx, (const uint8_t *)argv[i], strlen(argv[i])));
  JS_SetPropertyStr(ctx, host, "argv", arguments);
  JS_SetPropertyStr(ctx, global, "host", host);
  JS_FreeValue(ctx, global);

  int failed = JS_IsException(load(ctx, "main.js"));
  if (failed)
    report(ctx);
  _exit(failed); /* the engine's teardown would only free what the kernel frees */
}
