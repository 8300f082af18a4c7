package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.engine.logs.LogIntake;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Poller;
import dev.gantry.runtime.RunningProcess;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// Carries what a process prints to its log and to whoever is attached, the log first. Thread-safe.
final class Output {
  private static final int BUFFER = 32 * 1024;
  private static final int MOST_ROUNDS = 10;

  /// A descriptor to read and the name of what comes from it.
  ///
  /// @param terminal whether it is a terminal's master rather than a pipe
  record Stream(String name, Fd fd, boolean terminal) {}

  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private final RunningProcess process;
  private final List<Stream> streams;
  private final @Nullable LogIntake log;
  private final AtomicLong moved = new AtomicLong();
  private int open;
  private boolean ended;
  private boolean hurry;

  /// Will read `streams` (not closed here) of `process` for the log and for those who wait already.
  Output(
      RunningProcess process,
      List<Stream> streams,
      @Nullable LogIntake log,
      List<Listener> waiting) {
    this.process = process;
    this.streams = List.copyOf(streams);
    this.log = log;
    this.open = streams.size();
    waiting.forEach(this::add);
  }

  void start() {
    if (streams.isEmpty()) {
      end();
    }
    for (Stream s : streams) {
      Thread.ofVirtual().name("output-" + s.name()).start(() -> pump(s));
    }
  }

  private void pump(Stream stream) {
    try {
      if (log != null) {
        pumpLogged(stream, log);
      } else {
        pumpPlain(stream);
      }
    } catch (IOException | IllegalStateException e) {
      // the descriptor was closed: the container is being let go
    } catch (Failure e) {
      System.err.println("the output of process " + process.pid() + " ends: " + e.text());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      closed();
    }
  }

  private void pumpLogged(Stream stream, LogIntake into) throws IOException, InterruptedException {
    LogIntake.Source source = into.source(stream.name(), stream.fd(), stream.terminal());
    source.recover();
    for (byte[] bytes = source.next(this::isHeard);
        bytes != null;
        bytes = source.next(this::isHeard)) {
      moved.incrementAndGet();
      if (bytes.length > 0) {
        send(new Listener.Chunk(stream.name(), bytes));
      }
    }
  }

  private void pumpPlain(Stream stream) throws IOException, InterruptedException {
    InputStream in = stream.fd().input(Poller.shared());
    byte[] buffer = new byte[BUFFER];
    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
      moved.incrementAndGet();
      if (isHeard()) {
        send(new Listener.Chunk(stream.name(), Arrays.copyOf(buffer, n)));
      }
    }
  }

  private boolean isHeard() {
    return !listeners.isEmpty();
  }

  private void send(Listener.Chunk chunk) throws InterruptedException {
    for (Listener listener : listeners) {
      if (!listener.give(chunk)) {
        listeners.remove(listener);
      }
    }
  }

  private void closed() {
    boolean last;
    synchronized (this) {
      open--;
      last = open == 0;
      notifyAll();
    }
    if (last) {
      end();
    }
  }

  private void end() {
    synchronized (this) {
      ended = true;
    }
    if (log != null) {
      log.close();
    }
    listeners.forEach(Listener::end);
    listeners.clear();
  }

  /// Listens from now on.
  Listener listen() {
    Listener listener = new Listener();
    add(listener);
    return listener;
  }

  private synchronized void add(Listener listener) {
    listener.whenClosed(() -> listeners.remove(listener));
    listener.started(process);
    if (ended) {
      listener.end();
    } else {
      listeners.add(listener);
    }
    if (hurry) {
      listener.hurry();
    }
  }

  /// Waits until everything printed has been read, as long as there is some progress within each
  /// `millis`, and not for ever: processes that outlive the first one may keep its streams open.
  void awaitEnd(long millis) {
    synchronized (this) {
      hurry = true;
    }
    listeners.forEach(Listener::hurry);
    try {
      long seen = -1;
      for (int round = 0; round < MOST_ROUNDS && seen != moved.get(); round++) {
        seen = moved.get();
        awaitClosed(millis);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void awaitClosed(long millis) throws InterruptedException {
    long deadline = System.nanoTime() + millis * 1_000_000;
    for (long left = millis; open > 0 && left > 0; ) {
      wait(left);
      left = (deadline - System.nanoTime()) / 1_000_000;
    }
  }
}
