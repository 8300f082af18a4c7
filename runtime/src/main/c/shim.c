/* gantry-shim: executes a launch plan and stays as the container's monitor.
 *
 * It knows nothing of containers: the engine compiles an OCI configuration into a program of system
 * calls (see LaunchPlan.java for the layout, which this file mirrors) and this file runs it. There
 * is no parsing and no policy here. A failing step is reported as (index, errno); the engine knows
 * what the step was for.
 *
 *   fd 3  the plan, a sealed memfd        fd 4  a SOCK_SEQPACKET connection to the engine
 */
#include "sys.h"

enum { MAGIC = 0x59544e47, VERSION = 1, SLOTS = 1024, NO_SLOT = 0xffff };

struct record {
  u32 op;        /* a system call number, or SPECIAL + one of enum special */
  u16 kinds;     /* two bits an argument: 0 immediate, 1 offset into the blob, 2 slot's value */
  u16 slot;      /* where the result goes, or NO_SLOT */
  i16 tolerated[2];
  u32 skip;      /* how many records to pass over after a tolerated error */
  u64 arg[6];
};

struct header { u32 magic, version, records, relocations; u64 blob_offset, blob_length, relocation_offset, reserved; };

enum { SPECIAL = 0x10000 };
enum special { FORK, EXIT, JUMP, JUMP_IF_EQUAL, CHECK, LOAD32, STORE32, FORMAT, WAIT_BYTE, WAIT_EXEC,
  READY, MONITOR, EXECUTE, MAKE_PATH, COPY_UP, NETLINK, REPORT_TO, LOAD64, FORK_SHARED, AWAIT, ASK };

/* Messages between the monitor and whoever is connected: fixed, versioned, never changed in meaning. */
enum { MSG_READY = 'R', MSG_FAILED = 'F', MSG_STATUS = 'S', MSG_EXIT = 'X',
  ASK_ATTACH = 'A', ASK_SIGNAL = 'K', ASK_START = 'G', ASK_CLOSE_STDIN = 'C', ASK_QUIT = 'Q' };
struct message { u8 type, version, alive, pad; i32 pid; i32 status; i32 index; i32 error; u32 pad2; i64 time; };

static u64 slots[SLOTS];
static u8 *blob;
static int report_fd = 4;      /* where a failure goes: the engine, or in a forked child the pipe to the monitor */
static int report_is_pipe;
static int engine_fd = 4;

void *memcpy(void *d, const void *s, u64 n) { u8 *a = d; const u8 *b = s; while (n--) *a++ = *b++; return d; }
void *memset(void *d, int c, u64 n) { u8 *a = d; while (n--) *a++ = (u8)c; return d; }

static __attribute__((noreturn)) void quit(int code) {
  sys3(SYS_exit_group, code, 0, 0);
  for (;;) __builtin_trap(); /* a filter that forbids to exit: no signal handler can stop this */
}

