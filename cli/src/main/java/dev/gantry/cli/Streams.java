package dev.gantry.cli;

import dev.gantry.client.EngineClient;
import dev.gantry.client.Frames;
import dev.gantry.client.Hijacked;
import dev.gantry.client.Query;
import dev.gantry.client.Wire;
import dev.gantry.kernel.Terminals;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/// Joins our three streams with a container's: a raw terminal with its size, or frames.
final class Streams {
  private static volatile boolean reading;

  private final Session session;
  private final boolean tty;
  private final boolean stdin;
  private final Optional<DetachKeys> keys;
  private final AtomicBoolean detached = new AtomicBoolean();

  /// @param keys `--detach-keys`, or empty for the user's own or Docker's
  Streams(Session session, boolean tty, boolean stdin, String keys) {
    this.session = session;
    this.tty = tty;
    this.stdin = stdin;
    this.keys = tty && stdin ? DetachKeys.parse(keys(session, keys)) : Optional.empty();
  }

  static String keys(Session session, String given) {
    String wanted = given.isEmpty() ? session.config().text("detachKeys") : given;
    return wanted.isEmpty() ? DetachKeys.STANDARD : wanted;
  }

  /// True once a thread reads standard input: nothing can end its call.
  static boolean readsInput() {
    return reading;
  }

  static boolean inputIsTerminal() {
    return isTerminal(Surroundings.STDIN);
  }

  static boolean outputIsTerminal() {
    return isTerminal(Surroundings.STDOUT);
  }

  /// How wide the terminal of our output is; 80 if there is none.
  static int columns() {
    return size(Surroundings.STDOUT).map(Terminals.Size::columns).filter(c -> c > 0).orElse(80);
  }

  /// The size of the terminal that a stream of ours, 0 to 2, is joined with.
  static Optional<Terminals.Size> size(int stream) {
    return Terminals.size(Surroundings.ours().descriptor(stream));
  }

  /// A pipe or file is told by its name, without the cost of the first native call.
  static boolean isTerminal(int stream) {
    int descriptor = Surroundings.ours().descriptor(stream);
    try {
      String name = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return name.startsWith("/dev/")
          && !name.equals("/dev/null")
          && Terminals.isTerminal(descriptor);
    } catch (IOException e) {
      return Terminals.isTerminal(descriptor);
    }
  }

  /// Joins standard input and output with a connection to the engine until the engine ends it.
  static int dial(Session session) throws IOException {
    try (Wire wire = session.engine().address().connect()) {
      reading = true;
      OutputStream out = wire.out();
      Thread.ofPlatform()
          .daemon()
          .name("stdin")
          .start(
              () -> {
                try {
                  session.in().transferTo(out);
                  wire.endOutput();
                } catch (IOException e) {
                  return; // the engine has ended: so will we
                }
              });
      wire.in().transferTo(session.rawOut());
    }
    return 0;
  }

  /// Copies until the container's side ends; true if the user typed the keys that detach.
  ///
  /// @param resize where the terminal's size is sent to, e.g. `/containers/ID/resize`
  boolean copy(Hijacked connection, String resize, Runnable started) throws IOException {
    int input = Surroundings.ours().descriptor(Surroundings.STDIN);
    Optional<Terminals.Settings> before = Optional.empty();
    try {
      if (tty && stdin && inputIsTerminal()) {
        Surroundings.ours().awaitTerminal();
        before = Optional.of(Terminals.makeRaw(input));
      }
      started.run();
      if (tty && outputIsTerminal()) {
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
        Terminals.restore(input, before.get());
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
    OutputStream out = connection.out();
    try {
      for (int n = session.in().read(buffer); n >= 0; n = session.in().read(buffer)) {
        if (keys.isEmpty()) {
          out.write(buffer, 0, n);
          continue;
        }
        out.write(keys.get().typed(buffer, n));
        if (keys.get().complete()) {
          detached.set(true);
          connection.close();
          return;
        }
      }
      connection.endInput();
    } catch (IOException e) {
      connection.endInput(); // the container has closed its input
    }
  }

  /// Sends the terminal's size whenever it differs from the last; looked at ten times a second.
  private void followSize(String resize) {
    EngineClient engine = session.engine();
    Optional<Terminals.Size> sent = Optional.empty();
    int tries = 0;
    while (true) {
      Optional<Terminals.Size> size = size(Surroundings.STDOUT).filter(s -> s.rows() > 0);
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
