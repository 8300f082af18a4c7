/* Process 1 of a container with --init: starts the program, passes signals on to it, collects orphans,
 * and ends as the program did. No C library.
 * usage: gantry-init [--] PROGRAM [ARGUMENT...] */
#include "sys.h"

enum { SIGKILL = 9, SIGCHLD = 17, SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIG_BLOCK = 0,
  SIG_SETMASK = 2, WNOHANG = 1, TIOCSPGRP = 0x5410, SIGSET_BYTES = 8, PATH_SIZE = 4096 };

void *memcpy(void *d, const void *s, u64 n) { u8 *a = d; const u8 *b = s; while (n--) *a++ = *b++; return d; }
void *memset(void *d, int c, u64 n) { u8 *a = d; while (n--) *a++ = (u8)c; return d; }

static void leave(int code) { for (;;) sys3(SYS_exit_group, code, 0, 0); }

static void complain(const char *what, const char *name) {
  sys3(SYS_write, 2, what, length(what));
  sys3(SYS_write, 2, name, length(name));
  sys3(SYS_write, 2, "\n", 1);
}

static const char *path_of(char **env) {
  for (; *env; env++)
    if ((*env)[0] == 'P' && (*env)[1] == 'A' && (*env)[2] == 'T' && (*env)[3] == 'H' && (*env)[4] == '=') return *env + 5;
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* execvp(3): a name without a slash is looked for in PATH; returns the errno that says most */
static int execute(char **argv, char **env) {
  static char file[PATH_SIZE];
  u64 name = length(argv[0]);
  int worst = ENOENT;
  for (u64 i = 0; i < name; i++)
    if (argv[0][i] == '/') return (int)-sys3(SYS_execve, argv[0], argv, env);
  for (const char *path = path_of(env);; path++) {
    u64 n = 0;
    while (path[n] && path[n] != ':') n++;
    if (n + name + 2 <= PATH_SIZE) {
      memcpy(file, path, n);
      file[n] = '/';
      memcpy(file + n + 1, argv[0], name + 1);
      if (sys3(SYS_execve, file, argv, env) == -EACCES) worst = EACCES;
    }
    path += n;
    if (!*path) return worst;
  }
}

__attribute__((used, noreturn)) void start(u64 *stack) {
  u64 argc = stack[0];
  char **argv = (char **)(stack + 1), **env = argv + argc + 1;
  u64 all = ~0ul, before = 0;
  u64 first = argc > 1 && argv[1][0] == '-' && argv[1][1] == '-' && !argv[1][2] ? 2 : 1;
  if (first >= argc) {
    complain("gantry-init: no program", "");
    leave(127);
  }
  SYS(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, SIGSET_BYTES, 0, 0);
  i64 child = SYS(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
  if (child < 0) {
    complain("gantry-init: cannot fork for ", argv[first]);
    leave(126);
  }
  if (child == 0) {
    /* a group of its own, in the foreground of the terminal if there is one; SIGTTOU is blocked */
    int group = (int)sys3(SYS_getpid, 0, 0, 0);
    sys3(SYS_setpgid, 0, 0, 0);
    sys3(SYS_ioctl, 0, TIOCSPGRP, &group);
    SYS(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, SIGSET_BYTES, 0, 0);
    int error = execute(argv + first, env);
    complain("gantry-init: cannot execute ", argv[first]);
    leave(error == ENOENT ? 127 : 126);
  }
  for (;;) {
    i64 signal = SYS(SYS_rt_sigtimedwait, &all, 0, 0, SIGSET_BYTES, 0, 0);
    if (signal == SIGCHLD) {
      i32 status = 0, code = -1;
      i64 pid;
      while ((pid = SYS(SYS_wait4, -1, &status, WNOHANG, 0, 0, 0)) > 0)
        if (pid == child) code = status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
      if (code >= 0) leave(code);
    } else if (signal > 0 && signal != SIGTTIN && signal != SIGTTOU && signal != SIGTSTP) {
      sys3(SYS_kill, child, signal, 0);
    }
  }
}
