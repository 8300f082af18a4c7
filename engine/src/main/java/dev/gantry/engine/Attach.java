package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.engine.logs.LogQuery;
import dev.gantry.engine.logs.LogReader;
import dev.gantry.kernel.Poller;
import dev.gantry.runtime.RunningProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;
import java.util.Optional;

/// Attaches clients to containers, and reads logs.
public final class Attach {
  private final Engine engine;

  Attach(Engine engine) {
    this.engine = engine;
  }

  /// Where output goes.
  @FunctionalInterface
  public interface Sink {
    /// @param stream `stdout` or `stderr`
    void write(String stream, byte[] bytes) throws IOException;
  }

  /// A client's connection to a process.
  public static final class Session implements AutoCloseable {
    private final Listener listener;
    private final boolean tty;

    Session(Listener listener, boolean tty) {
      this.listener = listener;
      this.tty = tty;
    }

    public boolean tty() {
      return tty;
    }

    /// Copies output to `sink` until the process's streams end.
    public void copyOutput(Sink sink) throws IOException, InterruptedException {
      for (Listener.Chunk c = listener.take(); c.bytes().length > 0; c = listener.take()) {
        sink.write(c.stream(), c.bytes());
      }
    }

    /// Where the client's input goes, once the process runs; empty if it has no input.
    public Optional<OutputStream> input() {
      return listener
          .awaitStart()
          .flatMap(p -> p.terminal().or(p::stdin))
          .map(fd -> fd.output(Poller.shared()));
    }

    /// The client has no more to say. A terminal stays open.
    public void closeInput() throws IOException {
      Optional<RunningProcess> process = listener.awaitStart();
      if (process.isPresent()) {
        process.get().closeStdin();
      }
    }

    @Override
    public void close() {
      listener.close();
    }

    /// Ends [#copyOutput] although the process goes on: the client detaches.
    public void leave() {
      listener.notStarted();
    }
  }

  /// Attaches to a container. One that does not run is attached to at its next start, from its
  /// first byte on.
  public Session attach(Container c) {
    Session session = new Session(c.listen(), c.spec().tty());
    engine.publish(c, "attach", Map.of());
    return session;
  }

  /// Tells that a client has detached while the process goes on.
  public void detached(Container c) {
    engine.publish(c, "detach", Map.of());
  }

  /// True if the lines can be read back: from the log, or from its copy beside another driver.
  public static boolean isReadable(ContainerSpec.Logging logging) {
    return !logging.driver().equals("none")
        && !logging.options().getOrDefault("cache-disabled", "").matches("1|t|T|true|TRUE|True");
  }

  /// Reads the log; when following, until the container ends.
  public void logs(Container c, LogQuery query, LogReader.Sink sink) throws IOException {
    if (!query.stdout() && !query.stderr()) {
      throw new Failure.InvalidRequest("Bad parameters: you must choose at least one stream");
    }
    if (!isReadable(c.spec().logging())) {
      throw new Failure.Unsupported("configured logging driver does not support reading");
    }
    try {
      new LogReader(c.log(), query).read(() -> isLive(c), sink);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while following the log");
    }
  }

  private static boolean isLive(Container c) {
    return c.state() instanceof ContainerState.Live
        || c.state() instanceof ContainerState.Restarting;
  }
}
