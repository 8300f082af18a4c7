package dev.gantry.engine;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// What happened, in order: the last 256 events, those of the engine before among them, and whoever
/// listens. Thread-safe. A listener that does not keep up loses its subscription, never the
/// engine's time.
public final class Events {
  /// @param type `container`, `image`, `network`, `volume`, `builder`, `daemon`
  /// @param attributes sorted by key
  public record Event(
      String type, String action, String id, Map<String, String> attributes, Instant time) {}

  private static final int KEPT = 256;
  private static final int BACKLOG = 4096;

  private final Deque<Event> past = new ArrayDeque<>();
  private final List<Subscription> subscriptions = new CopyOnWriteArrayList<>();
  private final EventFile file;

  private Events(EventFile file) {
    this.file = file;
  }

  /// Goes on with what the engine before wrote to `file`.
  static Events open(Path file) {
    Events events = new Events(new EventFile(file, 4 * KEPT));
    events.past.addAll(events.file.open(KEPT));
    return events;
  }

  /// A listener's queue.
  public final class Subscription implements AutoCloseable {
    private final BlockingQueue<Event> queue = new ArrayBlockingQueue<>(BACKLOG);
    private final List<Event> history;
    private volatile boolean ended;

    private Subscription(List<Event> history) {
      this.history = history;
    }

    /// What had happened before, at most 256 events.
    public List<Event> history() {
      return history;
    }

    /// The next event, or null if none came in time.
    public @Nullable Event next(long time, TimeUnit unit) throws InterruptedException {
      return queue.poll(time, unit);
    }

    /// True if nothing more will come: it did not keep up, and has read what it had.
    public boolean isOver() {
      return ended && queue.isEmpty();
    }

    @Override
    public void close() {
      ended = true;
      subscriptions.remove(this);
    }
  }

  void publish(String type, String action, String id, Map<String, String> attributes) {
    synchronized (past) {
      Event event = new Event(type, action, id, new TreeMap<>(attributes), Instant.now());
      past.addLast(event);
      if (past.size() > KEPT) {
        past.removeFirst();
      }
      file.add(event, past); // first: who has heard of it finds it again, whatever comes
      for (Subscription s : subscriptions) {
        if (!s.queue.offer(event)) {
          s.close();
        }
      }
    }
  }

  /// What is kept, the oldest first.
  List<Event> past() {
    synchronized (past) {
      return List.copyOf(past);
    }
  }

  void close() {
    synchronized (past) {
      file.close();
    }
  }

  /// How many listen.
  public int listeners() {
    return subscriptions.size();
  }

  /// Begins to listen; nothing is missed between the history and the first event.
  public Subscription subscribe() {
    synchronized (past) {
      Subscription s = new Subscription(new ArrayList<>(past));
      subscriptions.add(s);
      return s;
    }
  }
}
