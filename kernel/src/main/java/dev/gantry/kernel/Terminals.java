package dev.gantry.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/// Terminals by descriptor (ioctl_tty(2), termios(3)).
public final class Terminals {
  private static final int TIOCGWINSZ = 0x5413;
  private static final int TIOCSWINSZ = 0x5414;
  private static final int TCGETS = 0x5401;
  private static final int TCSETSW = 0x5403;
  private static final int TERMIOS_SIZE = 64;

  /// Rows and columns in characters.
  public record Size(int rows, int columns) {}

  /// A terminal's settings, to be put back later.
  public record Settings(byte[] termios) {}

  private Terminals() {}

  /// Sets the window size; the foreground processes get SIGWINCH.
  public static void resize(Fd terminal, int rows, int columns) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(8, 2);
      size.set(ValueLayout.JAVA_SHORT, 0, (short) rows);
      size.set(ValueLayout.JAVA_SHORT, 2, (short) columns);
      Native.call(Syscalls.IOCTL, "TIOCSWINSZ", terminal.number(), TIOCSWINSZ, size.address());
    }
  }

  /// The window size of descriptor `fd`; empty if that is no terminal.
  public static Optional<Size> size(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(8, 2);
      if (Native.raw(Syscalls.IOCTL, fd, TIOCGWINSZ, size.address(), 0, 0, 0) < 0) {
        return Optional.empty();
      }
      return Optional.of(
          new Size(
              Short.toUnsignedInt(size.get(ValueLayout.JAVA_SHORT, 0)),
              Short.toUnsignedInt(size.get(ValueLayout.JAVA_SHORT, 2))));
    }
  }

  /// True if descriptor `fd` of this process is a terminal.
  public static boolean isTerminal(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment termios = arena.allocate(TERMIOS_SIZE, 4);
      return Native.raw(Syscalls.IOCTL, fd, TCGETS, termios.address(), 0, 0, 0) >= 0;
    }
  }

  /// Lets every byte through as it is typed, without echo or signals, and returns the settings
  /// before (cfmakeraw(3), but output is left as raw too).
  public static Settings makeRaw(int fd) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment termios = arena.allocate(TERMIOS_SIZE, 4);
      Native.call(Syscalls.IOCTL, "TCGETS", fd, TCGETS, termios.address());
      byte[] before = termios.toArray(ValueLayout.JAVA_BYTE);
      clear(termios, 0, 01 | 02 | 010 | 040 | 0100 | 0200 | 0400 | 02000); // iflag
      clear(termios, 4, 01); // oflag: OPOST
      clear(termios, 12, 010 | 0100 | 02 | 01 | 0100000); // lflag: ECHO ECHONL ICANON ISIG IEXTEN
      clear(termios, 8, 060 | 0400); // cflag: CSIZE PARENB
      termios.set(ValueLayout.JAVA_INT, 8, termios.get(ValueLayout.JAVA_INT, 8) | 060); // CS8
      termios.set(ValueLayout.JAVA_BYTE, 17 + 6, (byte) 1); // VMIN
      termios.set(ValueLayout.JAVA_BYTE, 17 + 5, (byte) 0); // VTIME
      Native.call(Syscalls.IOCTL, "TCSETSW", fd, TCSETSW, termios.address());
      return new Settings(before);
    }
  }

  private static void clear(MemorySegment termios, int offset, int bits) {
    termios.set(ValueLayout.JAVA_INT, offset, termios.get(ValueLayout.JAVA_INT, offset) & ~bits);
  }

  /// Puts settings back.
  public static void restore(int fd, Settings settings) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment termios = arena.allocate(TERMIOS_SIZE, 4);
      MemorySegment.copy(
          settings.termios(), 0, termios, ValueLayout.JAVA_BYTE, 0, settings.termios().length);
      Native.call(Syscalls.IOCTL, "TCSETSW", fd, TCSETSW, termios.address());
    }
  }
}