static i64 send_message(int fd, const struct message *m, const int *fds, int count) {
  u64 control[(16 + 4 * 8 + 7) / 8];
  struct iovec iov = {(void *)m, sizeof *m};
  struct msghdr h;
  memset(&h, 0, sizeof h);
  h.iov = &iov;
  h.iovlen = 1;
  if (count > 0) {
    control[0] = 16 + 4 * (u64)count;
    ((u32 *)control)[2] = SOL_SOCKET;
    ((u32 *)control)[3] = SCM_RIGHTS;
    memcpy((u8 *)control + 16, fds, 4 * (u64)count);
    h.control = control;
    h.controllen = (16 + 4 * (u64)count + 7) / 8 * 8;
  }
  return sys3(SYS_sendmsg, fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static __attribute__((noreturn)) void fail(int index, int error) {
  if (report_is_pipe) {
    i32 pair[2] = {index, error};
    sys3(SYS_write, report_fd, pair, sizeof pair);
  } else {
    struct message m;
    memset(&m, 0, sizeof m);
    m.type = MSG_FAILED;
    m.version = VERSION;
    m.index = index;
    m.error = error;
    send_message(report_fd, &m, 0, 0);
  }
  quit(255);
}

/* ---- special operations -------------------------------------------------------------------- */

static u64 put_number(char *out, u64 value) {
  char digits[20];
  u64 n = 0, i;
  do { digits[n++] = (char)('0' + value % 10); value /= 10; } while (value);
  for (i = 0; i < n; i++) out[i] = digits[n - 1 - i];
  return n;
}

static void format(char *out, const char *prefix, u64 value, const char *suffix) {
  u64 n = length(prefix);
  memcpy(out, prefix, n);
  n += put_number(out + n, value);
  memcpy(out + n, suffix, length(suffix) + 1);
}

static i64 open_in_root(int root, const char *path, u64 flags, u64 mode) {
  struct open_how how = {flags | O_CLOEXEC, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  i64 r;
  int tries = 0;
  do r = SYS(SYS_openat2, root, path, &how, sizeof how, 0, 0);
  while ((r == -EINTR || r == -EAGAIN) && ++tries < 128);
  return r;
}

/* Opens path under root, making what is missing: folders with mode, and the last part as an empty
 * file if is_file. Every look-up stays inside root whatever links the image holds; a part that is
 * a dangling link is made through its target, as Docker does. Returns an O_PATH descriptor. */
static i64 make_path(int root, const char *path, u64 mode, int is_file) {
  char part[4096];
  u64 n = 0, total = length(path);
  i64 fd = open_in_root(root, path, O_PATH, 0);
  if (fd >= 0 || fd != -ENOENT) return fd;
  if (total >= sizeof part) return -ENAMETOOLONG;
  while (n < total) {
    i64 parent;
    u64 start, end;
    while (n < total && path[n] == '/') n++;
    start = n;
    while (n < total && path[n] != '/') n++;
    end = n;
    if (end == start) break;
    memcpy(part, path, end);
    part[end] = 0;
    fd = open_in_root(root, part, O_PATH, 0);
    if (fd >= 0) { sys3(SYS_close, fd, 0, 0); continue; }
    if (fd != -ENOENT) return fd;
    part[start] = 0;
    parent = open_in_root(root, start ? part : "/", O_PATH | O_DIRECTORY, 0);
    if (parent < 0) return parent;
    memcpy(part, path + start, end - start);
    part[end - start] = 0;
    {
      u64 rest = end;
      int last;
      while (rest < total && path[rest] == '/') rest++;
      last = rest == total;
      if (is_file && last) {
        i64 file = SYS(SYS_openat, parent, part, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644, 0, 0);
        fd = file < 0 ? file : 0;
        if (file >= 0) sys3(SYS_close, file, 0, 0);
      } else {
        fd = sys3(SYS_mkdirat, parent, part, mode);
      }
    }
    sys3(SYS_close, parent, 0, 0);
    if (fd < 0 && fd != -EEXIST) return fd;
  }
  return open_in_root(root, path, O_PATH, 0);
}

struct entry { u64 ino; i64 off; u16 reclen; u8 type; char name[]; };
struct stat {
#if defined(__x86_64__)
  u64 dev, ino, nlink; u32 mode, uid, gid, pad; u64 rdev; i64 size, blksize, blocks; i64 times[6]; i64 unused[3];
#else
  u64 dev, ino; u32 mode, nlink, uid, gid; u64 rdev, pad; i64 size; i32 blksize, pad2; i64 blocks; i64 times[6]; u32 unused[2];
#endif
};

static i64 copy_file(int from, int to, const char *name, const struct stat *st) {
  static u8 buffer[16384];
  i64 in = SYS(SYS_openat, from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0), out, n = 0;
  if (in < 0) return in;
  out = SYS(SYS_openat, to, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600, 0, 0);
  if (out >= 0) {
    while ((n = sys3(SYS_read, in, buffer, sizeof buffer)) > 0) {
      i64 done = 0;
      while (done < n) {
        i64 w = sys3(SYS_write, out, buffer + done, n - done);
        if (w < 0) { n = w; break; }
        done += w;
      }
      if (n < 0) break;
    }
    sys3(SYS_close, out, 0, 0);
    SYS(SYS_fchownat, to, name, st->uid, st->gid, AT_SYMLINK_NOFOLLOW, 0);
    sys3(SYS_fchmodat, to, name, st->mode & 07777);
  } else n = out;
  sys3(SYS_close, in, 0, 0);
  return n < 0 ? n : 0;
}

/* Copies the tree below `from` into the empty folder `to`: owners, modes, links; devices as nodes. */
static i64 copy_up(int from, int to, int depth) {
  u8 list[2048];
  char target[4096];
  i64 count, at, r = 0;
  if (depth > 64) return -ELOOP;
  while (r >= 0 && (count = sys3(SYS_getdents64, from, list, sizeof list)) > 0) {
    for (at = 0; at < count && r >= 0; at += ((struct entry *)(list + at))->reclen) {
      char *name = ((struct entry *)(list + at))->name;
      struct stat st;
      if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]))) continue;
      r = SYS(SYS_newfstatat, from, name, &st, AT_SYMLINK_NOFOLLOW, 0, 0);
      if (r < 0) break;
      switch (st.mode & 0170000) {
        case 0040000: {
          i64 a, b;
          r = sys3(SYS_mkdirat, to, name, 0700);
          if (r < 0) break;
          a = SYS(SYS_openat, from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0);
          b = SYS(SYS_openat, to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0);
          r = a < 0 ? a : b < 0 ? b : copy_up((int)a, (int)b, depth + 1);
          if (a >= 0) sys3(SYS_close, a, 0, 0);
          if (b >= 0) sys3(SYS_close, b, 0, 0);
          SYS(SYS_fchownat, to, name, st.uid, st.gid, AT_SYMLINK_NOFOLLOW, 0);
          sys3(SYS_fchmodat, to, name, st.mode & 07777);
          break;
        }
        case 0100000: r = copy_file(from, to, name, &st); break;
        case 0120000:
          r = SYS(SYS_readlinkat, from, name, target, sizeof target - 1, 0, 0);
          if (r < 0) break;
          target[r] = 0;
          r = sys3(SYS_symlinkat, target, to, name);
          SYS(SYS_fchownat, to, name, st.uid, st.gid, AT_SYMLINK_NOFOLLOW, 0);
          break;
        default:
          r = SYS(SYS_mknodat, to, name, st.mode, st.rdev, 0, 0);
          SYS(SYS_fchownat, to, name, st.uid, st.gid, AT_SYMLINK_NOFOLLOW, 0);
      }
    }
  }
  return r < 0 ? r : count < 0 ? count : 0;
}

