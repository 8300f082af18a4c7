package dev.gantry.kernel;

import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;

/// An open file descriptor that its holder closes. Reads and writes of a blocking descriptor hold
/// the thread; make it non-blocking and wait through [Poller] where the other side may be slow.
public final class Fd implements AutoCloseable {
  public static final int O_RDONLY = 0;
  public static final int O_WRONLY = 1;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0x40;
  public static final int O_EXCL = 0x80;
  public static final int O_NOCTTY = 0x100;
  public static final int O_TRUNC = 0x200;
  public static final int O_APPEND = 0x400;
  public static final int O_NONBLOCK = 0x800;
  public static final int O_DIRECTORY = 0x10000;
  public static final int O_NOFOLLOW = 0x20000;
  public static final int O_CLOEXEC = 0x80000;
  public static final int O_PATH = 0x200000;
  public static final int O_TMPFILE = 0x400000 | O_DIRECTORY;

  /// The current working directory where a directory descriptor is asked for.
  public static final int AT_FDCWD = -100;

  // openat2(2) resolve flags
  public static final int RESOLVE_NO_XDEV = 0x01;
  public static final int RESOLVE_NO_MAGICLINKS = 0x02;
  public static final int RESOLVE_NO_SYMLINKS = 0x04;
  public static final int RESOLVE_BENEATH = 0x08;
  public static final int RESOLVE_IN_ROOT = 0x10;

  private static final int F_SETFD = 2;
  private static final int F_GETFL = 3;
  private static final int F_SETFL = 4;
  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int F_SETPIPE_SZ = 1031;
  private static final int FIONREAD = 0x541b;
  private static final int SPLICE_F_NONBLOCK = 2;
  private static final int SEEK_END = 2;
  private static final int CHUNK = 64 * 1024;

  private final int number;
  private final AtomicBoolean open = new AtomicBoolean(true);

  private Fd(int number) {
    this.number = number;
  }

  /// Takes over descriptor `number`, which nobody else may close.
  public static Fd adopt(int number) {
    if (number < 0) {
      throw new IllegalArgumentException("no descriptor: " + number);
    }
    return new Fd(number);
  }

  /// Opens `path` (open(2)), always close-on-exec.
  public static Fd open(String path, int flags, int mode) throws Errno {
    return openAt(AT_FDCWD, path, flags, mode);
  }

  public static Fd open(String path, int flags) throws Errno {
    return open(path, flags, 0);
  }

