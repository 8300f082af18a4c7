package dev.gantry.buildkit;

import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import java.util.Map;

/// One file in a transfer. Its mode is Go's `fs.FileMode`, not that of stat(2).
///
/// @param path relative, with slashes
/// @param size in bytes
/// @param time of the last change, in ns since the epoch
/// @param target where a symbolic link points; of a regular file, the entry it is a hard link to
/// @param device as mknod(2) takes it
/// @param attributes extended ones
record Entry(
    String path,
    long goMode,
    long size,
    long time,
    String target,
    long device,
    Map<String, byte[]> attributes) {
  static final Entry ROOT = new Entry("", 0x800001edL, 0, 0, "", 0, Map.of());

  private static final long DIRECTORY = 1L << 31;
  private static final long SYMLINK = 1L << 27;
  private static final long DEVICE = 1L << 26;
  private static final long PIPE = 1L << 25;
  private static final long SETUID = 1L << 23;
  private static final long SETGID = 1L << 22;
  private static final long CHARACTER = 1L << 21;
  private static final long STICKY = 1L << 20;

  static Entry of(Message stat) throws GrpcException {
    return new Entry(
        stat.text(1),
        stat.number(2) & 0xffffffffL,
        stat.number(5),
        stat.number(6),
        stat.text(7),
        Tree.device(stat.number(8), stat.number(9)),
        stat.entries(10));
  }

  /// What a client is told of a file of ours.
  static Message stat(String path, Tree.Status status, String target) {
    long mode = status.mode() & 0777;
    mode |= (status.mode() & 04000) != 0 ? SETUID : 0;
    mode |= (status.mode() & 02000) != 0 ? SETGID : 0;
    mode |= (status.mode() & 01000) != 0 ? STICKY : 0;
    mode |=
        switch (status.mode() & 0170000) {
          case 0040000 -> DIRECTORY;
          case 0120000 -> SYMLINK;
          case 0060000 -> DEVICE;
          case 0020000 -> DEVICE | CHARACTER;
          case 0010000 -> PIPE;
          default -> 0L;
        };
    return new Message()
        .text(1, path)
        .number(2, mode)
        .number(3, status.uid())
        .number(4, status.gid())
        .number(5, status.isRegular() ? status.size() : 0)
        .number(6, status.seconds() * 1_000_000_000L + status.nanos())
        .text(7, target);
  }

  boolean isFolder() {
    return (goMode & DIRECTORY) != 0;
  }

  boolean isLink() {
    return (goMode & SYMLINK) != 0;
  }

  boolean isSpecial() {
    return (goMode & (DEVICE | PIPE)) != 0;
  }

  boolean isRegular() {
    return !isFolder() && !isLink() && !isSpecial();
  }

  boolean isHardLink() {
    return isRegular() && !target.isEmpty();
  }

  long seconds() {
    return Math.floorDiv(time, 1_000_000_000L);
  }

  int nanos() {
    return (int) Math.floorMod(time, 1_000_000_000L);
  }

  /// As stat(2) has it.
  int unixMode() {
    int mode = (int) (goMode & 0777);
    mode |= (goMode & SETUID) != 0 ? 04000 : 0;
    mode |= (goMode & SETGID) != 0 ? 02000 : 0;
    mode |= (goMode & STICKY) != 0 ? 01000 : 0;
    if (isFolder()) {
      return mode | 0040000;
    }
    if (isLink()) {
      return mode | 0120000;
    }
    if ((goMode & DEVICE) != 0) {
      return mode | ((goMode & CHARACTER) != 0 ? 0020000 : 0060000);
    }
    return mode | ((goMode & PIPE) != 0 ? 0010000 : 0100000);
  }

  /// Whether what is here already is this file, by all that tells without reading it.
  boolean isSame(Tree.Status here, Tree tree, String at) throws Errno {
    boolean sameTime = here.seconds() == seconds() && here.nanos() == nanos();
    if (isHardLink() || isFolder() || isSpecial() || !sameTime) {
      return false;
    }
    if (isLink()) {
      return here.isLink() && tree.readLink(at).equals(target);
    }
    return here.isRegular()
        && here.size() == size
        && here.links() == 1
        && (here.mode() & 07777) == (unixMode() & 07777)
        && attributes.isEmpty();
  }
}