/* Sends a batch of netlink messages and reads until `acks` answers have come; the first error wins. */
static i64 netlink(int fd, const void *bytes, u64 size, u64 acks) {
  u8 answer[8192];
  i64 first = SYS(SYS_sendto, fd, bytes, size, 0, 0, 0);
  if (first < 0) return first;
  first = 0;
  while (acks > 0) {
    i64 n = SYS(SYS_recvfrom, fd, answer, sizeof answer, 0, 0, 0), at = 0;
    if (n == -EINTR) continue;
    if (n < 0) return n;
    while (at + 16 <= n) {
      u32 len = *(u32 *)(answer + at);
      u16 type = *(u16 *)(answer + at + 4);
      if (len < 16 || at + len > n) return -EPROTO;
      if (type == 2) { /* NLMSG_ERROR, also the acknowledgement */
        i32 error = *(i32 *)(answer + at + 16);
        if (error && !first) first = error;
        if (acks) acks--;
      }
      at += (len + 3) & ~3u;
    }
  }
  return first;
}

/* Tries each candidate as execvp would; what is not there or not permitted leads to the next one. */
static i64 execute(const u64 *candidates, u64 count, u64 argv, u64 envp) {
  i64 result = -ENOENT;
  u64 i;
  for (i = 0; i < count; i++) {
    i64 r = sys3(SYS_execve, candidates[i], argv, envp);
    if (r == -EACCES) result = r;
    else if (r != -ENOENT && r != -ENOTDIR) return r;
  }
  return result;
}

