package dev.gantry.testkit;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.PidFd;
import dev.gantry.kernel.Pty;
import dev.gantry.kernel.Spawn;
import dev.gantry.kernel.Terminals;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// A program on a pseudo-terminal of its own, as if a person sat before it.
public final class Session implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(15);
  private static final int SIGKILL = 9;

  private final Pty pty;
  private final PidFd process;
  private final StringBuffer screen = new StringBuffer();
  private int seen;
  private Optional<Integer> status = Optional.empty();

  private Session(Pty pty, PidFd process) {
    this.pty = pty;
    this.process = process;
  }

  /// Starts `command` on a terminal of 24 rows and 80 columns.
  public static Session start(Command command) {
    // setsid gives the program the terminal as its own: that is where SIGWINCH and ^C go
    List<String> words = new ArrayList<>(List.of("setsid", "--ctty", "--wait"));
    words.addAll(command.words());
    Map<String, String> environment = new HashMap<>(System.getenv());
    environment.put("TERM", "xterm");
    environment.putAll(command.environment());
    List<String> entries = new ArrayList<>();
    environment.forEach((name, value) -> entries.add(name + "=" + value));
    try {
      Pty pty = Pty.open(24, 80);
      try (Fd terminal = pty.terminal().duplicateAbove(10)) {
        Map<Integer, Fd> fds = new TreeMap<>(Map.of(0, terminal, 1, terminal, 2, terminal));
        int pid = Spawn.start(Needs.program("setsid").toString(), words, List.copyOf(entries), fds);
        Session session = new Session(pty, PidFd.open(pid));
        pty.terminal().close();
        Thread.ofPlatform().daemon().name("terminal").start(session::readAll);
        return session;
      }
    } catch (Errno e) {
      throw new UncheckedIOException(e);
    }
  }

  private void readAll() {
    byte[] buffer = new byte[4096];
    try {
      for (int n = pty.master().read(buffer, 0, buffer.length);
          n > 0;
          n = pty.master().read(buffer, 0, buffer.length)) {
        screen.append(new String(buffer, 0, n, StandardCharsets.UTF_8));
      }
    } catch (Errno e) {
      // EIO: the last program on the terminal has ended
    }
  }

  /// Types `keys` as they are; `\r` is the return key, `\u0010` is Ctrl-P.
  public Session type(String keys) {
    try {
      pty.master().writeFully(keys.getBytes(StandardCharsets.UTF_8));
      return this;
    } catch (Errno e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Waits for `text` to appear after what was awaited before.
  public Session await(String text) {
    Eventually.within(
        PATIENCE,
        () -> "no '" + text + "' on the terminal, but: " + screen,
        () -> screen.indexOf(text, seen) >= 0);
    seen = screen.indexOf(text, seen) + text.length();
    return this;
  }

  /// Changes the window's size; the program gets SIGWINCH.
  public Session resize(int rows, int columns) {
    try {
      Terminals.resize(pty.master(), rows, columns);
      return this;
    } catch (Errno e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Everything the terminal has shown.
  public String screen() {
    return screen.toString();
  }

  /// Waits for the program to end; its exit code as a shell reports it.
  public int exitCode() {
    Eventually.within(
        PATIENCE, () -> "the program has not ended; its terminal: " + screen, () -> reaped());
    return status.orElseThrow();
  }

  private boolean reaped() {
    try {
      if (status.isEmpty()) {
        status = process.reap();
      }
      return status.isPresent();
    } catch (Errno e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      if (!reaped() && process.signal(SIGKILL)) {
        exitCode();
      }
    } catch (Errno e) {
      throw new UncheckedIOException(e);
    } finally {
      process.close();
      pty.close();
    }
  }
}
