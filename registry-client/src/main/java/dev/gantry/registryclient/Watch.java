package dev.gantry.registryclient;

import java.time.Duration;

/// Ends something that has stood still for too long: whoever works says so with [#progress()].
final class Watch implements AutoCloseable {
  private final long limit;
  private final Thread thread;
  private volatile long last = System.nanoTime();
  private volatile boolean paused;
  private volatile boolean expired;
  private volatile boolean closed;

  /// @param end called once, from another thread
  Watch(Duration limit, Runnable end) {
    this.limit = limit.toNanos();
    this.thread = Thread.ofVirtual().name("registry-watch").start(() -> watch(end));
  }

  private void watch(Runnable end) {
    while (!closed) {
      long left = limit - (System.nanoTime() - last);
      if (left <= 0 && !paused) {
        expired = true;
        end.run();
        return;
      }
      try {
        Thread.sleep(Duration.ofNanos(Math.max(left, limit / 4)));
      } catch (InterruptedException e) {
        return; // closed
      }
    }
  }

  void progress() {
    last = System.nanoTime();
    paused = false;
  }

  /// Time does not count until the next progress: the other side waits for us.
  void pause() {
    paused = true;
  }

  boolean expired() {
    return expired;
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
