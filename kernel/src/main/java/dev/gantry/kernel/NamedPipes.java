package dev.gantry.kernel;

import java.lang.foreign.Arena;

/// Named pipes: [fifo(7)](https://man7.org/linux/man-pages/man7/fifo.7.html).
public final class NamedPipes {
  private static final int S_IFIFO = 0010000;

  private NamedPipes() {}

  /// Makes one; an existing file is EEXIST.
  public static void make(String path, int mode) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      Native.call(
          Syscalls.MKNODAT,
          path,
          Fd.AT_FDCWD,
          Native.string(arena, path).address(),
          S_IFIFO | mode,
          0,
          0,
          0);
    }
  }
}
