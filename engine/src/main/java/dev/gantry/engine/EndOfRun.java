package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.runtime.ExitStatus;
import dev.gantry.runtime.RunningProcess;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What follows when a container's first process has ended: what is left of the run is cleared
/// away, its end is put on record, and the container is started again, removed or left.
final class EndOfRun {
  private static final int UNKNOWN = 255;
  private static final int DRAIN_MILLIS = 2000;
  private static final Duration GOOD_RUN = Duration.ofSeconds(10);

  private final Engine engine;
  private final Container c;

  EndOfRun(Engine engine, Container c) {
    this.engine = engine;
    this.c = c;
  }

  void of(RunningProcess process, Output output, ExitStatus exit) {
    Instant startedAt =
        c.state() instanceof ContainerState.Live live ? live.startedAt() : Instant.EPOCH;
    HealthMonitor.stop(c);
    // the group's figures go with the group
    Death death = death(Optional.of(exit), startedAt, true);
    new RunRemains(engine).killProcesses(c);
    output.awaitEnd(DRAIN_MILLIS);
    boolean oom = death.oomKills() > 0;
    if (oom) {
      engine.publish(c, "oom", Map.of());
    }
    unhealthy();
    Instant endedAt = later(exit.exitedAt(), startedAt);
    Duration ran = Duration.between(startedAt, endedAt);
    boolean again = RestartPolicy.applies(c, exit.code());
    ContainerState next =
        again
            ? new ContainerState.Restarting(exit.code(), startedAt, endedAt)
            : new ContainerState.Exited(exit.code(), startedAt, endedAt, oom, "");
    c.died(judged(c, death));
    if (again) {
      c.planRestart(c.restartCount() + 1, RestartPolicy.delayMillis(c.backoffMillis(), ran));
    }
    // on record before the monitor, who else knows it, is dismissed
    engine.note(c, next);
    new UseEvents(engine).networks(c, "disconnect");
    engine.releaseNetwork(c);
    engine.volumes().release(c);
    new UseEvents(engine).volumes(c, "unmount");
    process.release();
    c.ranOut();
    engine.forgetExecs(c);
    new RunRemains(engine).remove(c);
    boolean stays = c.isStaying(); // who waits for the end may take it back
    tell(next, exit.code(), ran);
    engine.note(c);
    boolean gone = c.spec().autoRemove() && !stays;
    if (again || gone) {
      Shipping.end(c); // before other lines come, or the log goes
    }
    if (next instanceof ContainerState.Restarting restarting) {
      restartLater(restarting);
    } else if (gone) {
      new RemoveContainer(engine).afterItsRun(c);
    }
  }

  /// Changes the state and tells of it; who waits for the state wakes when both is done.
  private void tell(ContainerState next, int code, Duration ran) {
    synchronized (c) {
      c.become(next);
      if (c.takeStopAnnouncement()) {
        engine.publish(c, "stop", Map.of()); // Docker's order: before die
      }
      engine.publish(c, "die", attributes(code, ran));
    }
  }

  /// What the event of an end says more.
  static Map<String, String> attributes(int code, Duration ran) {
    return Map.of(
        "execDuration",
        Long.toString(Math.max(0, ran.toSeconds())),
        "exitCode",
        Integer.toString(code));
  }

  /// The monitor may see the end of a short run before the engine has noted its start.
  private static Instant later(Instant end, Instant start) {
    return end.isBefore(start) ? start : end;
  }

  /// What does not run is not healthy.
  void unhealthy() {
    c.health().ifPresent(h -> c.health(h.with(Health.Status.UNHEALTHY, h.failingStreak())));
  }

