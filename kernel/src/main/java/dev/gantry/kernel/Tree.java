package dev.gantry.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Makes and reads files below a root folder that holds hostile content.
///
/// Every path is resolved by the kernel as if the folder were the root of the file system
/// (openat2(2), RESOLVE_IN_ROOT), so neither `..` nor links lead out. The parent of the last access
/// stays open, since archives list a folder's files together. Not thread-safe.
public final class Tree implements AutoCloseable {
  private static final int SYMLINK_NOFOLLOW = 0x100;
  private static final int EMPTY_PATH = 0x1000;
  private static final int STATX_BASIC = 0x7ff;
  private static final int MAX_XATTR = 64 * 1024;
  private static final int MAX_LINK = 4096;
  private static final int LIST_BUFFER = 32 * 1024;

  /// What is known of a file.
  ///
  /// @param mode type and permissions as in stat(2)
  /// @param device the number of a device node, packed as mknod(2) takes it
  /// @param fileSystem the device the file is on: with `inode` it tells hard links
  public record Status(
      int mode,
      long uid,
      long gid,
      long size,
      long seconds,
      int nanos,
      long device,
      long inode,
      int links,
      long fileSystem) {
    public boolean isDirectory() {
      return (mode & 0170000) == 0040000;
    }

    public boolean isRegular() {
      return (mode & 0170000) == 0100000;
    }

    public boolean isLink() {
      return (mode & 0170000) == 0120000;
    }

    /// The same, but changed at `newest` (seconds since the epoch) if it was changed later.
    public Status notAfter(long newest) {
      return seconds < newest
          ? this
          : new Status(mode, uid, gid, size, newest, 0, device, inode, links, fileSystem);
    }
  }

  private record Parent(String path, Fd folder) {}

  /// True once the kernel turned out to have no call that leaves links alone.
  private static volatile boolean lacksFchmodat2;

  private final Fd root;
  private @Nullable Parent parent;

  private Tree(Fd root) {
    this.root = root;
  }

  /// Opens the folder `root`, which must exist.
  public static Tree open(String root) throws Errno {
    return new Tree(Fd.open(root, Fd.O_PATH | Fd.O_DIRECTORY));
  }

  /// The tree below the folder that `root` is open on; closing the tree closes that too.
  public static Tree of(Fd root) {
    return new Tree(root);
  }

