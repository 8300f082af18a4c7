package dev.gantry.build;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/// What several threads ask for and one of them, the first, works out. Thread-safe.
final class Once<K, V> {
  private final Map<K, FutureTask<V>> all = new ConcurrentHashMap<>();

  /// What `work` comes to, or came to when it was asked for first; as failures do.
  V get(K key, Callable<V> work) throws IOException {
    FutureTask<V> task = all.computeIfAbsent(key, k -> new FutureTask<>(work));
    task.run(); // nothing, if somebody does or has done it
    try {
      return task.get();
    } catch (InterruptedException e) {
      throw Builder.cancelled();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException failure -> throw failure;
        case RuntimeException failure -> throw failure;
        case null, default -> throw new Failure.Internal("it failed: " + e.getCause(), e);
      }
    }
  }
}