/* Waits for a child to end, for at most `milliseconds` if that is not negative; then it is killed. */
static i64 await_child(int pidfd, i64 milliseconds) {
  i32 info[32];
  struct pollfd p = {pidfd, POLLIN, 0};
  struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  i64 r;
  do r = SYS(SYS_ppoll, &p, 1, milliseconds < 0 ? 0 : &limit, 0, 8, 0); while (r == -EINTR);
  if (r == 0) SYS(SYS_pidfd_send_signal, pidfd, 9, 0, 0, 0, 0);
  memset(info, 0, sizeof info);
  SYS(SYS_waitid, P_PIDFD, pidfd, info, WEXITED, 0, 0);
  /* siginfo: si_code 1 is an exit; anything but success cancels what waits for it */
  return r == 0 ? -ETIMEDOUT : r < 0 ? r : info[2] == 1 && info[6] == 0 ? 0 : -ECANCELED;
}

/* Asks the engine for something and waits for its answer; it says no by an error number. */
static i64 ask_engine(struct message *m, const int *fds, int count) {
  struct message reply;
  i64 r = send_message(engine_fd, m, fds, count);
  if (r < 0) return r;
  do r = SYS(SYS_recvfrom, engine_fd, &reply, sizeof reply, 0, 0, 0); while (r == -EINTR);
  if (r < 0) return r;
  if (r < (i64)sizeof reply || reply.type != ASK_START) return -EPIPE;
  return reply.error > 0 && reply.error < 4096 ? -(i64)reply.error : 0;
}

/* ---- the monitor ---------------------------------------------------------------------------- */

enum { CONNECTIONS = 4, STDIO = 4 };
struct monitor { /* filled by the plan, in the blob: descriptors are -1 where there is none */
  i32 pidfd, pid, listen, namespace, gate, error_pipe, stdin_index, stdio_count;
  i32 stdio[STDIO];
  u64 exit_file, exit_file_new; /* blob offsets of paths, 0 where no file is wanted */
  i32 linger; /* stay after the exit until told to quit */
  i32 pad;
};

static int connections[CONNECTIONS];

static void broadcast(const struct message *m) {
  int i;
  for (i = 0; i < CONNECTIONS; i++)
    if (connections[i] >= 0) send_message(connections[i], m, 0, 0);
}

static void collect(struct monitor *m, struct message *status) {
  i32 info[32];
  struct timespec now;
  memset(info, 0, sizeof info);
  SYS(SYS_waitid, P_PIDFD, m->pidfd, info, WEXITED, 0, 0);
  sys3(SYS_clock_gettime, 0, &now, 0);
  status->alive = 0;
  status->time = now.sec * 1000000000L + now.nsec;
  /* siginfo: si_code 1 is an exit, everything else a signal */
  status->status = info[2] == 1 ? (info[6] & 0xff) << 8 : info[6];
  if (m->exit_file) {
    i64 fd = SYS(SYS_openat, AT_FDCWD, blob + m->exit_file_new, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600, 0, 0);
    if (fd >= 0) {
      sys3(SYS_write, fd, status, sizeof *status);
      sys3(SYS_close, fd, 0, 0);
      SYS(SYS_renameat2, AT_FDCWD, blob + m->exit_file_new, AT_FDCWD, blob + m->exit_file, 0, 0);
    }
  }
}

static void release(struct monitor *m) {
  /* the last reference to the mount namespace: the overlay's sync happens here, after the report */
  if (m->namespace >= 0) { sys3(SYS_close, m->namespace, 0, 0); m->namespace = -1; }
}

static void close_stdin(struct monitor *m) {
  int i, at = m->stdin_index;
  if (at < 0) return;
  sys3(SYS_close, m->stdio[at], 0, 0);
  for (i = at; i + 1 < m->stdio_count; i++) m->stdio[i] = m->stdio[i + 1];
  m->stdio_count--;
  m->stdin_index = -1;
}

