package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/// A number that no other test process on this machine has, for bridges, subnets and cgroups. The
/// kernel gives it back when the process ends, however it ends; whoever has it next removes what a
/// run that was cut off left under it.
final class Turn {
  private static final int FIRST = 100;
  private static final int MOST = 60;
  // held as long as this process lives
  private static @Nullable FileLock lock;
  private static int number = -1;

  private Turn() {}

  /// From 100, below 160.
  static synchronized int number() {
    for (int i = 0; number < 0 && i < MOST; i++) {
      try {
        Path file = Scratch.root().resolve("gantry-test-turn-" + i);
        FileChannel channel =
            FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        lock = channel.tryLock();
        if (lock == null) {
          channel.close();
        } else {
          number = FIRST + i;
          Scratch.sweep(number);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    if (number < 0) {
      throw new IllegalStateException(MOST + " test processes run already");
    }
    return number;
  }
}
