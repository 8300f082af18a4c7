package dev.gantry.engine;

import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Poller;
import dev.gantry.runtime.RunningProcess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Carries what a process prints to its log and to whoever is attached. The log comes first; an
/// attached client that stops reading is left behind after a while, so that it cannot hold up the
/// container for good. Thread-safe.
final class Output {
  /// A piece of output, or the end where `bytes` is empty.
  record Chunk(String stream, byte[] bytes) {}

  private static final int BACKLOG = 1024;
  private static final int LINE = 16 * 1024;
  private static final int BUFFER = 32 * 1024;
  private static final long PATIENCE_SECONDS = 10;

  /// A client's view of the output from now on. One made before the start hears the first byte.
  static final class Listener implements AutoCloseable {
    private final BlockingQueue<Chunk> queue = new ArrayBlockingQueue<>(BACKLOG);
    private final CountDownLatch decided = new CountDownLatch(1);
    private volatile @Nullable RunningProcess process;
    private volatile boolean left;

    /// Waits for the next piece; an empty one is the end.
    Chunk take() throws InterruptedException {
      return queue.take();
    }

    /// Waits for the start; empty if it failed.
    java.util.Optional<RunningProcess> awaitStart() {
      try {
        decided.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return java.util.Optional.ofNullable(process);
    }

    /// The start that was waited for did not happen.
    void notStarted() {
      decided.countDown();
      queue.offer(new Chunk("", new byte[0]));
    }

    @Override
    public void close() {
      left = true;
      queue.clear();
    }
  }

  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private final CountDownLatch drained;
  private final RunningProcess process;
  private final @Nullable JsonFileLog log;
  private final List<Thread> pumps = new ArrayList<>();
  private boolean ended;

  /// Will read `streams` (name and descriptor, not closed here) of `process` for the log and for
  /// those who wait already.
  Output(
      RunningProcess process,
      List<Stream> streams,
      @Nullable JsonFileLog log,
      List<Listener> waiting) {
    this.process = process;
    this.log = log;
    waiting.forEach(this::add);
    this.drained = new CountDownLatch(streams.size());
    for (Stream s : streams) {
      pumps.add(Thread.ofVirtual().name("output-" + s.name()).unstarted(() -> pump(s)));
    }
  }

  /// A descriptor to read and the name of what comes from it.
  record Stream(String name, Fd fd) {}

  void start() {
    pumps.forEach(Thread::start);
  }

  private void pump(Stream stream) {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try {
      InputStream in = stream.fd().input(Poller.shared());
      byte[] buffer = new byte[BUFFER];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        log(stream.name(), buffer, n, line);
        send(new Chunk(stream.name(), java.util.Arrays.copyOf(buffer, n)));
      }
    } catch (IOException | IllegalStateException e) {
      // the descriptor was closed: the container is being let go
    } finally {
      if (line.size() > 0 && log != null) {
        log.append(new JsonFileLog.Entry(stream.name(), line.toByteArray(), Instant.now()));
      }
      drained.countDown();
      if (drained.getCount() == 0) {
        end();
      }
    }
  }

  private void log(String name, byte[] buffer, int count, ByteArrayOutputStream line) {
    if (log == null) {
      return;
    }
    Instant now = Instant.now();
    for (int i = 0; i < count; i++) {
      line.write(buffer[i]);
      if (buffer[i] == '\n' || line.size() >= LINE) {
        log.append(new JsonFileLog.Entry(name, line.toByteArray(), now));
        line.reset();
      }
    }
  }

  private void send(Chunk chunk) {
    for (Listener listener : listeners) {
      if (listener.left) {
        listeners.remove(listener);
        continue;
      }
      try {
        if (!listener.queue.offer(chunk, PATIENCE_SECONDS, TimeUnit.SECONDS)) {
          listener.close();
          listener.queue.add(new Chunk("", new byte[0]));
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private void end() {
    synchronized (this) {
      ended = true;
    }
    send(new Chunk("", new byte[0]));
  }

  /// Listens from now on.
  Listener listen() {
    Listener listener = new Listener();
    add(listener);
    return listener;
  }

  private synchronized void add(Listener listener) {
    listener.process = process;
    listener.decided.countDown();
    if (ended) {
      listener.queue.add(new Chunk("", new byte[0]));
    } else {
      listeners.add(listener);
    }
  }

  /// Waits until everything printed has been read, but not for processes that outlive the first one
  /// and keep its streams open.
  void awaitEnd(long millis) {
    try {
      drained.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
