package dev.gantry.kernel;

import java.lang.foreign.Arena;

/// Sees whether anything changed in some folders since they were named (inotify(7)). The kernel
/// notes a change before the call that made it returns, so whoever asks after it is told of it.
public final class FolderWatch implements AutoCloseable {
  // IN_MODIFY, IN_ATTRIB, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE, IN_DELETE_SELF,
  // IN_MOVE_SELF
  private static final int CHANGES = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800;
  private final Fd queue;

  public FolderWatch() throws Errno {
    queue =
        Fd.adopt((int) Native.call(Syscalls.INOTIFY_INIT1, "", Fd.O_CLOEXEC | Fd.O_NONBLOCK, 0, 0));
  }

  /// Watches a folder, not those within it, or a single file.
  public void add(String path) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      Native.call(
          Syscalls.INOTIFY_ADD_WATCH,
          path,
          queue.number(),
          Native.string(arena, path).address(),
          CHANGES);
    }
  }

  public boolean changed() throws Errno {
    return queue.available() > 0;
  }

  @Override
  public void close() {
    queue.close();
  }
}
