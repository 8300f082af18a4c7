package dev.gantry.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// What the files below a folder take, whatever programs have put there; files with several names
/// count once.
///
/// @param bytes lengths of the regular files
/// @param disk bytes that the disk gives to what is in the folder: neither holes, nor the folder
///   itself
public record TreeSize(long bytes, long disk) {
  private static final int MAX_DEPTH = 512;
  private static final int BUFFER = 32 * 1024;
  private static final int SYMLINK_NOFOLLOW = 0x100;
  private static final int WANTED = 0x7ff;
  private static final int SECTOR = 512;

  /// Looks at all of it. What vanishes meanwhile counts nothing, nor does what is nested deeper
  /// than 512 folders or mounted there.
  public static TreeSize of(Path folder) {
    Walk walk = new Walk();
    try (Fd top = Fd.open(folder.toString(), Fd.O_RDONLY | Fd.O_DIRECTORY)) {
      walk.folder(top, 0);
    } catch (Errno e) {
      return new TreeSize(walk.bytes, walk.disk);
    }
    return new TreeSize(walk.bytes, walk.disk);
  }

  private record File(long device, long inode) {}

  private static final class Walk {
    private final Set<File> seen = new HashSet<>();
    private long bytes;
    private long disk;

    void folder(Fd folder, int depth) throws Errno {
      List<String> folders = new ArrayList<>();
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment buffer = arena.allocate(BUFFER, 8);
        MemorySegment status = arena.allocate(256, 8);
        while (true) {
          long size =
              Native.call(Syscalls.GETDENTS64, "", folder.number(), buffer.address(), BUFFER);
          if (size == 0) {
            break;
          }
          List<String> names = new ArrayList<>();
          Tree.names(buffer.asSlice(0, size), names);
          for (String name : names) {
            if (isFolder(folder, name, status)) {
              folders.add(name);
            }
          }
        }
      }
      for (String name : folders) {
        below(folder, name, depth);
      }
    }

    private void below(Fd folder, String name, int depth) {
      int resolve = Fd.RESOLVE_NO_XDEV | Fd.RESOLVE_NO_SYMLINKS;
      int flags = Fd.O_RDONLY | Fd.O_DIRECTORY | Fd.O_NOFOLLOW;
      if (depth >= MAX_DEPTH) {
        return;
      }
      try (Fd child = Fd.openAt2(folder, name, flags, 0, resolve)) {
        folder(child, depth + 1);
      } catch (Errno e) {
        return; // it has gone
      }
    }

    /// Counts it too.
    private boolean isFolder(Fd folder, String name, MemorySegment s) throws Errno {
      try (Arena arena = Arena.ofConfined()) {
        long text = Native.string(arena, name).address();
        long result =
            Native.raw(
                Syscalls.STATX, folder.number(), text, SYMLINK_NOFOLLOW, WANTED, s.address(), 0);
        if (result < 0) {
          return false;
        }
      }
      int mode = Short.toUnsignedInt(s.get(ValueLayout.JAVA_SHORT, 28)) & 0170000;
      boolean isFolder = mode == 0040000;
      if (!isFolder && s.get(ValueLayout.JAVA_INT, 16) > 1) {
        long device = s.get(ValueLayout.JAVA_LONG, 136); // major and minor number
        if (!seen.add(new File(device, s.get(ValueLayout.JAVA_LONG, 32)))) {
          return false;
        }
      }
      bytes += mode == 0100000 ? s.get(ValueLayout.JAVA_LONG, 40) : 0;
      disk += s.get(ValueLayout.JAVA_LONG, 48) * SECTOR;
      return isFolder;
    }
  }
}
