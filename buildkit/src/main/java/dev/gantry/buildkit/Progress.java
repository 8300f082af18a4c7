package dev.gantry.buildkit;

import dev.gantry.build.Redaction;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.Message;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// How a build goes, as the `Status` call tells it: vertices (the lines with a number), what they
/// print, what they transfer. It is kept, so that whoever asks later hears it from the beginning;
/// of output [#MOST_KEPT], the oldest goes first. Thread-safe.
final class Progress {
  /// Bytes of output that are kept of one vertex.
  static final int MOST_OUTPUT = 2 << 20;

  /// Bytes of output that are kept of a build: steps may be many.
  static final int MOST_KEPT = 24 << 20;

  private static final byte[] GONE = {};
  private static final Duration BETWEEN = Duration.ofMillis(150);

  private final String ref;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<byte[]> said = new ArrayList<>();
  private final Deque<Integer> outputs = new ArrayDeque<>();
  private long kept;
  private int vertices;
  private int cached;
  private int completed;
  private int warnings;
  private boolean closed;

  Progress(String ref) {
    this.ref = ref;
  }

  // ---- who listens

  /// Sends all that was said and will be said, until the end.
  void stream(Call call) throws IOException {
    int at = 0;
    call.whenCancelled(this::wake);
    while (true) {
      byte[] next;
      lock.lock();
      try {
        while (at == said.size() && !closed && !call.isCancelled()) {
          changed.await();
        }
        if (at == said.size() || call.isCancelled()) {
          return;
        }
        next = said.get(at++);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      } finally {
        lock.unlock();
      }
      if (next.length > 0) {
        call.send(next);
      }
    }
  }

  /// All that was said, as it was sent; output that is not kept is empty.
  List<byte[]> said() {
    lock.lock();
    try {
      return List.copyOf(said);
    } finally {
      lock.unlock();
    }
  }

  private void wake() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// Nothing more will be said.
  void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// How many steps there are, were found in the cache, are done, and warnings.
  record Steps(int total, int cached, int completed, int warnings) {}

  Steps steps() {
    lock.lock();
    try {
      return new Steps(vertices, cached, completed, warnings);
    } finally {
      lock.unlock();
    }
  }

  private void say(Message status) {
    lock.lock();
    try {
      if (!closed) {
        said.add(status.encode());
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  private void sayOutput(Message log) {
    byte[] status = new Message().message(3, log).encode();
    lock.lock();
    try {
      if (closed) {
        return;
      }
      outputs.add(said.size());
      said.add(status);
      kept += status.length;
      while (kept > MOST_KEPT) {
        int oldest = outputs.remove();
        kept -= said.set(oldest, GONE).length;
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // ---- what happens

  /// A new vertex, announced but not begun.
  Vertex vertex(String name) {
    int number;
    lock.lock();
    try {
      number = vertices++;
    } finally {
      lock.unlock();
    }
    String shown = Redaction.urls(name);
    Vertex vertex = new Vertex(shown, Digest.of(bytes(ref + " " + number + " " + name)).toString());
    vertex.tell(null, null, "");
    return vertex;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /// One line of the progress.
  final class Vertex {
    private final String digest;
    private volatile String name;
    private @Nullable Instant started;
    private boolean wasCached;
    private boolean ended;
    private int output;

    private Vertex(String name, String digest) {
      this.name = name;
      this.digest = digest;
    }

    String digest() {
      return digest;
    }

    private void tell(@Nullable Instant start, @Nullable Instant end, String error) {
      Message vertex =
          new Message().text(1, digest).text(3, name).flag(4, wasCached).text(7, error);
      if (start != null) {
        vertex.time(5, start);
      }
      if (end != null) {
        vertex.time(6, end);
      }
      say(new Message().message(1, vertex));
    }

    synchronized Vertex start() {
      if (started == null) {
        started = Instant.now();
        tell(started, null, "");
      }
      return this;
    }

    /// It is called something else from now on.
    void rename(String other) {
      name = Redaction.urls(other);
    }

    synchronized void cached() {
      wasCached = true;
    }

    /// Whether it has begun and not ended.
    synchronized boolean isRunning() {
      return started != null && !ended;
    }

    void done() {
      end("");
    }

    /// It failed; a text that ends in "context canceled" is shown as a cancellation.
    void failed(String error) {
      end(Redaction.urls(error));
    }

    private synchronized void end(String error) {
      if (ended) {
        return;
      }
      ended = true;
      start();
      lock.lock();
      try {
        completed++;
        cached += wasCached ? 1 : 0;
      } finally {
        lock.unlock();
      }
      tell(started, Instant.now(), error);
    }

    /// What its program printed.
    ///
    /// @param stream 1 for stdout, 2 for stderr
    synchronized void output(int stream, byte[] text) {
      if (output >= MOST_OUTPUT) {
        return;
      }
      byte[] shown = text;
      if (output + text.length > MOST_OUTPUT) {
        shown = Arrays.copyOf(text, MOST_OUTPUT - output);
      }
      output += shown.length;
      log(stream, shown);
      if (output >= MOST_OUTPUT) {
        log(
            stream,
            bytes("\n[output clipped, log limit " + (MOST_OUTPUT >> 20) + "MiB reached]\n"));
      }
    }

    private void log(int stream, byte[] text) {
      Message log =
          new Message().text(1, digest).time(2, Instant.now()).number(3, stream).bytes(4, text);
      sayOutput(log);
    }

    /// Something below it that is counted or takes its time.
    Counter counter(String id, String what) {
      return new Counter(this, id, what);
    }

    /// A part that is done as soon as it is said.
    void note(String id) {
      counter(id, id).done();
    }

    void warn(Message warning) {
      lock.lock();
      try {
        warnings++;
      } finally {
        lock.unlock();
      }
      say(new Message().message(4, warning.text(1, digest)));
    }
  }

  /// A count of bytes, or just a part's beginning and end.
  final class Counter {
    private final Vertex vertex;
    private final String id;
    private final String what;
    private final Instant started = Instant.now();
    private Instant told = Instant.EPOCH;
    private long current;
    private long total;

    private Counter(Vertex vertex, String id, String what) {
      this.vertex = vertex;
      this.id = id;
      this.what = what;
      tell(false);
    }

    synchronized void add(long bytes) {
      at(current + bytes, total);
    }

    synchronized void at(long now, long all) {
      current = now;
      total = all;
      if (Duration.between(told, Instant.now()).compareTo(BETWEEN) > 0) {
        tell(false);
      }
    }

    synchronized void done() {
      tell(true);
    }

    private void tell(boolean end) {
      told = Instant.now();
      Message status =
          new Message()
              .text(1, id)
              .text(2, vertex.digest)
              .text(3, what)
              .number(4, current)
              .number(5, total)
              .time(6, told)
              .time(7, started);
      if (end) {
        status.time(8, told);
      }
      say(new Message().message(2, status));
    }
  }
}
