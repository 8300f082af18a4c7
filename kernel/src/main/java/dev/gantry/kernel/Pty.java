package dev.gantry.kernel;

import java.lang.foreign.Arena;

/// A new pseudo-terminal (pty(7)): the side that a terminal program holds, and the side that the
/// program in it sees as its terminal.
public record Pty(Fd master, Fd terminal) implements AutoCloseable {
  private static final int TIOCSPTLCK = 0x40045431;
  private static final int TIOCGPTPEER = 0x5441;

  /// Opens one, `rows` by `columns` characters large.
  public static Pty open(int rows, int columns) throws Errno {
    Fd master = Fd.open("/dev/ptmx", Fd.O_RDWR | Fd.O_NOCTTY);
    try (Arena arena = Arena.ofConfined()) {
      int number = master.number();
      long unlocked = arena.allocate(4, 4).address(); // an int of 0
      Native.call(Syscalls.IOCTL, "TIOCSPTLCK", number, TIOCSPTLCK, unlocked);
      int flags = Fd.O_RDWR | Fd.O_NOCTTY | Fd.O_CLOEXEC;
      Fd terminal =
          Fd.adopt((int) Native.call(Syscalls.IOCTL, "TIOCGPTPEER", number, TIOCGPTPEER, flags));
      Terminals.resize(terminal, rows, columns);
      return new Pty(master, terminal);
    } catch (Errno e) {
      master.close();
      throw e;
    }
  }

  @Override
  public void close() {
    terminal.close();
    master.close();
  }
}
