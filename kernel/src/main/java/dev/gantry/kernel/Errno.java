package dev.gantry.kernel;

import java.io.IOException;

/// A failed system call: its number, the call, and what it was asked for.
///
/// It stops at the border of the module that made the call, where it becomes a
/// [dev.gantry.base.Failure] that says what was tried.
public final class Errno extends IOException {
  private static final long serialVersionUID = 1L;

  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int ESRCH = 3;
  public static final int EINTR = 4;
  public static final int EIO = 5;
  public static final int ENXIO = 6;
  public static final int E2BIG = 7;
  public static final int ENOEXEC = 8;
  public static final int EBADF = 9;
  public static final int ECHILD = 10;
  public static final int EAGAIN = 11;
  public static final int ENOMEM = 12;
  public static final int EACCES = 13;
  public static final int EBUSY = 16;
  public static final int EEXIST = 17;
  public static final int EXDEV = 18;
  public static final int ENODEV = 19;
  public static final int ENOTDIR = 20;
  public static final int EISDIR = 21;
  public static final int EINVAL = 22;
  public static final int EMFILE = 24;
  public static final int ENOTTY = 25;
  public static final int EFBIG = 27;
  public static final int ENOSPC = 28;
  public static final int EROFS = 30;
  public static final int EPIPE = 32;
  public static final int ENAMETOOLONG = 36;
  public static final int ENOSYS = 38;
  public static final int ENOTEMPTY = 39;
  public static final int ELOOP = 40;
  public static final int ENODATA = 61;
  public static final int EOPNOTSUPP = 95;
  public static final int EADDRINUSE = 98;
  public static final int EADDRNOTAVAIL = 99;
  public static final int ECONNREFUSED = 111;

  private static final String[] NAMES = {
    "",
    "EPERM",
    "ENOENT",
    "ESRCH",
    "EINTR",
    "EIO",
    "ENXIO",
    "E2BIG",
    "ENOEXEC",
    "EBADF",
    "ECHILD",
    "EAGAIN",
    "ENOMEM",
    "EACCES",
    "EFAULT",
    "ENOTBLK",
    "EBUSY",
    "EEXIST",
    "EXDEV",
    "ENODEV",
    "ENOTDIR",
    "EISDIR",
    "EINVAL",
    "ENFILE",
    "EMFILE",
    "ENOTTY",
    "ETXTBSY",
    "EFBIG",
    "ENOSPC",
    "ESPIPE",
    "EROFS",
    "EMLINK",
    "EPIPE",
    "EDOM",
    "ERANGE",
    "EDEADLK",
    "ENAMETOOLONG",
    "ENOLCK",
    "ENOSYS",
    "ENOTEMPTY",
    "ELOOP"
  };

  private static final String[] TEXTS = {
    "",
    "operation not permitted",
    "no such file or directory",
    "no such process",
    "interrupted system call",
    "input/output error",
    "no such device or address",
    "argument list too long",
    "exec format error",
    "bad file descriptor",
    "no child processes",
    "resource temporarily unavailable",
    "cannot allocate memory",
    "permission denied",
    "bad address",
    "block device required",
    "device or resource busy",
    "file exists",
    "invalid cross-device link",
    "no such device",
    "not a directory",
    "is a directory",
    "invalid argument",
    "too many open files in system",
    "too many open files",
    "inappropriate ioctl for device",
    "text file busy",
    "file too large",
    "no space left on device",
    "illegal seek",
    "read-only file system",
    "too many links",
    "broken pipe",
    "numerical argument out of domain",
    "numerical result out of range",
    "resource deadlock avoided",
    "file name too long",
    "no locks available",
    "function not implemented",
    "directory not empty",
    "too many levels of symbolic links"
  };

  private final int number;

  public Errno(int number, String call, String object) {
    super(call + (object.isEmpty() ? "" : " " + object) + ": " + describe(number));
    this.number = number;
  }

  /// The error number (errno(3)).
  public int number() {
    return number;
  }

  /// The constant's name, such as `ENOENT`.
  public String name() {
    return number > 0 && number < NAMES.length ? NAMES[number] : "errno " + number;
  }

  /// The kernel's meaning of `number` in lower case, as Go prints it.
  public static String describe(int number) {
    if (number > 0 && number < TEXTS.length) {
      return TEXTS[number];
    }
    return switch (number) {
      case ENODATA -> "no data available";
      case 71 -> "protocol error";
      case 75 -> "value too large for defined data type";
      case 88 -> "socket operation on non-socket";
      case 90 -> "message too long";
      case 92 -> "protocol not available";
      case 93 -> "protocol not supported";
      case EOPNOTSUPP -> "operation not supported";
      case 97 -> "address family not supported by protocol";
      case EADDRINUSE -> "address already in use";
      case 99 -> "cannot assign requested address";
      case 100 -> "network is down";
      case 101 -> "network is unreachable";
      case 103 -> "software caused connection abort";
      case 104 -> "connection reset by peer";
      case 107 -> "transport endpoint is not connected";
      case 110 -> "connection timed out";
      case ECONNREFUSED -> "connection refused";
      case 112 -> "host is down";
      case 113 -> "no route to host";
      case 116 -> "stale file handle";
      case 122 -> "disk quota exceeded";
      case 125 -> "operation canceled";
      case 126 -> "required key not available";
      default -> "errno " + number;
    };
  }
}
