/* The program of the built-in hello-world image: prints a greeting and ends. No C library. */
#include "sys.h"

void *memcpy(void *d, const void *s, u64 n) { u8 *a = d; const u8 *b = s; while (n--) *a++ = *b++; return d; }

static const char text[] =
    "\n"
    "Hello from Gantry!\n"
    "You are reading this because a container has just run on this machine.\n"
    "\n"
    "What happened:\n"
    " 1. The command line sent your request to the engine, gantryd.\n"
    " 2. The engine took the built-in image \"hello-world\", which needs no registry.\n"
    " 3. It made a container of it: its own file system, processes, network and limits.\n"
    " 4. The only program in the image wrote this text, and its output came back to you.\n"
    "\n"
    "Next, get a whole system from Debian's packages and look around in it:\n"
    "  gantry image bootstrap debian:bookworm\n"
    "  gantry run -it --rm debian:bookworm bash\n"
    "\n";

__attribute__((used, noreturn)) void start(u64 *stack) {
  u64 done = 0;
  (void)stack;
  while (done < sizeof text - 1) {
    i64 n = sys3(SYS_write, 1, text + done, sizeof text - 1 - done);
    if (n < 0 && n != -EINTR) break;
    if (n > 0) done += (u64)n;
  }
  for (;;) sys3(SYS_exit_group, done == sizeof text - 1 ? 0 : 1, 0, 0);
}
