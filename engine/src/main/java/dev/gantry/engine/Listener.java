package dev.gantry.engine;

import dev.gantry.runtime.RunningProcess;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/// A client's view of a process's output from some moment on; one made before the start hears the
/// first byte. Thread-safe.
///
/// Holds a few MB for a client that is slower than the process. When they are full the process
/// waits for the client, but only as long as that goes on reading.
final class Listener implements AutoCloseable {
  /// A piece of output, or the end where `bytes` is empty.
  record Chunk(String stream, byte[] bytes) {}

  private static final Chunk END = new Chunk("", new byte[0]);
  private static final long ROOM = 4 << 20;
  private static final long PATIENCE_MILLIS = 30_000;

  private final Queue<Chunk> queue = new ArrayDeque<>();
  private long held;
  private boolean ended;
  private boolean left;
  private boolean decided;
  private boolean hurry;
  private @Nullable RunningProcess process;
  private Runnable whenClosed = () -> {};

  /// Waits for the next piece; an empty one is the end.
  synchronized Chunk take() throws InterruptedException {
    while (queue.isEmpty()) {
      if (ended || left) {
        return END;
      }
      wait();
    }
    Chunk chunk = queue.remove();
    held -= chunk.bytes().length;
    notifyAll();
    return chunk;
  }

  /// Hands over a piece, after waiting for room; false if the client is gone.
  synchronized boolean give(Chunk chunk) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE_MILLIS * 1_000_000;
    long before = held;
    while (held >= ROOM && !left && !ended && !hurry) {
      long millis = (deadline - System.nanoTime()) / 1_000_000;
      if (millis <= 0) {
        ended = true; // it gets what it has, then its end
        break;
      }
      wait(millis);
      if (held < before) {
        before = held;
        deadline = System.nanoTime() + PATIENCE_MILLIS * 1_000_000;
      }
    }
    if (left || ended) {
      return false;
    }
    queue.add(chunk);
    held += chunk.bytes().length;
    notifyAll();
    return true;
  }

  /// Do not wait for room any more: the process has ended, and what is left of it is little.
  synchronized void hurry() {
    hurry = true;
    notifyAll();
  }

  /// There is no more to come.
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  /// What was waited for runs.
  synchronized void started(RunningProcess newProcess) {
    process = newProcess;
    decided = true;
    notifyAll();
  }

  /// The start that was waited for did not happen.
  synchronized void notStarted() {
    decided = true;
    end();
  }

  /// Waits for the start; empty if it failed.
  synchronized Optional<RunningProcess> awaitStart() {
    try {
      while (!decided) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return Optional.ofNullable(process);
  }

  /// What to do when the client goes.
  synchronized void whenClosed(Runnable action) {
    whenClosed = action;
  }

  /// The client wants no more, and gets its end at once.
  @Override
  public void close() {
    Runnable action;
    synchronized (this) {
      left = true;
      decided = true;
      queue.clear();
      held = 0;
      action = whenClosed;
      notifyAll();
    }
    action.run();
  }
}