  private static String name(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  private Fd parentOf(String path) throws Errno {
    int slash = path.lastIndexOf('/');
    String folder = slash <= 0 ? "/" : path.substring(0, slash);
    Parent known = parent;
    if (known != null && known.path().equals(folder)) {
      return known.folder();
    }
    forget();
    Fd fd = Fd.openAt2(root, folder, Fd.O_PATH | Fd.O_DIRECTORY, 0, Fd.RESOLVE_IN_ROOT);
    parent = new Parent(folder, fd);
    return fd;
  }

  private void forget() {
    Parent known = parent;
    if (known != null) {
      known.folder().close();
      parent = null;
    }
  }

  /// Opens the file at `path`, following links inside the root.
  public Fd openFile(String path, int flags) throws Errno {
    return Fd.openAt2(root, path, flags, 0, Fd.RESOLVE_IN_ROOT | Fd.RESOLVE_NO_MAGICLINKS);
  }

  /// Makes a new file at `path` (nothing may be there) and opens it for writing.
  public Fd createFile(String path, int mode) throws Errno {
    return Fd.openAt(
        parentOf(path).number(),
        name(path),
        Fd.O_WRONLY | Fd.O_CREAT | Fd.O_EXCL | Fd.O_NOFOLLOW,
        mode);
  }

  private interface Call {
    long run(int folder, long name) throws Errno;
  }

  private void at(String path, Call call) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      call.run(parentOf(path).number(), Native.string(arena, name(path)).address());
    }
  }

  public void makeFolder(String path, int mode) throws Errno {
    at(path, (f, n) -> Native.call(Syscalls.MKDIRAT, path, f, n, mode));
  }

  /// Makes a device node, fifo or socket (mknod(2)).
  public void makeNode(String path, int mode, long device) throws Errno {
    at(path, (f, n) -> Native.call(Syscalls.MKNODAT, path, f, n, mode, device, 0, 0));
  }

  public void makeLink(String path, String target) throws Errno {
    forget(); // a remembered folder may be another one now
    try (Arena arena = Arena.ofConfined()) {
      long to = Native.string(arena, target).address();
      at(path, (f, n) -> Native.call(Syscalls.SYMLINKAT, path, to, f, n));
    }
  }

  /// Makes `path` a further name of the file `existing`; the last part of neither is followed.
  public void makeHardLink(String path, String existing) throws Errno {
    try (Fd from = parentOf(existing).duplicate();
        Arena arena = Arena.ofConfined()) {
      long old = Native.string(arena, name(existing)).address();
      at(path, (f, n) -> Native.call(Syscalls.LINKAT, path, from.number(), old, f, n, 0, 0));
    }
  }

  /// Where the symbolic link at `path` points, as it is written there.
  public String readLink(String path) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment target = arena.allocate(MAX_LINK);
      long size =
          Native.call(
              Syscalls.READLINKAT,
              path,
              parentOf(path).number(),
              Native.string(arena, name(path)).address(),
              target.address(),
              MAX_LINK,
              0,
              0);
      return text(target.asSlice(0, size));
    }
  }

  private static String text(MemorySegment bytes) {
    return FileNames.decode(bytes.toArray(ValueLayout.JAVA_BYTE));
  }

  /// The names in the folder at `path`, sorted, without `.` and `..`.
  public List<String> list(String path) throws Errno {
    List<String> names = new ArrayList<>();
    try (Fd folder = openFile(path.isEmpty() ? "/" : path, Fd.O_RDONLY | Fd.O_DIRECTORY);
        Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(LIST_BUFFER, 8);
      while (true) {
        long size =
            Native.call(Syscalls.GETDENTS64, path, folder.number(), buffer.address(), LIST_BUFFER);
        if (size == 0) {
          Collections.sort(names);
          return names;
        }
        names(buffer.asSlice(0, size), names);
      }
    }
  }

  /// Adds the names in what getdents64(2) gave, without `.` and `..`.
  static void names(MemorySegment entries, List<String> names) {
    // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name
    for (long at = 0; at < entries.byteSize(); ) {
      int length = Short.toUnsignedInt(entries.get(ValueLayout.JAVA_SHORT, at + 16));
      String name = name(entries.asSlice(at + 19, length - 19L));
      if (!name.equals(".") && !name.equals("..")) {
        names.add(name);
      }
      at += length;
    }
  }

  private static String name(MemorySegment cString) {
    byte[] bytes = cString.toArray(ValueLayout.JAVA_BYTE);
    int end = 0;
    while (bytes[end] != 0) {
      end++;
    }
    return FileNames.decode(bytes, 0, end);
  }

  /// The names of the extended attributes of what stands at `path`, not following a link there.
  public List<String> attributes(String path) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment names = arena.allocate(MAX_XATTR);
      long size =
          Native.raw(
              Syscalls.LLISTXATTR,
              Native.string(arena, procPath(path)).address(),
              names.address(),
              MAX_XATTR,
              0,
              0,
              0);
      if (size <= 0) {
        return List.of();
      }
      return List.of(text(names.asSlice(0, size)).split("\0"));
    }
  }

  public void setOwner(String path, long uid, long gid) throws Errno {
    at(path, (f, n) -> Native.call(Syscalls.FCHOWNAT, path, f, n, uid, gid, SYMLINK_NOFOLLOW, 0));
  }

  /// Sets the permissions of a file that is no link. One that somebody puts a link in the place of
  /// meanwhile is not followed: fchmodat(2) would, by the machine's own root.
  public void setMode(String path, int mode) throws Errno {
    int bits = mode & 07777;
    if (!lacksFchmodat2) {
      try {
        at(
            path,
            (f, n) -> Native.call(Syscalls.FCHMODAT2, path, f, n, bits, SYMLINK_NOFOLLOW, 0, 0));
        return;
      } catch (Errno e) {
        if (e.number() != Errno.ENOSYS && e.number() != Errno.EPERM) {
          throw e;
        }
        lacksFchmodat2 = e.number() == Errno.ENOSYS; // Linux before 6.6
      }
    }
    try (Fd held = Fd.openAt(parentOf(path).number(), name(path), Fd.O_PATH | Fd.O_NOFOLLOW, 0);
        Arena arena = Arena.ofConfined()) {
      long name = Native.string(arena, held.procPath()).address();
      Native.call(Syscalls.FCHMODAT, path, Fd.AT_FDCWD, name, bits);
    }
  }

  /// Sets access and change time.
  public void setTime(String path, long seconds, int nanos) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      long times = times(arena, seconds, nanos).address();
      at(
          path,
          (f, n) -> Native.call(Syscalls.UTIMENSAT, path, f, n, times, SYMLINK_NOFOLLOW, 0, 0));
    }
  }

  /// Two `struct timespec`: access and change.
  static MemorySegment times(Arena arena, long seconds, int nanos) {
    MemorySegment times = arena.allocate(32, 8);
    for (int i = 0; i < 2; i++) {
      times.set(ValueLayout.JAVA_LONG, i * 16L, seconds);
      times.set(ValueLayout.JAVA_LONG, i * 16L + 8, nanos);
    }
    return times;
  }

  /// Sets an extended attribute on what stands at `path`, not following a link there.
  public void setAttribute(String path, String key, byte[] value) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(Math.max(1, value.length));
      MemorySegment.copy(value, 0, bytes, ValueLayout.JAVA_BYTE, 0, value.length);
      Native.call(
          Syscalls.LSETXATTR,
          key + " of " + path,
          Native.string(arena, procPath(path)).address(),
          Native.string(arena, key).address(),
          bytes.address(),
          value.length,
          0,
          0);
    }
  }

  /// An extended attribute; empty where there is none.
  public Optional<byte[]> attribute(String path, String key) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(MAX_XATTR);
      long size =
          Native.raw(
              Syscalls.LGETXATTR,
              Native.string(arena, procPath(path)).address(),
              Native.string(arena, key).address(),
              value.address(),
              MAX_XATTR,
              0,
              0);
      return size < 0
          ? Optional.empty()
          : Optional.of(value.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE));
    }
  }

  /// The path through procfs: the folder is held by descriptor, the last part is not followed by
  /// the l-calls.
  private String procPath(String path) throws Errno {
    return parentOf(path).procPath() + "/" + name(path);
  }

  /// What stands at `path`, not following a link there; empty if nothing does.
  public Optional<Status> status(String path) throws Errno {
    Fd folder;
    try {
      folder = parentOf(path);
    } catch (Errno e) {
      if (e.number() == Errno.ENOENT || e.number() == Errno.ENOTDIR) {
        return Optional.empty();
      }
      throw e;
    }
    String name = name(path);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment s = arena.allocate(256, 8);
      long result =
          Native.raw(
              Syscalls.STATX,
              folder.number(),
              Native.string(arena, name).address(),
              name.isEmpty() ? EMPTY_PATH : SYMLINK_NOFOLLOW,
              STATX_BASIC,
              s.address(),
              0);
      if (result == -Errno.ENOENT) {
        return Optional.empty();
      }
      if (result < 0) {
        throw Native.failed((int) -result, Syscalls.STATX, path);
      }
      long major = s.get(ValueLayout.JAVA_INT, 128);
      long minor = s.get(ValueLayout.JAVA_INT, 132);
      return Optional.of(
          new Status(
              Short.toUnsignedInt(s.get(ValueLayout.JAVA_SHORT, 28)),
              Integer.toUnsignedLong(s.get(ValueLayout.JAVA_INT, 20)),
              Integer.toUnsignedLong(s.get(ValueLayout.JAVA_INT, 24)),
              s.get(ValueLayout.JAVA_LONG, 40),
              s.get(ValueLayout.JAVA_LONG, 112),
              s.get(ValueLayout.JAVA_INT, 120),
              device(major, minor),
              s.get(ValueLayout.JAVA_LONG, 32),
              s.get(ValueLayout.JAVA_INT, 16),
              device(s.get(ValueLayout.JAVA_INT, 136), s.get(ValueLayout.JAVA_INT, 140))));
    }
  }

  /// A device number as mknod(2) takes it.
  public static long device(long major, long minor) {
    return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffL) << 12 | (major & ~0xfffL) << 32;
  }

  /// Removes what stands at `path`, a folder with all that is in it; nothing there is no error.
  public void remove(String path) throws Errno {
    try {
      TreeRemoval.remove(parentOf(path), name(path));
    } catch (Errno e) {
      if (e.number() != Errno.ENOENT && e.number() != Errno.ENOTDIR) {
        throw e;
      }
    } finally {
      forget(); // the remembered folder may have been reached through it
    }
  }

  /// True if the folder that holds `path` exists.
  public boolean hasParent(String path) throws Errno {
    try {
      parentOf(path);
      return true;
    } catch (Errno e) {
      if (e.number() == Errno.ENOENT) {
        return false;
      }
      throw e;
    }
  }

  @Override
  public void close() {
    forget();
    root.close();
  }
}
