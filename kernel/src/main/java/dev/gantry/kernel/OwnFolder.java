package dev.gantry.kernel;

import java.lang.foreign.Arena;

/// Lets one thread, and those that it starts from then on, have a working directory and a umask of
/// their own (unshare(2), CLONE_FS), while the rest of the process keeps its. The JDK opens
/// relative paths where the thread is; only what it tells of them without asking the kernel, such
/// as `toAbsolutePath`, still is of the process.
public final class OwnFolder {
  private static final int CLONE_FS = 0x200;

  private OwnFolder() {}

  /// To be called on a platform thread, which keeps them until it ends.
  public static void enter(String folder, int umask) throws Errno {
    Native.call(Syscalls.UNSHARE, "CLONE_FS", CLONE_FS, 0, 0);
    try (Arena arena = Arena.ofConfined()) {
      Native.call(Syscalls.CHDIR, folder, Native.string(arena, folder).address(), 0, 0);
    }
    Native.call(Syscalls.UMASK, "", umask, 0, 0);
  }
}
