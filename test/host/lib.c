/* What test/host/program calls through the foreign function interface: it says what reached C, byte for byte. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "functions.h"

static int64_t seen[8];

/* Remembers eight arguments as 64 bits each. */
int record(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, int64_t g, int64_t h) {
  const int64_t all[8] = {a, b, c, d, e, f, g, h};
  memcpy(seen, all, sizeof seen);
  return 0;
}

int64_t recorded(int i) { return seen[i]; }

/* Argument `i` of the last `record`, compared bit by bit: no conversion on the way back can hide a wrong one. */
int recorded_is(int i, uint32_t high, uint32_t low) { return (uint64_t)seen[i] == ((uint64_t)high << 32 | low); }

int64_t identity(int64_t value) { return value; }

/* An int result of -1 or 5 in a register whose upper half is garbage, as the C ABI allows. */
int64_t minus_one_with_garbage(void) { return (int64_t)UINT64_C(0xdeadbeefffffffff); }
int64_t five_with_garbage(void) { return (int64_t)UINT64_C(0xdeadbeef00000005); }

int length_of(const char *text) { return (int)strlen(text); }
int byte_at(const uint8_t *bytes, int i) { return bytes[i]; }

int fill(uint8_t *bytes, int length, int value) {
  memset(bytes, value, (size_t)length);
  return length;
}

static char words[] = "from C: gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x90\xa7";
static uint8_t invalid[] = {'a', 0xff, 'b', 0xc3, '(', 0xe2, 0x82, 'c', 0};

const char *words_of_c(void) { return words; }
const uint8_t *invalid_utf8(void) { return invalid; }
const char *nothing(void) { return NULL; }

extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* Bytes of heap in use. AddressSanitizer has its own heap and its own count. */
int64_t heap_in_use(void) {
  if (__sanitizer_get_current_allocated_bytes)
    return (int64_t)__sanitizer_get_current_allocated_bytes();
  struct mallinfo2 info = mallinfo2();
  return (int64_t)(info.uordblks + info.hblkhd);
}

const struct function functions[] = {
    FUNCTION(record),
    FUNCTION(recorded),
    FUNCTION(recorded_is),
    FUNCTION(identity),
    FUNCTION(minus_one_with_garbage),
    FUNCTION(five_with_garbage),
    FUNCTION(length_of),
    FUNCTION(byte_at),
    FUNCTION(fill),
    FUNCTION(words_of_c),
    FUNCTION(invalid_utf8),
    FUNCTION(nothing),
    FUNCTION(heap_in_use),
    FUNCTION(getpid),
    FUNCTION(atoi),
    {0},
};
