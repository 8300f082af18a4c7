package dev.gantry.images;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.IntSupplier;

/// At most so many at a time, in the order of coming; the limit may change. Thread-safe.
final class Permits {
  private final IntSupplier limit;
  private final Queue<Object> waiting = new ArrayDeque<>();
  private int used;

  Permits(IntSupplier limit) {
    this.limit = limit;
  }

  synchronized void acquire() throws InterruptedException {
    Object ticket = new Object();
    waiting.add(ticket);
    try {
      while (waiting.peek() != ticket || used >= Math.max(1, limit.getAsInt())) {
        wait();
      }
      used++;
    } finally {
      waiting.remove(ticket);
      notifyAll();
    }
  }

  synchronized void release() {
    used--;
    notifyAll();
  }
}