  /// The death of the present run.
  ///
  /// @param exit empty if nobody saw it
  /// @param measured whether the run's control group is still there
  Death death(Optional<ExitStatus> exit, Instant startedAt, boolean measured) {
    Map<String, Long> usage = new LinkedHashMap<>();
    Map<String, Long> limits = new LinkedHashMap<>();
    if (measured && c.state() instanceof ContainerState.Live) {
      Statistics.Last last = new Statistics(engine.cgroups(), engine.cgroup(c)).readLast();
      usage.put("memory", last.memory().usage());
      last.memory().most().ifPresent(m -> usage.put("memory.peak", m));
      usage.put("memory.failures", last.memory().failures());
      limits.put("memory", last.memory().limit());
      usage.put("pids", last.pids());
      last.pidsLimit().ifPresent(l -> limits.put("pids", l));
    }
    Container.Sent sent = c.takeSent();
    int code = exit.map(ExitStatus::code).orElse(UNKNOWN);
    int signal = exit.filter(ExitStatus::signaled).isPresent() ? code - 128 : 0;
    int oomKills = measured ? (int) engine.cgroups().oomKills(engine.cgroup(c)) : 0;
    Death.Cause cause =
        Death.cause(code, signal, sent.by(), sent.signal(), oomKills, exit.isEmpty());
    Instant endedAt = later(exit.map(ExitStatus::exitedAt).orElseGet(Instant::now), startedAt);
    return new Death(
        cause.name(),
        code,
        signal,
        sent.by(),
        sent.signal(),
        oomKills,
        "",
        usage,
        limits,
        startedAt.toString(),
        endedAt.toString(),
        endedAt.isBefore(engine.openedAt()) || exit.isEmpty(),
        c.health().map(h -> h.status().word()).orElse(null),
        List.of());
  }

  private void restartLater(ContainerState.Restarting restarting) {
    Thread.ofVirtual()
        .name("restart-" + Ids.shorten(c.id()))
        .start(
            () -> {
              try {
                if (c.awaitRestart(restarting, c.backoffMillis())) {
                  restartNow(restarting);
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  /// Makes the restart for which the container waits.
  void restartNow(ContainerState.Restarting restarting) {
    c.verbs.lock();
    try {
      if (c.state() != restarting || engine.isClosed()) {
        return; // somebody was faster
      }
      new StartContainer(engine).start(c);
    } catch (Failure e) {
      // the container's record says why
      if (c.state() == restarting) {
        c.become(
            new ContainerState.Exited(
                restarting.exitCode(),
                restarting.startedAt(),
                restarting.finishedAt(),
                false,
                e.text()));
        engine.note(c);
      }
    } finally {
      c.verbs.unlock();
    }
  }

  /// Calls a restart off that is waiting for its time.
  void callOff(ContainerState.Restarting r) {
    c.stopping(true);
    c.become(new ContainerState.Exited(r.exitCode(), r.startedAt(), r.finishedAt(), false, ""));
    engine.note(c);
  }

  /// The death of a container whose start failed.
  static Death unborn(int exitCode, String error) {
    boolean command = exitCode == 126 || exitCode == 127;
    return new Death(
        (command ? Death.Cause.COMMAND : Death.Cause.START_FAILED).name(),
        exitCode,
        0,
        "",
        0,
        0,
        error,
        Map.of(),
        Map.of(),
        "",
        Instant.now().toString(),
        false,
        null,
        List.of());
  }

  /// Compares the run with the last good one, and remembers it if it was one: it ended well or went
  /// on for a while.
  static Death judged(Container c, Death death) {
    ContainerSpec spec = c.spec();
    if (spec.autoRemove()) {
      return death; // nobody will ask
    }
    boolean lasted =
        !death.startedAt().isEmpty()
            && Duration.between(Instant.parse(death.startedAt()), Instant.parse(death.endedAt()))
                    .compareTo(GOOD_RUN)
                >= 0;
    Map<String, String> now = Facts.of(spec);
    List<String> changes =
        death.isGood()
            ? List.of()
            : Facts.changes(lasted ? Facts.of(c.startedSpec()) : c.goodFacts(), now);
    if (lasted || death.isGood()) {
      c.goodFacts(Facts.of(c.startedSpec()));
    }
    return death.with(changes);
  }
}
