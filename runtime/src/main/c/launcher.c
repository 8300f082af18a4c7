/* Hands a command to the user's resident program and stands for it in the shell: terminal, job control,
 * signals, exit code. Where no resident program answers, it becomes the program that runs the command
 * by itself. No C library.
 * usage: gantry-launcher COLD [ARGUMENT...]   COLD finds GANTRY_RESIDENT_ANSWER=absent or =refused
 *        gantry-launcher --start              starts the resident program a second later
 *
 * What goes over the socket: first the request with our descriptors 0 to 2, then 8 bytes a message,
 * number and value. From the resident program ACCEPT or REFUSE, which we answer with GO: only now it
 * begins. Then SIGNAL from us when we get one; from it EXIT with a code, or RAISE with a signal for
 * ourselves, and RESUMED from us when we go on after that. Beside SIGNAL and RESUMED stands, in the second
 * byte, whether we are in the foreground of our terminal. The end of either side ends the command. */
#include "sys.h"

#if defined(__x86_64__)
enum { SYS_socket = 41, SYS_connect = 42, SYS_setsockopt = 54, SYS_getcwd = 79, SYS_umask = 95,
  SYS_getuid = 102, SYS_getpgid = 121, SYS_setsid = 112, SYS_rt_sigaction = 13, SYS_signalfd4 = 289,
  SYS_dup3 = 292, SYS_chdir = 80, SYS_fcntl = 72 };
struct stat { u64 dev, ino, nlink; u32 mode, uid, gid, pad; u8 rest[120]; };
#else
enum { SYS_socket = 198, SYS_connect = 203, SYS_setsockopt = 208, SYS_getcwd = 17, SYS_umask = 166,
  SYS_getuid = 174, SYS_getpgid = 155, SYS_setsid = 157, SYS_rt_sigaction = 134, SYS_signalfd4 = 74,
  SYS_dup3 = 24, SYS_chdir = 49, SYS_fcntl = 25 };
struct stat { u64 dev, ino; u32 mode, nlink, uid, gid; u8 rest[128]; };
#endif
enum { SYS_close_range = 436, AF_UNIX = 1, SOCK_STREAM = 1, SO_SNDTIMEO = 21, F_SETFL = 4, F_GETFD = 1,
  TCGETS = 0x5401, TCSETSW = 0x5403, TIOCGPGRP = 0x540f, SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_IGN = 1,
  SIGHUP = 1, SIGINT = 2, SIGUSR2 = 12, SIGALRM = 14, SIGTERM = 15, SIGCHLD = 17, SIGCONT = 18,
  SIGTSTP = 20, SIGTTOU = 22, S_IFMT = 0170000, S_IFDIR = 0040000, PATIENCE_SECONDS = 2, NAME = 400 };
enum { ACCEPT = 1, REFUSE = 2, EXIT = 3, RAISE = 4, GO = 5, SIGNAL = 6, RESUMED = 7 };

struct message { u32 kind; i32 value; };
struct request { u32 magic, arguments, variables, umask, foreground, bytes; };

static char **environment;

void *memcpy(void *d, const void *s, u64 n) { u8 *a = d; const u8 *b = s; while (n--) *a++ = *b++; return d; }
void *memset(void *d, int c, u64 n) { u8 *a = d; while (n--) *a++ = (u8)c; return d; }

static _Noreturn void leave(int code) { for (;;) sys3(SYS_exit_group, code & 0xff, 0, 0); }

static _Noreturn void fail(const char *what) {
  sys3(SYS_write, 2, what, length(what));
  leave(125);
}

static const char *variable(const char *name) {
  u64 n = length(name);
  for (char **e = environment; *e; e++) {
    u64 i = 0;
    while (i < n && (*e)[i] == name[i]) i++;
    if (i == n && (*e)[n] == '=') return *e + n + 1;
  }
  return "";
}

/* appends as much of a text as there is room for; the result is always ended by a NUL */
static void add(char *to, const char *text) {
  u64 at = length(to);
  while (*text && at < NAME - 1) to[at++] = *text++;
  to[at] = 0;
}

