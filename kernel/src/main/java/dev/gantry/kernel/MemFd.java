package dev.gantry.kernel;

import java.lang.foreign.Arena;

/// Anonymous files in memory (memfd_create(2)) that can be sealed against change.
public final class MemFd {
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int MFD_EXEC = 0x10;
  private static final int F_ADD_SEALS = 1033;
  private static final int ALL_SEALS = 1 | 2 | 4 | 8; // seal, shrink, grow, write

  private MemFd() {}

  /// A file that holds `content` and can never change again. `executable` allows execveat(2) on it;
  /// its image cannot be overwritten through /proc/PID/exe (CVE-2019-5736).
  public static Fd sealed(String name, byte[] content, boolean executable) throws Errno {
    Fd fd = create(name, executable);
    try {
      fd.writeFully(content);
      Native.call(Syscalls.FCNTL, "F_ADD_SEALS", fd.number(), F_ADD_SEALS, ALL_SEALS);
      return fd;
    } catch (Errno e) {
      fd.close();
      throw e;
    }
  }

  /// An empty file that can be written and read.
  public static Fd open(String name) throws Errno {
    return create(name, false);
  }

  private static Fd create(String name, boolean executable) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      long address = Native.string(arena, name).address();
      int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
      long fd =
          Native.raw(
              Syscalls.MEMFD_CREATE, address, executable ? flags | MFD_EXEC : flags, 0, 0, 0, 0);
      if (fd == -Errno.EINVAL && executable) { // before Linux 6.3 every memfd is executable
        fd = Native.raw(Syscalls.MEMFD_CREATE, address, flags, 0, 0, 0, 0);
      }
      if (fd < 0) {
        throw Native.failed((int) -fd, Syscalls.MEMFD_CREATE, name);
      }
      return Fd.adopt((int) fd);
    }
  }
}
