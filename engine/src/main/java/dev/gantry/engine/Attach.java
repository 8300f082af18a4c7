package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Poller;
import dev.gantry.runtime.RunningProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.List;
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
    private final Output.Listener listener;
    private final boolean tty;

    Session(Output.Listener listener, boolean tty) {
      this.listener = listener;
      this.tty = tty;
    }

    public boolean tty() {
      return tty;
    }

    /// Copies output to `sink` until the process's streams end.
    public void copyOutput(Sink sink) throws IOException, InterruptedException {
      for (Output.Chunk c = listener.take(); c.bytes().length > 0; c = listener.take()) {
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

  /// Which lines of a log are wanted.
  ///
  /// @param tail how many of the last lines; -1 for all
  public record LogQuery(
      boolean stdout,
      boolean stderr,
      boolean follow,
      Instant since,
      Optional<Instant> until,
      long tail) {}

  /// Receives log lines; `text` ends with the line's newline if it had one.
  @FunctionalInterface
  public interface LogSink {
    void write(String stream, byte[] text, Instant time) throws IOException;
  }

  /// Reads the log; with `follow` until the container ends.
  public void logs(Container c, LogQuery query, LogSink sink) throws IOException {
    if (!query.stdout() && !query.stderr()) {
      throw new Failure.InvalidRequest("Bad parameters: you must choose at least one stream");
    }
    if (c.spec().logging().driver().equals("none")) {
      throw new Failure.Unsupported("configured logging driver does not support reading");
    }
    long seen = 0;
    while (true) {
      boolean live =
          c.state() instanceof ContainerState.Live
              || c.state() instanceof ContainerState.Restarting;
      List<JsonFileLog.Entry> all = c.log().read(e -> true, -1);
      List<JsonFileLog.Entry> fresh =
          all.subList((int) Math.min(seen, all.size()), all.size()).stream()
              .filter(e -> wanted(e, query))
              .toList();
      int skip =
          seen == 0 && query.tail() >= 0 ? (int) Math.max(0, fresh.size() - query.tail()) : 0;
      seen = all.size();
      for (JsonFileLog.Entry e : fresh.subList(skip, fresh.size())) {
        sink.write(e.stream(), e.text(), e.time());
      }
      if (!query.follow() || !live || pastUntil(query)) {
        return;
      }
      pause(c);
    }
  }

  private static boolean pastUntil(LogQuery query) {
    return query.until().isPresent() && Instant.now().isAfter(query.until().get());
  }

  private static boolean wanted(JsonFileLog.Entry e, LogQuery query) {
    return (e.stream().equals("stdout") ? query.stdout() : query.stderr())
        && !e.time().isBefore(query.since())
        && (query.until().isEmpty() || !e.time().isAfter(query.until().get()));
  }

  private static void pause(Container c) {
    synchronized (c) {
      try {
        if (c.state() instanceof ContainerState.Live) {
          c.wait(100);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new Failure.Cancelled("interrupted while following the log");
      }
    }
  }
}