static void answer(struct monitor *m, struct message *status, int *connection) {
  struct message ask;
  int fds[1 + STDIO], i;
  i64 n = SYS(SYS_recvfrom, *connection, &ask, sizeof ask, MSG_DONTWAIT, 0, 0);
  if (n == -EAGAIN || n == -EINTR) return;
  if (n < (i64)sizeof ask) { sys3(SYS_close, *connection, 0, 0); *connection = -1; return; }
  switch (ask.type) {
    case ASK_ATTACH:
      fds[0] = m->pidfd;
      for (i = 0; i < m->stdio_count; i++) fds[1 + i] = m->stdio[i];
      status->index = m->stdin_index;
      send_message(*connection, status, fds, 1 + m->stdio_count);
      break;
    case ASK_SIGNAL:
      if (status->alive) SYS(SYS_pidfd_send_signal, m->pidfd, ask.status, 0, 0, 0, 0);
      break;
    case ASK_CLOSE_STDIN: close_stdin(m); break;
    case ASK_START: {
      i32 pair[2] = {0, 0};
      struct message reply = *status;
      reply.type = MSG_READY;
      if (m->gate >= 0) {
        sys3(SYS_write, m->gate, "", 1);
        sys3(SYS_close, m->gate, 0, 0);
        m->gate = -1;
        n = sys3(SYS_read, m->error_pipe, pair, sizeof pair);
        if (n == sizeof pair) { reply.type = MSG_FAILED; reply.index = pair[0]; reply.error = pair[1]; }
      } else { reply.type = MSG_FAILED; reply.index = -1; reply.error = EINVAL; }
      send_message(*connection, &reply, 0, 0);
      break;
    }
    case ASK_QUIT:
      if (!status->alive) quit(0);
      break;
    default: break;
  }
}

static void welcome(int listen) {
  i32 credentials[3];
  u32 size = sizeof credentials;
  int i;
  i64 fd = SYS(SYS_accept4, listen, 0, 0, O_CLOEXEC, 0, 0);
  if (fd < 0) return;
  if (SYS(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, credentials, &size, 0) == 0 && credentials[1] == 0)
    for (i = 0; i < CONNECTIONS; i++)
      if (connections[i] < 0) { connections[i] = (int)fd; return; }
  sys3(SYS_close, fd, 0, 0);
}

static __attribute__((noreturn)) void monitor(struct monitor *m) {
  struct message status;
  int i, reported = 0;
  memset(&status, 0, sizeof status);
  status.type = MSG_STATUS;
  status.version = VERSION;
  status.alive = 1;
  status.pid = m->pid;
  for (i = 0; i < CONNECTIONS; i++) connections[i] = -1;
  connections[0] = engine_fd;
  for (;;) {
    struct pollfd p[2 + CONNECTIONS];
    int nobody = 1;
    p[0] = (struct pollfd){status.alive ? m->pidfd : -1, POLLIN, 0};
    p[1] = (struct pollfd){m->listen, POLLIN, 0};
    for (i = 0; i < CONNECTIONS; i++) {
      p[2 + i] = (struct pollfd){connections[i], POLLIN, 0};
      if (connections[i] >= 0) nobody = 0;
    }
    if (!status.alive && nobody && (!m->linger || m->listen < 0)) quit(0);
    if (SYS(SYS_ppoll, p, 2 + CONNECTIONS, 0, 0, 8, 0) < 0) continue;
    if (p[0].revents && status.alive) {
      collect(m, &status);
      if (!reported) {
        struct message report = status;
        reported = 1;
        report.type = MSG_EXIT;
        broadcast(&report);
      }
      release(m);
    }
    for (i = 0; i < CONNECTIONS; i++)
      if (p[2 + i].fd >= 0 && p[2 + i].revents) answer(m, &status, &connections[i]);
    if (p[1].revents) welcome(m->listen);
  }
}

/* ---- the interpreter ------------------------------------------------------------------------ */

static u64 value(const struct record *r, int i) {
  switch (r->kinds >> (2 * i) & 3) {
    case 1: return (u64)(blob + r->arg[i]);
    case 2: return slots[r->arg[i] % SLOTS];
    default: return r->arg[i];
  }
}

