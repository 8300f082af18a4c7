package dev.gantry.runtime;

import java.time.Instant;

/// How a process ended.
///
/// @param waitStatus as wait(2) gives it: code times 256, or the signal
/// @param exitedAt when the monitor saw it
public record ExitStatus(int waitStatus, Instant exitedAt) {
  /// The code as a shell reports it: the exit code, or 128 and the signal.
  public int code() {
    return (waitStatus & 0x7f) == 0 ? waitStatus >> 8 & 0xff : 128 + (waitStatus & 0x7f);
  }

  /// True if a signal ended it.
  public boolean signaled() {
    return (waitStatus & 0x7f) != 0;
  }
}
