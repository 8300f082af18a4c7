package dev.gantry.engine;

import dev.gantry.base.Ids;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;

/// Checks one container's health while it runs: from its start, or its unpausing, to its end.
final class HealthMonitor {
  // checks of many containers come together in moments this far apart: what wakes one wakes all
  private static final long MOMENT = 100_000_000L;
  private static final long SECOND = 1_000_000_000L;
  private static final long LONGEST = 1_000_000_000L * 86_400 * 365;

  private final Engine engine;
  private final Container container;
  private final HealthCheck check;
  private boolean stopped;

  private HealthMonitor(Engine engine, Container container, HealthCheck check) {
    this.engine = engine;
    this.container = container;
    this.check = check;
  }

  /// Begins to check `c`, if it has a check.
  ///
  /// @param fresh a new run: whatever was known before does not count
  static void start(Engine engine, Container c, boolean fresh) {
    HealthCheck check = c.spec().health();
    stop(c);
    if (check == null || check.isNone()) {
      c.health(null);
      return;
    }
    if (fresh || c.health().isEmpty()) {
      c.health(c.health().orElse(Health.STARTING).with(Health.Status.STARTING, 0));
    }
    HealthMonitor monitor = new HealthMonitor(engine, c, check);
    c.monitor(monitor);
    if (check.isOfSocket()) {
      engine.socketChecks().add(monitor);
    } else {
      Thread.ofVirtual().name("health-" + Ids.shorten(c.id())).start(monitor::run);
    }
    if (c.health().map(Health::status).orElse(Health.Status.STARTING) == Health.Status.UNHEALTHY) {
      monitor.act(); // what was to be done may have been cut off, by a pause or the engine's end
    }
  }

  /// Ends the checks of `c`; a result that comes later is not noted.
  static void stop(Container c) {
    HealthMonitor monitor = c.monitor(null);
    if (monitor != null) {
      synchronized (monitor) {
        monitor.stopped = true;
        monitor.notifyAll();
      }
      if (monitor.check.isOfSocket()) {
        monitor.engine.socketChecks().remove(monitor);
      }
    }
  }

  HealthCheck check() {
    return check;
  }

  /// The first process of the container; 0 if it has none, or need not be checked any more.
  int pid() {
    synchronized (this) {
      return !stopped && container.state() instanceof ContainerState.Live live ? live.pid() : 0;
    }
  }

  synchronized boolean isStopped() {
    return stopped;
  }

  /// When the next check is to be made, by [System#nanoTime].
  long next() {
    long time = Math.min(interval().toNanos(), LONGEST);
    long at = System.nanoTime() + time;
    return time < SECOND ? at : Math.floorDiv(at + MOMENT / 2, MOMENT) * MOMENT;
  }

  private synchronized boolean sleepUntil(long end) throws InterruptedException {
    for (long left = end - System.nanoTime(); !stopped && left > 0; ) {
      wait((left + 999_999) / 1_000_000L);
      left = end - System.nanoTime();
    }
    return !stopped;
  }

  private void run() {
    CommandProbe probe = new CommandProbe(engine, container, check);
    try {
      while (sleepUntil(next())) {
        note(probe.run());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Duration interval() {
    boolean starting =
        container.health().map(h -> h.status() == Health.Status.STARTING).orElse(false);
    return starting && inStartPeriod(Instant.now()) ? check.startInterval() : check.interval();
  }

  private boolean inStartPeriod(Instant at) {
    return container.state() instanceof ContainerState.Live live
        && Duration.between(live.startedAt(), at).compareTo(check.startPeriod()) < 0;
  }

  /// Takes a result down, tells of a change, and acts on it.
  void note(Health.Result result) {
    Health before;
    Health after;
    synchronized (this) {
      if (stopped) {
        return;
      }
      before = container.health().orElse(Health.STARTING);
      after = after(before, result);
      container.health(after);
    }
    if (isNews(before, after)) {
      engine.note(container);
    }
    if (before.status() != after.status()) {
      engine.publish(container, "health_status: " + after.status().word(), Map.of());
      if (after.status() == Health.Status.UNHEALTHY) {
        act();
      }
    }
  }

  /// Does what the check says of unhealthy containers, on a thread of its own: the verb ends this
  /// monitor.
  private void act() {
    if (!check.onFailure().equals("none")) {
      Thread.ofVirtual()
          .name("unhealthy-" + Ids.shorten(container.id()))
          .start(() -> new StopContainer(engine).unhealthy(container, check.onFailure()));
    }
  }

  /// Whether more follows from the result than a line in the list of the last ones.
  boolean isNews(Health.Result result) {
    Health before = container.health().orElse(Health.STARTING);
    return isNews(before, after(before, result));
  }

  /// How often an unhealthy one goes on to fail changes nothing.
  private boolean isNews(Health before, Health after) {
    boolean counts =
        before.failingStreak() != after.failingStreak() && after.failingStreak() <= check.retries();
    return counts || before.status() != after.status();
  }

  private Health after(Health before, Health.Result result) {
    boolean forgiven = before.status() == Health.Status.STARTING && inStartPeriod(result.start());
    return before.after(result, check.retries(), forgiven);
  }
}