  /// Opens `path` relative to `directory` (openat(2)), always close-on-exec.
  public static Fd openAt(int directory, String path, int flags, int mode) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      return new Fd(
          (int)
              Native.call(
                  Syscalls.OPENAT,
                  path,
                  directory,
                  Native.string(arena, path).address(),
                  flags | O_CLOEXEC,
                  mode,
                  0,
                  0));
    }
  }

  /// Opens `path` under `directory` with openat2(2)'s `resolve` rules, always close-on-exec.
  /// Retries while a rename elsewhere makes the kernel unsure (EAGAIN).
  public static Fd openAt2(Fd directory, String path, int flags, int mode, int resolve)
      throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment how = arena.allocate(24, 8);
      how.set(ValueLayout.JAVA_LONG, 0, Integer.toUnsignedLong(flags | O_CLOEXEC));
      how.set(ValueLayout.JAVA_LONG, 8, mode);
      how.set(ValueLayout.JAVA_LONG, 16, resolve);
      MemorySegment name = Native.string(arena, path);
      for (int attempt = 0; ; attempt++) {
        long result =
            Native.raw(
                Syscalls.OPENAT2, directory.number(), name.address(), how.address(), 24, 0, 0);
        if (result >= 0) {
          return new Fd((int) result);
        }
        if (result != -Errno.EINTR && (result != -Errno.EAGAIN || attempt >= 128)) {
          throw Native.failed((int) -result, Syscalls.OPENAT2, path);
        }
      }
    }
  }

  /// The two ends of a pipe (pipe2(2)), close-on-exec.
  public record Pipe(Fd read, Fd write) implements AutoCloseable {
    /// Makes a pipe; `flags` may hold [Fd#O_NONBLOCK].
    public static Pipe open(int flags) throws Errno {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment pair = arena.allocate(8, 4);
        Native.call(Syscalls.PIPE2, "", pair.address(), flags | O_CLOEXEC, 0);
        return new Pipe(
            new Fd(pair.get(ValueLayout.JAVA_INT, 0)), new Fd(pair.get(ValueLayout.JAVA_INT, 4)));
      }
    }

    @Override
    public void close() {
      read.close();
      write.close();
    }
  }

  /// The kernel's number; an error once closed, for the number may belong to somebody else by then.
  public int number() {
    if (!open.get()) {
      throw new IllegalStateException("descriptor " + number + " is closed");
    }
    return number;
  }

  public boolean isOpen() {
    return open.get();
  }

  /// A path that reaches the same file through procfs.
  public String procPath() {
    return "/proc/self/fd/" + number();
  }

  /// Reads into `buffer`; the count, or -1 at the end. A non-blocking descriptor without data is an
  /// [Errno] with EAGAIN.
  public int read(byte[] buffer, int offset, int length) throws Errno {
    int wanted = Math.min(length, CHUNK);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(Math.max(wanted, 1));
      int count = (int) Native.call(Syscalls.READ, "", number(), memory.address(), wanted);
      MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, 0, buffer, offset, count);
      return count == 0 && length > 0 ? -1 : count;
    }
  }

  /// Writes some of the bytes; the count.
  public int write(byte[] buffer, int offset, int length) throws Errno {
    int wanted = Math.min(length, CHUNK);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(Math.max(wanted, 1));
      MemorySegment.copy(buffer, offset, memory, ValueLayout.JAVA_BYTE, 0, wanted);
      return (int) Native.call(Syscalls.WRITE, "", number(), memory.address(), wanted);
    }
  }

  /// Writes some of the bytes at `position` without moving the file's offset; the count.
  public int writeAt(long position, byte[] buffer, int offset, int length) throws Errno {
    int wanted = Math.min(length, CHUNK);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(Math.max(wanted, 1));
      MemorySegment.copy(buffer, offset, memory, ValueLayout.JAVA_BYTE, 0, wanted);
      return (int)
          Native.call(Syscalls.PWRITE64, "", number(), memory.address(), wanted, position, 0, 0);
    }
  }

  /// Sets the owner of the open file (fchown(2)), which takes setuid away.
  public void setOwner(long uid, long gid) throws Errno {
    Native.call(Syscalls.FCHOWN, "", number(), uid, gid);
  }

  /// Sets the permissions of the open file (fchmod(2)).
  public void setMode(int mode) throws Errno {
    Native.call(Syscalls.FCHMOD, "", number(), mode & 07777, 0);
  }

  /// Sets an extended attribute of the open file (fsetxattr(2)).
  public void setAttribute(String key, byte[] value) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(Math.max(1, value.length));
      MemorySegment.copy(value, 0, bytes, ValueLayout.JAVA_BYTE, 0, value.length);
      Native.call(
          Syscalls.FSETXATTR,
          key,
          number(),
          Native.string(arena, key).address(),
          bytes.address(),
          value.length,
          0,
          0);
    }
  }

  /// Sets access and change time of the open file.
  public void setTime(long seconds, int nanos) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      long times = Tree.times(arena, seconds, nanos).address();
      Native.call(Syscalls.UTIMENSAT, "", number(), 0, times);
    }
  }

  /// Writes all bytes to a blocking descriptor.
  public void writeFully(byte[] bytes) throws Errno {
    for (int at = 0; at < bytes.length; ) {
      at += write(bytes, at, bytes.length - at);
    }
  }

  /// Reads at `position` without moving the file's offset.
  public int readAt(long position, byte[] buffer, int offset, int length) throws Errno {
    int wanted = Math.min(length, CHUNK);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(Math.max(wanted, 1));
      int count =
          (int)
              Native.call(Syscalls.PREAD64, "", number(), memory.address(), wanted, position, 0, 0);
      MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, 0, buffer, offset, count);
      return count == 0 && length > 0 ? -1 : count;
    }
  }

  /// Reads into the remaining space of a direct buffer, whose position moves; the count, or -1 at
  /// the end. What is read lies in the buffer's memory even if this process ends meanwhile.
  public int read(ByteBuffer direct) throws Errno {
    int wanted = direct.remaining();
    int count = (int) Native.call(Syscalls.READ, "", number(), address(direct), wanted);
    direct.position(direct.position() + count);
    return count == 0 && wanted > 0 ? -1 : count;
  }

  /// Writes some of what remains in a direct buffer, whose position moves; the count.
  public int write(ByteBuffer direct) throws Errno {
    int count =
        (int) Native.call(Syscalls.WRITE, "", number(), address(direct), direct.remaining());
    direct.position(direct.position() + count);
    return count;
  }

  /// Reads at `offset` of the file into the remaining space of a direct buffer, whose position
  /// moves; the count, or -1 at the end.
  public int readAt(long offset, ByteBuffer direct) throws Errno {
    int wanted = direct.remaining();
    int count =
        (int) Native.call(Syscalls.PREAD64, "", number(), address(direct), wanted, offset, 0, 0);
    direct.position(direct.position() + count);
    return count == 0 && wanted > 0 ? -1 : count;
  }

  /// Writes what remains in a direct buffer at `offset` of the file.
  public void writeAt(long offset, ByteBuffer direct) throws Errno {
    for (long at = offset; direct.hasRemaining(); ) {
      int count =
          (int)
              Native.call(
                  Syscalls.PWRITE64, "", number(), address(direct), direct.remaining(), at, 0, 0);
      direct.position(direct.position() + count);
      at += count;
    }
  }

  private static long address(ByteBuffer direct) {
    if (!direct.isDirect()) {
      throw new IllegalArgumentException("a buffer on the heap has no lasting address");
    }
    return MemorySegment.ofBuffer(direct).address();
  }

  /// Moves what this pipe holds, at most `length` bytes, to `offset` of a file (splice(2)): each
  /// byte is at every moment in the pipe or in the file, whenever this process ends. Does not wait;
  /// an empty pipe is an [Errno] with EAGAIN. The count, or -1 at the end.
  public int spliceTo(Fd file, long offset, int length) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment at = arena.allocateFrom(ValueLayout.JAVA_LONG, offset);
      int count =
          (int)
              Native.call(
                  Syscalls.SPLICE,
                  "",
                  number(),
                  0,
                  file.number(),
                  at.address(),
                  length,
                  SPLICE_F_NONBLOCK);
      return count == 0 && length > 0 ? -1 : count;
    }
  }

  /// The file's size in bytes.
  public long size() throws Errno {
    return Native.call(Syscalls.LSEEK, "", number(), 0, SEEK_END);
  }

  /// How many bytes can be read from the pipe, socket or terminal without waiting.
  public int available() throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(4, 4);
      Native.call(Syscalls.IOCTL, "FIONREAD", number(), FIONREAD, count.address());
      return count.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /// A second descriptor of the same open file, close-on-exec.
  public Fd duplicate() throws Errno {
    return new Fd(
        (int) Native.call(Syscalls.FCNTL, "F_DUPFD_CLOEXEC", number(), F_DUPFD_CLOEXEC, 0));
  }

  /// As [#duplicate()], with a number of at least `lowest`.
  public Fd duplicateAbove(int lowest) throws Errno {
    return new Fd(
        (int) Native.call(Syscalls.FCNTL, "F_DUPFD_CLOEXEC", number(), F_DUPFD_CLOEXEC, lowest));
  }

  public void setNonBlocking(boolean on) throws Errno {
    long flags = Native.call(Syscalls.FCNTL, "F_GETFL", number(), F_GETFL, 0);
    long wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    Native.call(Syscalls.FCNTL, "F_SETFL", number(), F_SETFL, wanted);
  }

  public void setCloseOnExec(boolean on) throws Errno {
    Native.call(Syscalls.FCNTL, "F_SETFD", number(), F_SETFD, on ? 1 : 0);
  }

  /// Sets a pipe's capacity in bytes; the kernel rounds up to pages and refuses more than
  /// /proc/sys/fs/pipe-max-size to those without CAP_SYS_RESOURCE.
  public void setPipeSize(int bytes) throws Errno {
    Native.call(Syscalls.FCNTL, "F_SETPIPE_SZ", number(), F_SETPIPE_SZ, bytes);
  }

  public void truncate(long size) throws Errno {
    Native.call(Syscalls.FTRUNCATE, "", number(), size, 0);
  }

  /// Waits until the file's content is on the disk (fdatasync(2)).
  public void sync() throws Errno {
    Native.call(Syscalls.FDATASYNC, "", number(), 0, 0);
  }

  /// Waits until the whole file system that holds the file is on its disk (syncfs(2)).
  public void syncFileSystem() throws Errno {
    Native.call(Syscalls.SYNCFS, "", number(), 0, 0);
  }

  /// Takes the whole-file lock without waiting (flock(2)); false if somebody else holds it.
  public boolean tryLock() throws Errno {
    long result = Native.raw(Syscalls.FLOCK, number(), 2 | 4, 0, 0, 0, 0);
    if (result < 0 && result != -Errno.EAGAIN) {
      throw Native.failed((int) -result, Syscalls.FLOCK, "");
    }
    return result >= 0;
  }

  /// The rest of a regular file; closing the stream closes this.
  public InputStream content() {
    return new FdStreams.Content(this);
  }

  /// A stream that reads this descriptor, waiting through `poller`, and does not close it.
  public InputStream input(Poller poller) {
    return new FdStreams.Input(this, poller);
  }

  /// A stream that writes to this descriptor, waiting through `poller`, and does not close it.
  public OutputStream output(Poller poller) {
    return new FdStreams.Output(this, poller);
  }

  /// Closes the descriptor; a second call does nothing.
  @Override
  public void close() {
    if (open.compareAndSet(true, false)) {
      Native.raw(Syscalls.CLOSE, number, 0, 0, 0, 0, 0);
    }
  }

  @Override
  public String toString() {
    return "fd " + number + (open.get() ? "" : " (closed)");
  }
}
