package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.network.ReadyNamespace.Kind;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A few namespaces of each kind that containers have had so far, made while nobody waits: a start
/// then needs two messages to the kernel instead of two milliseconds. Thread-safe.
final class ReadyNamespaces implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ReadyNamespaces.class.getName());

  /// As many as start at once before one waits for its own.
  static final int OF_EACH_KIND = 4;

  private static final int REST_MILLIS = 5;

  private final Map<Kind, Deque<ReadyNamespace>> ready = new HashMap<>();
  private boolean filling;
  private boolean closed;

  /// One that is ready, which the caller closes; or none.
  synchronized @Nullable ReadyNamespace poll(Kind kind) {
    return ready.computeIfAbsent(kind, k -> new ArrayDeque<>()).poll();
  }

  /// Makes what was taken again, in the background.
  void refill() {
    synchronized (this) {
      if (filling || closed || missing() == null) {
        return;
      }
      filling = true;
    }
    Thread.ofVirtual().name("gantry-namespaces").start(this::fill);
  }

  private void fill() {
    try {
      Thread.sleep(REST_MILLIS); // the start that took one has better use for the processor
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try (HostLinks links = HostLinks.open()) { // of its own: nobody waits for what is done on it
      for (Kind kind = next(); kind != null; kind = next()) {
        put(kind, ReadyNamespace.make(kind, links));
      }
    } catch (Failure e) {
      // the next start tries again, and says it if it is still so
      LOG.log(System.Logger.Level.DEBUG, "no namespace ahead: {0}", e.text());
      synchronized (this) {
        filling = false;
      }
    }
  }

  private synchronized @Nullable Kind next() {
    Kind kind = closed ? null : missing();
    filling = kind != null;
    return kind;
  }

  private @Nullable Kind missing() {
    return ready.entrySet().stream()
        .filter(entry -> entry.getValue().size() < OF_EACH_KIND)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse(null);
  }

  private synchronized void put(Kind kind, ReadyNamespace made) {
    if (closed) {
      made.close();
    } else {
      ready.computeIfAbsent(kind, k -> new ArrayDeque<>()).add(made);
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    ready.values().forEach(all -> all.forEach(ReadyNamespace::close));
    ready.clear();
  }
}
