/* The floor of starting a program: nothing to do, linked to libc like any C program. */
int main(void) {
  return 0;
}
