package dev.gantry.kernel;

import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/// A process held by a descriptor (pidfd_open(2)), so that its number cannot come to mean another.
public final class PidFd implements AutoCloseable {
  private static final int P_PIDFD = 3;
  private static final int WEXITED = 4;
  private static final int WNOHANG = 1;
  private static final int CLD_EXITED = 1;
  // _IOWR(0xFF, 11, struct pidfd_info)
  private static final int INFO_SIZE = 64;
  private static final long PIDFD_GET_INFO = 0xc000ff0bL | INFO_SIZE << 16;
  private static final long PIDFD_INFO_EXIT = 1 << 3;

  private final int pid;
  private final Fd fd;

  private PidFd(int pid, Fd fd) {
    this.pid = pid;
    this.fd = fd;
  }

  /// Opens process `pid`; ESRCH if there is none.
  public static PidFd open(int pid) throws Errno {
    return new PidFd(
        pid, Fd.adopt((int) Native.call(Syscalls.PIDFD_OPEN, "process " + pid, pid, 0, 0)));
  }

  /// Takes over `fd`, which stands for process `pid`.
  public static PidFd adopt(int pid, Fd fd) {
    return new PidFd(pid, fd);
  }

  public int pid() {
    return pid;
  }

  public Fd fd() {
    return fd;
  }

  /// Sends a signal; false if the process has ended.
  public boolean signal(int signal) throws Errno {
    long result = Native.raw(Syscalls.PIDFD_SEND_SIGNAL, fd.number(), signal, 0, 0, 0, 0);
    if (result < 0 && result != -Errno.ESRCH) {
      throw Native.failed((int) -result, Syscalls.PIDFD_SEND_SIGNAL, "process " + pid);
    }
    return result >= 0;
  }

  /// Waits until the process has ended.
  public void await() throws Errno, InterruptedIOException {
    Poller.shared().awaitReadable(fd);
  }

  /// True once the process has ended.
  public boolean ended() throws Errno {
    return !signal(0);
  }

  /// Collects the exit of our own child without waiting: its wait status as a shell reports it
  /// (code, or 128 + signal); empty while it runs.
  public Optional<Integer> reap() throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(128, 8);
      Native.call(
          Syscalls.WAITID,
          "process " + pid,
          P_PIDFD,
          fd.number(),
          info.address(),
          WEXITED | WNOHANG,
          0,
          0);
      int code = info.get(ValueLayout.JAVA_INT, 8);
      if (code == 0) {
        return Optional.empty();
      }
      int status = info.get(ValueLayout.JAVA_INT, 24);
      return Optional.of(code == CLD_EXITED ? status : 128 + status);
    }
  }

  /// The raw wait status of a process that somebody else has reaped (Linux 6.15 and newer).
  public Optional<Integer> statusAfterReap() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(INFO_SIZE, 8);
      info.set(ValueLayout.JAVA_LONG, 0, PIDFD_INFO_EXIT);
      long result =
          Native.raw(Syscalls.IOCTL, fd.number(), PIDFD_GET_INFO, info.address(), 0, 0, 0);
      boolean known = result >= 0 && (info.get(ValueLayout.JAVA_LONG, 0) & PIDFD_INFO_EXIT) != 0;
      return known ? Optional.of(info.get(ValueLayout.JAVA_INT, 60)) : Optional.empty();
    }
  }

  @Override
  public void close() {
    fd.close();
  }
}
