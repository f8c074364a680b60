/*
 * The C functions that TypeScript finds by name (host.symbol), beside system calls. They are linked into the program, which has one table of them
 * or none. The last entry has no name.
 */
struct function {
  const char *name;
  void (*address)(void);
};
extern const struct function functions[] __attribute__((weak));

#define FUNCTION(function) {#function, (void (*)(void))function}
