package dev.gantry.runtime;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Poller;
import dev.gantry.kernel.Terminals;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/// Follows a process in the foreground: with a terminal, carries bytes between it and ours.
final class ForegroundTerminal {
  private ForegroundTerminal() {}

  /// Waits for the end; the exit code as a shell reports it.
  static int follow(RunningProcess process) throws IOException, InterruptedException {
    Fd master = process.terminal().orElse(null);
    try {
      return master == null ? process.awaitExit().code() : relay(process, master);
    } finally {
      process.release();
    }
  }

  private static int relay(RunningProcess process, Fd master)
      throws IOException, InterruptedException {
    Terminals.@Nullable Settings before = null;
    if (Terminals.isTerminal(0)) {
      before = Terminals.makeRaw(0);
      Terminals.size(0).ifPresent(s -> resize(process, s));
    }
    try {
      Thread.ofPlatform().daemon().name("input").start(() -> copyInput(master));
      InputStream out = master.input(Poller.shared());
      byte[] buffer = new byte[8192];
      for (int n = out.read(buffer); n > 0; n = out.read(buffer)) {
        System.out.write(buffer, 0, n);
        System.out.flush();
      }
      return process.awaitExit().code();
    } finally {
      if (before != null) {
        Terminals.restore(0, before);
      }
    }
  }

  private static void resize(RunningProcess process, Terminals.Size size) {
    try {
      process.resize(size.rows(), size.columns());
    } catch (Errno e) {
      return; // it ended meanwhile
    }
  }

  private static void copyInput(Fd master) {
    OutputStream in = master.output(Poller.shared());
    byte[] buffer = new byte[4096];
    try {
      for (int n = System.in.read(buffer); n > 0; n = System.in.read(buffer)) {
        in.write(buffer, 0, n);
      }
    } catch (IOException e) {
      return; // the process ended
    }
  }
}