static void add_number(char *to, u64 value, u64 base) {
  char digits[24];
  int at = 23;
  digits[at] = 0;
  do { digits[--at] = "0123456789abcdef"[value % base]; value /= base; } while (value);
  add(to, digits + at);
}

/* ---- where the socket is */

/* a folder that nobody else can enter or replace */
static int is_ours(const char *folder) {
  struct stat st;
  if (SYS(SYS_newfstatat, AT_FDCWD, folder, &st, AT_SYMLINK_NOFOLLOW, 0, 0) < 0) return 0;
  return (st.mode & S_IFMT) == S_IFDIR && st.uid == (u32)sys3(SYS_getuid, 0, 0, 0) && !(st.mode & 077);
}

/* lib/, which this program lies in, with the slash */
static int home(char *to) {
  i64 n = SYS(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", to, NAME - 1, 0, 0);
  if (n <= 0) return 0;
  while (n > 0 && to[n - 1] != '/') n--;
  to[n] = 0;
  return n > 0;
}

/* one name for each distribution, in the user's folder for such things or else a private one */
static int socket_name(char *to) {
  char lib[NAME] = "", own[NAME] = "/run/user/";
  u64 hash = 14695981039346656037ul;
  if (!home(lib)) return 0;
  for (char *c = lib; *c; c++) hash = (hash ^ (u8)*c) * 1099511628211ul;
  add_number(own, (u64)sys3(SYS_getuid, 0, 0, 0), 10);
  *to = 0;
  add(to, variable("XDG_RUNTIME_DIR"));
  if (*to != '/' || !is_ours(to)) { *to = 0; add(to, own); }
  if (is_ours(to)) {
    add(to, "/gantry-resident");
  } else {
    *to = 0;
    add(to, "/tmp/.gantry-");
    add_number(to, (u64)sys3(SYS_getuid, 0, 0, 0), 10);
  }
  sys3(SYS_mkdirat, AT_FDCWD, to, 0700);
  if (!is_ours(to)) return 0;
  add(to, "/cli-");
  add_number(to, hash, 16);
  return length(to) < 100;
}

/* ---- the two ways out */

/* becomes the program that runs the command by itself */
static _Noreturn void cold(char **argv, const char *answer) {
  u64 n = 0;
  while (environment[n]) n++;
  char *all[n + 2];
  char told[64] = "GANTRY_RESIDENT_ANSWER=";
  add(told, answer);
  memcpy(all, environment, n * sizeof *all);
  all[n] = told;
  all[n + 1] = 0;
  sys3(SYS_execve, argv[1], argv + 1, all);
  fail("gantry: the command line is not where it was: build it anew\n");
}

/* the resident program, apart from this terminal, session and folder; a second later, for a command that
 * begins now shall have the processors */
static _Noreturn void start_resident(void) {
  static const char *kept[] = {"HOME", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "GANTRY_RESIDENT_IDLE"};
  char name[NAME], java[NAME] = "", arguments[NAME] = "@", values[7][NAME];
  char *words[] = {java, arguments, name, 0}, *variables[8];
  struct timespec second = {1, 0};
  u64 none = 0, n = 0;
  if (!socket_name(name) || !home(java)) leave(1);
  add(arguments, java);
  add(arguments, "resident.args");
  add(java, "../jdk/bin/java");
  if (SYS(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0) != 0) leave(0);
  sys3(SYS_setsid, 0, 0, 0);
  i64 nothing = SYS(SYS_openat, AT_FDCWD, "/dev/null", 2, 0, 0, 0);
  if (nothing < 0) leave(1);
  for (int i = 0; i < 3; i++)
    if (nothing != i) sys3(SYS_dup3, nothing, i, 0);
  sys3(SYS_close_range, 3, ~0u, 0);
  sys3(SYS_chdir, "/", 0, 0);
  sys3(SYS_umask, 077, 0, 0);
  SYS(SYS_rt_sigprocmask, 2, &none, 0, 8, 0, 0);
  for (u64 i = 0; i < 7; i++) {
    if (!*variable(kept[i])) continue;
    *values[n] = 0;
    add(values[n], kept[i]);
    add(values[n], "=");
    add(values[n], variable(kept[i]));
    variables[n] = values[n];
    n++;
  }
  variables[n] = 0;
  SYS(SYS_ppoll, 0, 0, &second, 0, 0, 0);
  sys3(SYS_execve, java, words, variables);
  leave(1);
}

/* ---- the way in */

static int send_all(i64 socket, const void *bytes, u64 n) {
  for (u64 at = 0; at < n;) {
    i64 sent = SYS(SYS_sendto, socket, (const u8 *)bytes + at, n - at, MSG_NOSIGNAL, 0, 0);
    if (sent == -EINTR) continue;
    if (sent <= 0) return 0;
    at += (u64)sent;
  }
  return 1;
}

static int receive(i64 socket, struct message *m) {
  i64 n;
  do n = SYS(SYS_recvfrom, socket, m, sizeof *m, 0, 0, 0);
  while (n == -EINTR);
  return n == sizeof *m;
}

static int in_foreground(void) {
  i32 group = 0;
  if (sys3(SYS_ioctl, 0, TIOCGPGRP, &group) < 0) return 1; /* no terminal of our session */
  return group == (i32)sys3(SYS_getpgid, 0, 0, 0);
}

/* a connection to the resident program of this very user, or -1 */
static i64 connection(void) {
  struct { u16 family; char path[108]; } address = {AF_UNIX, {0}};
  struct { i32 pid; u32 uid, gid; } peer;
  struct timespec patience = {PATIENCE_SECONDS, 0};
  u32 n = sizeof peer;
  char name[NAME];
  if (!socket_name(name)) return -1;
  memcpy(address.path, name, length(name));
  /* not waiting: the queue of one that hangs is full */
  i64 fd = sys3(SYS_socket, AF_UNIX, SOCK_STREAM | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0 || sys3(SYS_connect, fd, &address, sizeof address) < 0) return -1;
  sys3(SYS_fcntl, fd, F_SETFL, 0);
  SYS(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience, 0);
  if (SYS(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &n, 0) < 0) return -1;
  return peer.uid == (u32)sys3(SYS_getuid, 0, 0, 0) ? fd : -1;
}

/* arguments and environment lie one behind the other, as the kernel has put them */
static int ask(i64 socket, u64 argc, char **argv) {
  static char folder[4096];
  char **last = environment;
  i64 n = sys3(SYS_getcwd, folder, sizeof folder, 0);
  if (n <= 0 || folder[0] != '/' || !*last) return 0;
  while (last[1]) last++;
  char *from = argc > 2 ? argv[2] : environment[0], *to = *last + length(*last) + 1;
  u32 mask = (u32)sys3(SYS_umask, 077, 0, 0);
  sys3(SYS_umask, mask, 0, 0);
  struct request r = {0x31524e47, (u32)(argc - 2), (u32)(last - environment) + 1, mask,
    (u32)in_foreground(), (u32)n + (u32)(to - from)};
  struct { u64 len; i32 level, type; i32 fds[3]; i32 pad; } control = {16 + 12, SOL_SOCKET, SCM_RIGHTS, {0, 1, 2}, 0};
  struct iovec part = {&r, sizeof r};
  struct msghdr header = {0, 0, 0, &part, 1, &control, sizeof control, 0, 0};
  if (sys3(SYS_sendmsg, socket, &header, MSG_NOSIGNAL) != sizeof r) return 0;
  return send_all(socket, folder, (u64)n) && send_all(socket, from, (u64)(to - from));
}

/* does to ourselves what a signal does to a program that does not ask for it */
static void raise_signal(int signal) {
  u64 one = 1ul << (signal - 1);
  SYS(SYS_rt_sigprocmask, SIG_UNBLOCK, &one, 0, 8, 0, 0);
  sys3(SYS_kill, sys3(SYS_getpid, 0, 0, 0), signal, 0);
  SYS(SYS_rt_sigprocmask, SIG_BLOCK, &one, 0, 8, 0, 0);
}

/* stands for the command until it has ended */
static _Noreturn void stand_in(i64 socket, i64 signals) {
  static u8 settings[64], signal[128];
  struct message m;
  int terminal = sys3(SYS_ioctl, 0, TCGETS, settings) >= 0;
  for (;;) {
    struct pollfd both[2] = {{(i32)socket, POLLIN, 0}, {(i32)signals, POLLIN, 0}};
    if (SYS(SYS_ppoll, both, 2, 0, 0, 0, 0) < 0) continue;
    if (both[1].revents & POLLIN && sys3(SYS_read, signals, signal, sizeof signal) == sizeof signal) {
      u32 number;
      memcpy(&number, signal, 4);
      m.kind = SIGNAL | (u32)in_foreground() << 8;
      m.value = (i32)number;
      send_all(socket, &m, sizeof m); /* what fails is seen below */
    }
    if (!both[0].revents) continue;
    if (!receive(socket, &m)) {
      u64 tty_output = 1ul << (SIGTTOU - 1);
      SYS(SYS_rt_sigprocmask, SIG_BLOCK, &tty_output, 0, 8, 0, 0);
      if (terminal) sys3(SYS_ioctl, 0, TCSETSW, settings);
      fail("gantry: the resident program has ended in the middle of this command\n");
    }
    if (m.kind == EXIT) leave(m.value);
    if (m.kind == RAISE) {
      raise_signal(m.value);
      m.kind = RESUMED | (u32)in_foreground() << 8;
      send_all(socket, &m, sizeof m);
    }
  }
}

__attribute__((used, noreturn)) void start(u64 *stack) {
  static const int watched[] = {SIGHUP, SIGINT, SIGUSR2, SIGALRM, SIGTERM, SIGCONT, SIGTSTP};
  u64 argc = stack[0], mask = 0;
  char **argv = (char **)(stack + 1);
  struct message m;
  environment = argv + argc + 1;
  if (argc < 2) fail("usage: gantry-launcher COLD [ARGUMENT...]\n");
  if (argc == 2 && argv[1][0] == '-') start_resident();
  for (int fd = 0; fd < 3; fd++)
    if (sys3(SYS_fcntl, fd, F_GETFD, 0) < 0) cold(argv, "refused");
  i64 socket = connection();
  if (socket < 0) cold(argv, "absent");
  struct pollfd answer = {(i32)socket, POLLIN, 0};
  struct timespec patience = {PATIENCE_SECONDS, 0};
  if (!ask(socket, argc, argv)) cold(argv, "refused");
  if (SYS(SYS_ppoll, &answer, 1, &patience, 0, 0, 0) <= 0) cold(argv, "refused");
  if (!receive(socket, &m)) cold(argv, "absent");
  if (m.kind != ACCEPT) cold(argv, "refused");
  for (u64 i = 0; i < sizeof watched / sizeof *watched; i++) {
    struct { u64 handler, flags, restorer, mask; } action = {0, 0, 0, 0};
    SYS(SYS_rt_sigaction, watched[i], 0, &action, 8, 0, 0);
    if (action.handler != SIG_IGN) mask |= 1ul << (watched[i] - 1);
  }
  SYS(SYS_rt_sigprocmask, SIG_BLOCK, &mask, 0, 8, 0, 0);
  i64 signals = SYS(SYS_signalfd4, -1, &mask, 8, O_CLOEXEC, 0, 0);
  m.kind = GO;
  if (signals < 0 || !send_all(socket, &m, sizeof m)) {
    SYS(SYS_rt_sigprocmask, SIG_UNBLOCK, &mask, 0, 8, 0, 0);
    cold(argv, "refused");
  }
  stand_in(socket, signals);
}
