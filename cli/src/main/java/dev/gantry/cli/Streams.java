package dev.gantry.cli;

import dev.gantry.client.EngineClient;
import dev.gantry.client.Frames;
import dev.gantry.client.Hijacked;
import dev.gantry.client.Query;
import dev.gantry.kernel.Terminals;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/// Joins our three streams with a container's: a raw terminal with its size, or frames.
final class Streams {
  private static final int STDIN = 0;
  private static final int STDOUT = 1;
  private static final int CTRL_P = 16;
  private static final int CTRL_Q = 17;

  private static volatile boolean reading;

  private final Session session;
  private final boolean tty;
  private final boolean stdin;
  private final AtomicBoolean detached = new AtomicBoolean();

  Streams(Session session, boolean tty, boolean stdin) {
    this.session = session;
    this.tty = tty;
    this.stdin = stdin;
  }

  /// True once a thread reads standard input: nothing can end its call.
  static boolean readsInput() {
    return reading;
  }

  static boolean inputIsTerminal() {
    return Terminals.isTerminal(STDIN);
  }

  /// Copies until the container's side ends; true if the user typed the keys that detach.
  ///
  /// @param resize where the terminal's size is sent to, e.g. `/containers/ID/resize`
  boolean copy(Hijacked connection, String resize, Runnable started) throws IOException {
    Optional<Terminals.Settings> before = Optional.empty();
    try {
      if (tty && stdin && inputIsTerminal()) {
        before = Optional.of(Terminals.makeRaw(STDIN));
      }
      started.run();
      if (tty) {
        Thread.ofPlatform().daemon().name("size").start(() -> followSize(resize));
      }
      if (stdin) {
        reading = true;
        Thread.ofPlatform().daemon().name("stdin").start(() -> copyInput(connection));
      }
      copyOutput(connection);
      return detached.get();
    } finally {
      if (before.isPresent()) {
        Terminals.restore(STDIN, before.get());
      }
    }
  }

  private void copyOutput(Hijacked connection) throws IOException {
    try {
      if (tty) {
        byte[] buffer = new byte[32 * 1024];
        for (int n = connection.in().read(buffer); n >= 0; n = connection.in().read(buffer)) {
          session.rawOut().write(buffer, 0, n);
        }
      } else {
        Frames.copy(connection.in(), session.rawOut(), session.err());
      }
    } catch (IOException e) {
      if (!detached.get()) {
        throw e;
      }
    }
  }

  private void copyInput(Hijacked connection) {
    byte[] buffer = new byte[32 * 1024];
    boolean prefix = false;
    try (OutputStream out = new Unclosed(connection.out())) {
      for (int n = session.in().read(buffer); n >= 0; n = session.in().read(buffer)) {
        if (tty && n == 1 && prefix && buffer[0] == CTRL_Q) {
          detached.set(true);
          connection.close();
          return;
        }
        if (tty && prefix) {
          out.write(CTRL_P);
        }
        prefix = tty && n == 1 && buffer[0] == CTRL_P;
        if (tty && n == 2 && buffer[0] == CTRL_P && buffer[1] == CTRL_Q) {
          detached.set(true);
          connection.close();
          return;
        }
        if (!prefix) {
          out.write(buffer, 0, n);
        }
      }
      connection.endInput();
    } catch (IOException e) {
      connection.endInput(); // the container has closed its input
    }
  }

  /// Closing a channel's stream would close the whole connection.
  private static final class Unclosed extends OutputStream {
    private final OutputStream out;

    Unclosed(OutputStream out) {
      this.out = out;
    }

    @Override
    public void write(int b) throws IOException {
      out.write(b);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, length);
    }

    @Override
    public void close() {}
  }

  /// Sends the terminal's size whenever it differs from the last; looked at ten times a second.
  private void followSize(String resize) {
    EngineClient engine = session.engine();
    Optional<Terminals.Size> sent = Optional.empty();
    int tries = 0;
    while (true) {
      Optional<Terminals.Size> size = Terminals.size(STDOUT).filter(s -> s.rows() > 0);
      if (size.isPresent() && !size.equals(sent)) {
        try {
          Terminals.Size now = size.get();
          engine.post(
              Query.of(resize)
                  .with("h", Integer.toString(now.rows()))
                  .with("w", Integer.toString(now.columns())),
              null);
          sent = size;
        } catch (RuntimeException e) {
          // not started yet, or ended: the next look tells
          if (tries++ > 50) {
            return;
          }
        }
      }
      try {
        Thread.sleep(sent.isPresent() ? 100 : 10);
      } catch (InterruptedException e) {
        return;
      }
    }
  }
}
