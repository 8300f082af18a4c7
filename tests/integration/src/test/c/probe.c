/* probe NAME ABI NUMBER [ARGUMENT...]: makes one system call and prints "NAME errno", 0 for success.
 * ABI is 64, x32 or 32: a filter has to know all the ways into the kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long call(const char *abi, long n, const long *a) {
  long r;
#if defined(__x86_64__)
  if (strcmp(abi, "32") == 0) {
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4])
                     : "memory", "r8", "r9", "r10", "r11");
    return (int)r;
  }
  if (strcmp(abi, "x32") == 0) n |= 0x40000000;
  register long r10 __asm__("r10") = a[3];
  register long r8 __asm__("r8") = a[4];
  register long r9 __asm__("r9") = a[5];
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return r;
#else
  (void)abi; (void)n; (void)a; (void)r;
  return -38;
#endif
}

int main(int argc, char **argv) {
  long a[6] = {0};
  int i;
  if (argc < 4) return 2;
  for (i = 4; i < argc && i < 10; i++) a[i - 4] = strtol(argv[i], 0, 0);
  long r = call(argv[2], strtol(argv[3], 0, 0), a);
  if (r == 0 && strncmp(argv[1], "clone", 5) == 0) _Exit(0); /* the child that should not be */
  printf("%s %ld\n", argv[1], r < 0 && r > -4096 ? -r : 0);
  return 0;
}