static void run(const struct record *records, u32 count) {
  u32 at = 0;
  while (at < count) {
    const struct record *r = &records[at];
    u64 a = value(r, 0), b = value(r, 1), c = value(r, 2), d = value(r, 3), e = value(r, 4), f = value(r, 5);
    i64 result = 0;
    u32 next = at + 1;
    if (r->op < SPECIAL) {
      do result = SYS(r->op, a, b, c, d, e, f); while (result == -EINTR);
    } else switch (r->op - SPECIAL) {
      case FORK:
        result = sys3(SYS_clone3, a, b, 0);
        if (result == 0) next = (u32)c;
        break;
      case FORK_SHARED: {
        /* a child on our own memory and descriptors, while we wait: what it stores in slots is ours.
         * It runs on our stack too, so what lies there is set again when we go on. */
        static volatile u32 resume, child;
        resume = at;
        child = (u32)c;
        result = sys3(SYS_clone3, a, b, 0);
        at = resume;
        r = &records[at];
        next = result == 0 ? child : at + 1;
        break;
      }
      case EXIT: quit((int)a);
      case JUMP: next = (u32)a; break;
      case JUMP_IF_EQUAL: if (a == b) next = (u32)c; break;
      case CHECK: if ((a & b) != c) result = -(i64)d; break;
      case LOAD32: result = *(i32 *)a; break;
      case LOAD64: result = *(i64 *)a; break;
      case STORE32: *(u32 *)a = (u32)b; break;
      case FORMAT: format((char *)a, (char *)b, c, (char *)d); break;
      case WAIT_BYTE: {
        u8 byte;
        do result = sys3(SYS_read, a, &byte, 1); while (result == -EINTR);
        if (result == 0) result = -EPIPE;
        break;
      }
      case WAIT_EXEC: {
        i32 pair[2] = {0, 0};
        do result = sys3(SYS_read, a, pair, sizeof pair); while (result == -EINTR);
        if (result == sizeof pair && pair[0] == -2) result = pair[1]; /* a number, not a failure */
        else if (result == sizeof pair) fail(pair[0], pair[1]);
        else if (result > 0) result = -EPROTO;
        break;
      }
      case READY: { /* a: number of descriptors, b: array of them in the blob, c: pid */
        struct message m;
        memset(&m, 0, sizeof m);
        m.type = MSG_READY;
        m.version = VERSION;
        m.alive = 1;
        m.pid = (i32)c;
        m.index = (i32)d;
        result = send_message(engine_fd, &m, (int *)b, (int)a);
        /* nobody listens any more: the engine died in the launch; the container is not wanted */
        break;
      }
      case AWAIT: result = await_child((int)a, (i64)b); break;
      case ASK: { /* a: what for, b: number of descriptors, c: array of them, d: pid */
        struct message m;
        memset(&m, 0, sizeof m);
        m.type = (u8)a;
        m.version = VERSION;
        m.alive = 1;
        m.pid = (i32)d;
        result = ask_engine(&m, (int *)c, (int)b);
        break;
      }
      case MONITOR: monitor((struct monitor *)a);
      case EXECUTE: result = execute((u64 *)a, b, c, d); break;
      case MAKE_PATH: result = make_path((int)a, (char *)b, c, (int)d); break;
      case COPY_UP: result = copy_up((int)a, (int)b, 0); break;
      case NETLINK: result = netlink((int)a, (void *)b, c, d); break;
      case REPORT_TO: report_fd = (int)a; report_is_pipe = 1; break;
      default: result = -EINVAL;
    }
    if (result < 0 && result >= -4095) {
      if (-result != r->tolerated[0] && -result != r->tolerated[1]) fail((int)at, (int)-result);
      next = at + 1 + r->skip;
    }
    if (r->slot != NO_SLOT) slots[r->slot % SLOTS] = (u64)result;
    at = next;
  }
  quit(0);
}

__attribute__((used, noreturn)) void start(u64 *stack) {
  struct stat st;
  struct header *h;
  u64 *relocation;
  u32 i;
  (void)stack;
  if (sys3(SYS_fstat, 3, &st, 0) < 0 || st.size < (i64)sizeof *h) quit(254);
  /* private: the plan is sealed, and slots and buffers in the blob are written here */
  h = (struct header *)SYS(SYS_mmap, 0, st.size, 3, 2, 3, 0);
  if ((u64)h > -4096UL) quit(254);
  sys3(SYS_close, 3, 0, 0);
  if (h->magic != MAGIC || h->version != VERSION) fail(-1, EPROTO);
  blob = (u8 *)h + h->blob_offset;
  relocation = (u64 *)((u8 *)h + h->relocation_offset);
  for (i = 0; i < h->relocations; i++) *(u64 *)(blob + relocation[i]) += (u64)blob;
  run((struct record *)(h + 1), h->records);
  quit(0);
}
