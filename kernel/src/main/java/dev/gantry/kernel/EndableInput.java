package dev.gantry.kernel;

import dev.gantry.base.BulkInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Reads a blocking descriptor of somebody else's, whose flags must stay as they are, until it ends
/// or [#close()] is called: a thread that waits here takes nothing that comes after that. Blocks
/// its thread.
public final class EndableInput extends BulkInputStream {
  private static final int POLLIN = 1;

  private final Fd fd;
  private final Fd wake;

  public EndableInput(Fd fd) throws Errno {
    this.fd = fd;
    this.wake =
        Fd.adopt((int) Native.call(Syscalls.EVENTFD2, "", 0, Fd.O_CLOEXEC | Fd.O_NONBLOCK, 0));
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (true) {
      if (!await()) {
        return -1;
      }
      try {
        return fd.read(buffer, offset, length);
      } catch (Errno e) {
        if (e.number() != Errno.EAGAIN) {
          throw e;
        }
      }
    }
  }

  @Override
  public int available() throws IOException {
    return fd.available();
  }

  /// False once there shall be no more.
  private boolean await() throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment both = arena.allocate(16, 4);
      both.set(ValueLayout.JAVA_INT, 0, fd.number());
      both.set(ValueLayout.JAVA_SHORT, 4, (short) POLLIN);
      both.set(ValueLayout.JAVA_INT, 8, wake.number());
      both.set(ValueLayout.JAVA_SHORT, 12, (short) POLLIN);
      Native.call(Syscalls.PPOLL, "", both.address(), 2, 0, 0, 0, 0);
      return both.get(ValueLayout.JAVA_SHORT, 14) == 0;
    }
  }

  /// Whoever reads now or later is at the end.
  @Override
  public void close() throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_LONG, 1);
      Native.call(Syscalls.WRITE, "", wake.number(), one.address(), 8);
    }
  }

  /// Gives back what it has of its own, not the descriptor that it reads: nobody reads any more.
  public void release() {
    wake.close();
  }
}
