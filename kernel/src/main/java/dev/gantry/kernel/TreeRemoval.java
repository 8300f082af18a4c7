package dev.gantry.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Deletes a folder with all that is in it, whatever programs have put there: names in no character
/// set, and folders nested deeper than a path may be long. Links are removed, never followed.
///
/// Folders below [#MAX_DEPTH] are moved up to the top first, so that neither descriptors nor stack
/// grow with the depth. What cannot be removed does not keep the rest.
public final class TreeRemoval {
  private static final int MAX_DEPTH = 64;
  private static final int MAX_PASSES = 10_000;
  private static final int MAX_PASSES_BELOW = 16;
  private static final int BUFFER = 16 * 1024;
  private static final int REMOVEDIR = 0x200;
  private static final int NOREPLACE = 1;

  private final Fd top;
  private long done;
  private long moved;
  private @Nullable Errno failed;

  private TreeRemoval(Fd top) {
    this.top = top;
  }

  /// Removes `path`, a folder or a file; nothing there is no error.
  ///
  /// @throws Errno the first reason why something is left
  public static void remove(Path path) throws Errno {
    Path absolute = path.toAbsolutePath();
    Path above = absolute.getParent();
    if (above == null) {
      throw new IllegalArgumentException("the root folder is not removed");
    }
    try (Fd parent = Fd.open(above.toString(), Fd.O_PATH | Fd.O_DIRECTORY)) {
      remove(parent, String.valueOf(absolute.getFileName()));
    } catch (Errno e) {
      if (e.number() != Errno.ENOENT) {
        throw e;
      }
    }
  }

  /// As above, of what the folder `parent` has under `name`.
  static void remove(Fd parent, String name) throws Errno {
    try {
      if (unlinked(parent, name)) {
        return;
      }
      try (Fd folder = open(parent, name)) {
        TreeRemoval removal = new TreeRemoval(folder);
        removal.empty(folder, 0);
        if (removal.failed != null) {
          throw removal.failed;
        }
      }
      unlink(parent, name, REMOVEDIR);
    } catch (Errno e) {
      if (e.number() != Errno.ENOENT) {
        throw e;
      }
    }
  }

  /// Never through a link, nor into something that is mounted there.
  private static Fd open(Fd parent, String name) throws Errno {
    int resolve = Fd.RESOLVE_NO_XDEV | Fd.RESOLVE_NO_SYMLINKS;
    return Fd.openAt2(parent, name, Fd.O_RDONLY | Fd.O_DIRECTORY | Fd.O_NOFOLLOW, 0, resolve);
  }

  private static void unlink(Fd parent, String name, int flags) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      long text = Native.string(arena, name).address();
      Native.call(Syscalls.UNLINKAT, name, parent.number(), text, flags);
    }
  }

  /// Empties the folder as far as it goes. Folders that are moved up here, and what a pass missed
  /// as others were removed under it, come with the next pass; a program that goes on making files
  /// does not keep us for ever.
  private void empty(Fd folder, int depth) throws Errno {
    long before = -1;
    int passes = depth == 0 ? MAX_PASSES : MAX_PASSES_BELOW;
    for (int i = 0; i < passes && done > before; i++) {
      before = done;
      pass(folder, depth);
    }
  }

  private void pass(Fd folder, int depth) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      Native.call(Syscalls.LSEEK, "", folder.number(), 0, 0);
      MemorySegment buffer = arena.allocate(BUFFER, 8);
      while (true) {
        long size = Native.call(Syscalls.GETDENTS64, "", folder.number(), buffer.address(), BUFFER);
        if (size == 0) {
          return;
        }
        List<String> names = new ArrayList<>();
        Tree.names(buffer.asSlice(0, size), names);
        for (String name : names) {
          one(folder, name, depth);
        }
      }
    }
  }

  private void one(Fd folder, String name, int depth) {
    try {
      if (!unlinked(folder, name)) {
        if (depth < MAX_DEPTH || !movedUp(folder, name)) {
          try (Fd child = open(folder, name)) {
            empty(child, depth + 1);
          }
          unlink(folder, name, REMOVEDIR);
        }
      }
      done++;
    } catch (Errno e) {
      if (e.number() != Errno.ENOENT && failed == null) {
        failed = e;
      }
    }
  }

  /// False if `name` is a folder.
  private static boolean unlinked(Fd folder, String name) throws Errno {
    try {
      unlink(folder, name, 0);
      return true;
    } catch (Errno e) {
      if (e.number() == Errno.EISDIR) {
        return false;
      }
      throw e;
    }
  }

  /// False where folders cannot be moved: on an overlay those of lower layers cannot.
  private boolean movedUp(Fd folder, String name) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      long old = Native.string(arena, name).address();
      while (true) {
        long free = Native.string(arena, ".deep-" + moved++).address();
        long result =
            Native.raw(Syscalls.RENAMEAT2, folder.number(), old, top.number(), free, NOREPLACE, 0);
        if (result >= 0) {
          return true;
        }
        if (result == -Errno.EXDEV) {
          return false;
        }
        if (result != -Errno.EEXIST) {
          throw Native.failed((int) -result, Syscalls.RENAMEAT2, name);
        }
      }
    }
  }
}
