package dev.gantry.daemon;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;

/// Keeps the heap near what lives in it.
///
/// The serial collector lets the old generation grow to the heap's limit before it looks at it.
/// Buffers that are in use at the moment of a young collection get there, and a pull of some
/// hundred MB fills all of it with them. So the heap is looked at behind each young collection, and
/// all of it is collected when there is over twice as much as lived the last time.
final class HeapWatch {
  /// Less than this is left alone, in bytes.
  static final long LEAST = 56L << 20;

  private final ReferenceQueue<Object> collected = new ReferenceQueue<>();
  private long live;

  private HeapWatch() {}

  static void start() {
    Thread ignored = Thread.ofPlatform().daemon().name("heap-watch").start(new HeapWatch()::run);
  }

  private void run() {
    try {
      while (true) {
        // nothing else holds the object: the next young collection takes it
        Reference<Object> next = new WeakReference<>(new Object(), collected);
        collected.remove();
        Reference.reachabilityFence(next);
        if (used() > most(live)) {
          System.gc();
          live = used();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// Bytes from which on a heap is collected, of which `live` bytes lived the last time.
  static long most(long live) {
    return Math.max(LEAST, 2 * live);
  }

  private static long used() {
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
