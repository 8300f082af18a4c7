package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.runtime.RunningProcess;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Ends containers, and begins them again: `stop`, `kill`, `restart`, and what a health check or
/// the end of the engine wants of them.
final class StopContainer {
  private final Engine engine;

  StopContainer(Engine engine) {
    this.engine = engine;
  }

  /// Asks the container to end and makes it end after `timeout` seconds (-1: never; empty: its
  /// own).
  void stop(String ref, Optional<Integer> timeout, Optional<Integer> signal) {
    Container c = engine.require(ref);
    c.verbs.lock();
    try {
      if (!(c.state() instanceof ContainerState.Live)) {
        if (c.state() instanceof ContainerState.Restarting restarting) {
          new EndOfRun(engine, c).callOff(restarting);
          engine.publish(c, "stop", Map.of());
          return;
        }
        throw new Failure.NotModified("container " + c.id() + " is already stopped");
      }
      stopLive(
          c, timeout.orElse(c.spec().stopTimeout()), signal.orElse(c.spec().stopSignal()), "stop");
    } finally {
      c.verbs.unlock();
    }
  }

  /// Ends every container that lives, side by side: its own stop signal, and SIGKILL after at most
  /// `limit`.
  void stopAll(Duration limit) {
    List<Thread> stops =
        engine.list().stream()
            .filter(c -> c.state() instanceof ContainerState.Live)
            .map(c -> Thread.ofVirtual().start(() -> stopWithin(c, (int) limit.toSeconds())))
            .toList();
    for (Thread stop : stops) {
      try {
        stop.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private void stopWithin(Container c, int most) {
    c.verbs.lock();
    try {
      if (c.state() instanceof ContainerState.Live) {
        int own = c.spec().stopTimeout();
        stopLive(c, own < 0 ? most : Math.min(own, most), c.spec().stopSignal(), "stop");
      }
    } finally {
      c.verbs.unlock();
    }
  }

  private void stopLive(Container c, int seconds, int signal, String by) {
    c.stopping(true);
    c.announceStop();
    signal(c, signal, by);
    if (c.state() instanceof ContainerState.Paused) {
      new PauseContainer(engine).thaw(c);
    }
    if (seconds >= 0 && !ends(c, seconds * 1000L)) {
      signal(c, 9, by.equals("stop") ? "stop-timeout" : by);
    }
    ends(c, Long.MAX_VALUE / 2);
  }

  /// Waits for the end of the run; false if it lives on after so many ms.
  boolean ends(Container c, long millis) {
    long deadline = System.nanoTime() + Math.min(millis, Long.MAX_VALUE / 2_000_000) * 1_000_000L;
    synchronized (c) {
      while (c.state() instanceof ContainerState.Live) {
        long left = (deadline - System.nanoTime()) / 1_000_000L;
        if (left <= 0) {
          return false;
        }
        try {
          c.wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new Failure.Cancelled("interrupted while waiting for " + c.id());
        }
      }
    }
    return true;
  }

  /// Sends a signal and remembers whose wish it was.
  void signal(Container c, int signal, String by) {
    try {
      Optional<RunningProcess> process = c.process();
      if (process.isPresent()) {
        c.sent(signal, by);
        if (!c.spec().autoRemove()) {
          engine.note(c); // an engine after this one knows whose wish the end was
        }
        process.get().signal(signal);
        engine.publish(c, "kill", Map.of("signal", Integer.toString(signal)));
      }
    } catch (IOException e) {
      throw new Failure.Internal("Cannot kill container: " + c.id() + ": " + e.getMessage(), e);
    }
  }

  void kill(String ref, int signal) {
    Container c = engine.require(ref);
    if (c.state() instanceof ContainerState.Restarting restarting
        && (signal == 9 || signal == c.spec().stopSignal())) {
      c.verbs.lock();
      try {
        if (c.state() == restarting) {
          new EndOfRun(engine, c).callOff(restarting);
          return;
        }
      } finally {
        c.verbs.unlock();
      }
    }
    if (!(c.state() instanceof ContainerState.Live)) {
      throw new Failure.Conflict(
          "cannot kill container: " + ref + ": container " + c.id() + " is not running");
    }
    if (signal == 9 || signal == c.spec().stopSignal()) {
      c.stopping(true);
    }
    signal(c, signal, "user");
    if (c.state() instanceof ContainerState.Paused) {
      new PauseContainer(engine).thaw(c);
    }
    if (signal == 9) {
      ends(c, 10_000);
    }
  }

  /// Does with an unhealthy container what its check says: `kill` (the restart policy decides what
  /// follows), `stop` or `restart`.
  void unhealthy(Container c, String action) {
    c.verbs.lock();
    try {
      if (!(c.state() instanceof ContainerState.Running)) {
        return;
      }
      switch (action) {
        case "kill" -> {
          signal(c, 9, "health");
          ends(c, 10_000);
        }
        case "stop" -> stopLive(c, c.spec().stopTimeout(), c.spec().stopSignal(), "health");
        case "restart" -> {
          endForRestart(c, c.spec().stopTimeout(), c.spec().stopSignal(), "health");
          c.stopping(false);
          c.countRestart(c.restartCount() + 1, 0);
          new StartContainer(engine).start(c);
          engine.publish(c, "restart", Map.of());
        }
        default -> {}
      }
    } catch (Failure e) {
      System.getLogger("gantryd")
          .log(System.Logger.Level.WARNING, "unhealthy container " + c.id() + ": " + e.text());
    } finally {
      c.verbs.unlock();
    }
  }

  void restart(String ref, Optional<Integer> timeout, Optional<Integer> signal) {
    Container c = engine.require(ref);
    c.verbs.lock();
    try {
      if (c.state() instanceof ContainerState.Live) {
        endForRestart(
            c,
            timeout.orElse(c.spec().stopTimeout()),
            signal.orElse(c.spec().stopSignal()),
            "stop");
      }
      c.stopping(false);
      c.countRestart(0, 0);
      new StartContainer(engine).start(c);
      engine.publish(c, "restart", Map.of());
    } finally {
      c.verbs.unlock();
    }
  }

  /// Stops `c`, whose verb lock the caller holds, and starts it again as it is to be now.
  void restartInPlace(Container c) {
    endForRestart(c, c.spec().stopTimeout(), c.spec().stopSignal(), "stop");
    c.stopping(false);
    new StartContainer(engine).start(c);
    engine.publish(c, "restart", Map.of());
  }

  private void endForRestart(Container c, int seconds, int signal, String by) {
    c.staying(true);
    try {
      stopLive(c, seconds, signal, by);
    } finally {
      c.staying(false);
    }
  }
}
