package dev.gantry.engine;

import dev.gantry.kernel.NetNamespace;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/// Makes the health checks over HTTP and TCP of all containers, on one thread: what is due at one
/// moment is begun together, and one call of the kernel tells which of them have their answer. A
/// thread per check would cost several times as much, in waking up.
final class SocketChecks implements AutoCloseable {
  // so many answers are not taken one by one: each time we wake costs as much as an answer
  private static final int MANY = 8;
  private static final long COLLECT_MILLIS = 5;
  private static final long AFTER_TROUBLE_MILLIS = 1000;

  private record Turn(HealthMonitor monitor, SocketProbe probe, long at) {}

  private final Queue<Runnable> orders = new ConcurrentLinkedQueue<>();
  // the thread's own
  private final PriorityQueue<Turn> turns =
      new PriorityQueue<>((a, b) -> Long.signum(a.at() - b.at()));
  private final Map<HealthMonitor, Turn> underWay = new HashMap<>();
  private final ByteBuffer buffer = ByteBuffer.allocate(8192);
  private @Nullable Selector selector;
  private @Nullable Thread thread;
  private boolean closed;

  /// Checks by `monitor` from now on.
  void add(HealthMonitor monitor) {
    SocketProbe probe = new SocketProbe(monitor.check());
    order(() -> queue(monitor, probe));
  }

  /// Forgets `monitor`; what comes of a check that is under way is not noted.
  void remove(HealthMonitor monitor) {
    order(
        () -> {
          turns.removeIf(t -> t.monitor() == monitor);
          Turn now = underWay.remove(monitor);
          if (now != null) {
            now.probe().close();
          }
        });
  }

  private void order(Runnable what) {
    orders.add(what);
    synchronized (this) {
      if (closed) {
        return;
      }
      try {
        if (selector == null) {
          selector = Selector.open();
          Selector own = selector;
          thread = Thread.ofPlatform().daemon().name("health-sockets").start(() -> run(own));
        }
        Selector ignored = selector.wakeup();
      } catch (IOException e) {
        throw new dev.gantry.base.Failure.Internal("cannot check over sockets", e);
      }
    }
  }

  private void run(Selector own) {
    try (own;
        NetNamespace.Visits visits = NetNamespace.visits()) {
      while (!isClosed()) {
        try {
          turn(own, visits);
        } catch (IOException | RuntimeException e) {
          System.getLogger("gantryd").log(System.Logger.Level.WARNING, "health checks: " + e);
          Thread.sleep(AFTER_TROUBLE_MILLIS);
        }
      }
    } catch (IOException e) {
      System.getLogger("gantryd").log(System.Logger.Level.ERROR, "no health checks: " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private void turn(Selector own, NetNamespace.Visits visits)
      throws IOException, InterruptedException {
    visits.leave(); // where the last turn failed to
    for (Runnable order = orders.poll(); order != null; order = orders.poll()) {
      order.run();
    }
    begin(due(), own, visits);
    if (underWay.size() > MANY) {
      Thread.sleep(COLLECT_MILLIS);
    }
    long wait = millisToNext();
    int ready = wait > 0 ? own.select(wait) : own.selectNow();
    if (ready > 0) {
      for (SelectionKey key : own.selectedKeys()) {
        goOn(key);
      }
      own.selectedKeys().clear();
    }
    giveUpLate();
  }

  private List<Turn> due() {
    List<Turn> due = new ArrayList<>();
    long now = System.nanoTime();
    while (!turns.isEmpty() && turns.peek().at() - now <= 0) {
      due.add(turns.remove());
    }
    return due;
  }

  /// How long nothing is to be done but to take answers.
  private long millisToNext() {
    long now = System.nanoTime();
    long nanos = turns.isEmpty() ? AFTER_TROUBLE_MILLIS * 1_000_000L : turns.peek().at() - now;
    for (Turn turn : underWay.values()) {
      nanos = Math.min(nanos, turn.probe().end() - now);
    }
    return Math.clamp((nanos + 999_999) / 1_000_000L, 0, 60_000);
  }

  private void begin(List<Turn> due, Selector own, NetNamespace.Visits visits) throws IOException {
    if (due.isEmpty()) {
      return;
    }
    int[] pids = due.stream().mapToInt(t -> t.monitor().pid()).toArray();
    @Nullable SocketChannel[] sockets = new SocketChannel[pids.length];
    @Nullable IOException[] failures = new IOException[pids.length];
    try {
      open(due, pids, visits, sockets, failures);
    } finally {
      visits.leave();
    }
    for (int i = 0; i < pids.length; i++) {
      SocketChannel socket = sockets[i];
      IOException failure = failures[i];
      if (socket != null) {
        begin(due.get(i), socket, own);
      } else {
        String why =
            failure == null
                ? "the container does not run"
                : "could not enter the container's network: " + failure.getMessage();
        end(due.get(i), new Health.Result(Instant.now(), Instant.now(), 1, why));
      }
    }
  }

  /// Nothing in here may start or wake a thread: it would begin in a container's namespace.
  private static void open(
      List<Turn> due,
      int[] pids,
      NetNamespace.Visits visits,
      @Nullable SocketChannel[] sockets,
      @Nullable IOException[] failures) {
    for (int i = 0; i < pids.length; i++) {
      if (pids[i] > 0) {
        try {
          visits.enter(pids[i]);
          sockets[i] = due.get(i).probe().open();
        } catch (IOException e) {
          failures[i] = e;
        }
      }
    }
  }

  private void begin(Turn turn, SocketChannel socket, Selector own) throws IOException {
    Health.Result result = turn.probe().begin(socket);
    if (result != null) {
      end(turn, result);
      return;
    }
    underWay.put(turn.monitor(), turn);
    SelectionKey ignored = socket.register(own, turn.probe().waitsFor(), turn);
  }

  private void goOn(SelectionKey key) {
    if (!(key.attachment() instanceof Turn turn) || underWay.get(turn.monitor()) != turn) {
      return; // it was given up in this same moment
    }
    Health.Result result = turn.probe().go(buffer);
    if (result != null) {
      end(turn, result);
    } else if (key.isValid() && key.interestOps() != turn.probe().waitsFor()) {
      SelectionKey ignored = key.interestOps(turn.probe().waitsFor());
    }
  }

  private void giveUpLate() {
    long now = System.nanoTime();
    List<Turn> late = underWay.values().stream().filter(t -> t.probe().end() - now <= 0).toList();
    late.forEach(t -> end(t, t.probe().late()));
  }

  private void end(Turn turn, Health.Result result) {
    HealthMonitor monitor = turn.monitor();
    boolean ignored = underWay.remove(monitor, turn);
    turn.probe().close();
    if (monitor.isNews(result)) {
      // what follows of it may take its time; the next check comes after it
      Thread.ofVirtual()
          .name("health-news")
          .start(
              () -> {
                monitor.note(result);
                order(() -> queue(monitor, turn.probe()));
              });
    } else {
      monitor.note(result);
      queue(monitor, turn.probe());
    }
  }

  private void queue(HealthMonitor monitor, SocketProbe probe) {
    if (!monitor.isStopped()) {
      turns.add(new Turn(monitor, probe, monitor.next()));
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      if (selector == null || thread == null) {
        return;
      }
      Selector ignored = selector.wakeup();
    }
    try {
      thread.join(AFTER_TROUBLE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
