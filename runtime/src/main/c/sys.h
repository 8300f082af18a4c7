/* Raw system calls and the few structures that the shim needs. No C library: the program must stay
 * a few pages long, because one copy lives as long as each container. */
#ifndef GANTRY_SYS_H
#define GANTRY_SYS_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef int i32;
typedef long i64;
typedef short i16;

#if defined(__x86_64__)
static inline i64 sys6(i64 n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  i64 r;
  register u64 r10 __asm__("r10") = d;
  register u64 r8 __asm__("r8") = e;
  register u64 r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return r;
}
enum { SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_mmap = 9, SYS_sendto = 44, SYS_recvfrom = 45,
  SYS_sendmsg = 46, SYS_fstat = 5, SYS_accept4 = 288, SYS_getsockopt = 55, SYS_execve = 59,
  SYS_exit_group = 231, SYS_kill = 62, SYS_getdents64 = 217, SYS_waitid = 247, SYS_openat = 257,
  SYS_mkdirat = 258, SYS_mknodat = 259, SYS_fchownat = 260, SYS_newfstatat = 262, SYS_unlinkat = 263,
  SYS_symlinkat = 266, SYS_readlinkat = 267, SYS_fchmodat = 268, SYS_ppoll = 271,
  SYS_renameat2 = 316, SYS_clock_gettime = 228, SYS_clone3 = 435, SYS_openat2 = 437,
  SYS_pidfd_send_signal = 424, SYS_rt_sigprocmask = 14, SYS_wait4 = 61, SYS_getpid = 39,
  SYS_rt_sigtimedwait = 128, SYS_setpgid = 109, SYS_ioctl = 16, SYS_clone = 56, SYS_prctl = 157 };
__asm__(".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call start\n");
#elif defined(__aarch64__)
static inline i64 sys6(i64 n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  register u64 x8 __asm__("x8") = n;
  register u64 x0 __asm__("x0") = a;
  register u64 x1 __asm__("x1") = b;
  register u64 x2 __asm__("x2") = c;
  register u64 x3 __asm__("x3") = d;
  register u64 x4 __asm__("x4") = e;
  register u64 x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return (i64)x0;
}
enum { SYS_read = 63, SYS_write = 64, SYS_close = 57, SYS_mmap = 222, SYS_sendto = 206, SYS_recvfrom = 207,
  SYS_sendmsg = 211, SYS_fstat = 80, SYS_accept4 = 242, SYS_getsockopt = 209, SYS_execve = 221,
  SYS_exit_group = 94, SYS_kill = 129, SYS_getdents64 = 61, SYS_waitid = 95, SYS_openat = 56,
  SYS_mkdirat = 34, SYS_mknodat = 33, SYS_fchownat = 54, SYS_newfstatat = 79, SYS_unlinkat = 35,
  SYS_symlinkat = 36, SYS_readlinkat = 78, SYS_fchmodat = 53, SYS_ppoll = 73,
  SYS_renameat2 = 276, SYS_clock_gettime = 113, SYS_clone3 = 435, SYS_openat2 = 437,
  SYS_pidfd_send_signal = 424, SYS_rt_sigprocmask = 135, SYS_wait4 = 260, SYS_getpid = 172,
  SYS_rt_sigtimedwait = 137, SYS_setpgid = 154, SYS_ioctl = 29, SYS_clone = 220, SYS_prctl = 167 };
__asm__(".globl _start\n_start:\n mov x29,#0\n mov x0,sp\n and sp,x0,#-16\n bl start\n");
#else
#error "this architecture has no system call stub yet"
#endif

#define SYS(n, a, b, c, d, e, f) \
  sys6(n, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))
#define sys3(n, a, b, c) SYS(n, a, b, c, 0, 0, 0)

enum { EPERM = 1, ENOENT = 2, EINTR = 4, EAGAIN = 11, EACCES = 13, EEXIST = 17, ENOTDIR = 20,
  EINVAL = 22, EPIPE = 32, ENAMETOOLONG = 36, ELOOP = 40, EPROTO = 71, ETIMEDOUT = 110, ECANCELED = 125 };
enum { O_RDONLY = 0, O_WRONLY = 1, O_CREAT = 0x40, O_EXCL = 0x80, O_TRUNC = 0x200,
  O_CLOEXEC = 0x80000, O_PATH = 0x200000, O_NONBLOCK = 0x800,
#if defined(__x86_64__)
  O_DIRECTORY = 0x10000, O_NOFOLLOW = 0x20000,
#else
  O_DIRECTORY = 0x4000, O_NOFOLLOW = 0x8000,
#endif
  AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000 };
enum { RESOLVE_NO_MAGICLINKS = 2, RESOLVE_IN_ROOT = 0x10 };
enum { POLLIN = 1, POLLERR = 8, POLLHUP = 16, P_PIDFD = 3, WEXITED = 4, SOL_SOCKET = 1,
  SO_PEERCRED = 17, SCM_RIGHTS = 1, MSG_NOSIGNAL = 0x4000, MSG_DONTWAIT = 0x40, MSG_CMSG_CLOEXEC = 0x40000000 };

struct iovec { void *base; u64 len; };
struct msghdr { void *name; u32 namelen; u32 pad; struct iovec *iov; u64 iovlen; void *control; u64 controllen; i32 flags; i32 pad2; };
struct pollfd { i32 fd; i16 events, revents; };
struct open_how { u64 flags, mode, resolve; };
struct timespec { i64 sec, nsec; };

static inline u64 length(const char *s) { u64 n = 0; while (s[n]) n++; return n; }
void *memcpy(void *d, const void *s, u64 n);
void *memset(void *d, int c, u64 n);
#endif
