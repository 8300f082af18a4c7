package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.engine.logs.LogIntake;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.ReadWait;
import dev.gantry.runtime.RunningProcess;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/// Carries what a process prints to its log and to whoever is attached, the log first. Thread-safe.
final class Output {
  private static final int BUFFER = 32 * 1024;
  // the log's disk may be slow; somebody who goes on printing for ever is cut off
  private static final long DRAIN_MILLIS = 60_000;

  /// A descriptor to read and the name of what comes from it.
  ///
  /// @param terminal whether it is a terminal's master rather than a pipe
  record Stream(String name, Fd fd, boolean terminal) {}

  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private final RunningProcess process;
  private final List<Stream> streams;
  private final @Nullable LogIntake log;
  private final List<Runnable> finishes = new ArrayList<>();
  private int open;
  private boolean ended;
  private boolean hurry;
  private boolean finishing;

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
    onFinish(source::finish);
    source.recover();
    for (byte[] bytes = source.next(this::isHeard);
        bytes != null;
        bytes = source.next(this::isHeard)) {
      if (bytes.length > 0) {
        send(new Listener.Chunk(stream.name(), bytes));
      }
    }
  }

  private void pumpPlain(Stream stream) throws IOException, InterruptedException {
    byte[] buffer = new byte[BUFFER];
    try (ReadWait wait = new ReadWait(stream.fd())) {
      onFinish(wait::finish);
      for (int n = read(stream, buffer, wait); n >= 0; n = read(stream, buffer, wait)) {
        if (isHeard()) {
          send(new Listener.Chunk(stream.name(), Arrays.copyOf(buffer, n)));
        }
      }
    }
  }

  private static int read(Stream stream, byte[] buffer, ReadWait wait) throws IOException {
    while (true) {
      try {
        return stream.fd().read(buffer, 0, buffer.length);
      } catch (Errno e) {
        // the master of a terminal whose last slave is closed says EIO: that is its end
        if (e.number() == Errno.EIO && stream.terminal()) {
          return -1;
        }
        if (e.number() != Errno.EAGAIN) {
          throw e;
        }
        if (!wait.await()) {
          return -1;
        }
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

  private synchronized void onFinish(Runnable finish) {
    if (finishing) {
      finish.run();
    } else {
      finishes.add(finish);
    }
  }

  /// Waits until everything that the ended process has printed has been read. Others may keep its
  /// streams open, who get `millis` to end too; what they print after that is not waited for.
  void awaitEnd(long millis) {
    synchronized (this) {
      hurry = true;
    }
    listeners.forEach(Listener::hurry);
    try {
      if (awaitClosed(millis)) {
        return;
      }
      synchronized (this) {
        finishing = true;
        finishes.forEach(Runnable::run);
      }
      if (!awaitClosed(DRAIN_MILLIS)) {
        System.err.println("the output of process " + process.pid() + " does not end: it is cut");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized boolean awaitClosed(long millis) throws InterruptedException {
    long deadline = System.nanoTime() + millis * 1_000_000;
    for (long left = millis; open > 0 && left > 0; ) {
      wait(left);
      left = (deadline - System.nanoTime()) / 1_000_000;
    }
    return open == 0;
  }
}
