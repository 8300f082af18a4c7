package dev.gantry.registry;

import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/// Keeps pushes and the garbage collection apart. Whatever makes content needed - a link, a
/// manifest that refers to it - passes as one of many and leaves its name; the collection takes
/// away what it found unneeded only while nobody passes, and never what was named since it looked.
final class Gate {
  /// A step under the gate.
  @FunctionalInterface
  interface Step<T> {
    T run() throws IOException;
  }

  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private final Set<String> named = ConcurrentHashMap.newKeySet();
  private volatile boolean looking;

  /// Runs a step that makes content needed.
  <T> T adding(Step<T> step) throws IOException {
    lock.readLock().lock();
    try {
      return step.run();
    } finally {
      lock.readLock().unlock();
    }
  }

  /// Within [#adding]: `name` is needed from now on.
  void name(String name) {
    if (looking) {
      named.add(name);
    }
  }

  /// The collection begins to look: every step that began before has ended.
  void look() {
    lock.writeLock().lock();
    try {
      named.clear();
      looking = true;
    } finally {
      lock.writeLock().unlock();
    }
  }

  void lookedEnough() {
    looking = false;
    named.clear();
  }

  /// Runs `step`, which removes what `name` stands for, unless it was named since [#look].
  boolean removing(String name, Step<Boolean> step) throws IOException {
    lock.writeLock().lock();
    try {
      return !named.contains(name) && step.run();
    } finally {
      lock.writeLock().unlock();
    }
  }
}
