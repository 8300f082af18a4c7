package dev.gantry.engine;

import java.time.Duration;

/// When and after what wait a container is started again. The rules are Docker's: each restart that
/// follows at once waits twice as long, up to a minute, and a run of ten seconds forgives all that
/// was before; the number of restarts counts for the policy's limit all the same.
final class RestartPolicy {
  private static final long FIRST_MILLIS = 100;
  private static final long LONGEST_MILLIS = 60_000;
  private static final Duration LONG_RUN = Duration.ofSeconds(10);

  private RestartPolicy() {}

  /// Whether a container that ended by itself with `exitCode` is started again.
  static boolean applies(Container c, int exitCode) {
    return !c.isStoppedByUser() && wants(c, exitCode);
  }

  private static boolean wants(Container c, int exitCode) {
    ContainerSpec.Restart restart = c.spec().restart();
    return switch (restart.policy()) {
      case "always", "unless-stopped" -> true;
      case "on-failure" ->
          exitCode != 0
              && (restart.maximumRetries() == 0 || c.restartCount() < restart.maximumRetries());
      default -> false;
    };
  }

  /// Whether a container that does not run is started with the engine, as a real daemon was seen to
  /// do it: only `unless-stopped` heeds that somebody had stopped it. One that never was started is
  /// left alone, and one whose restart is on record already gets it.
  static boolean atEngineStart(Container c) {
    if (c.state() instanceof ContainerState.Restarting) {
      return true;
    }
    if (!(c.state() instanceof ContainerState.Exited exited) || c.spec().autoRemove()) {
      return false;
    }
    boolean heeded = c.spec().restart().policy().equals("unless-stopped") && c.isStoppedByUser();
    return !heeded && wants(c, exited.exitCode());
  }

  /// The wait before a restart, given the one before and how long the container ran.
  static long delayMillis(long before, Duration ran) {
    if (before == 0 || ran.compareTo(LONG_RUN) >= 0) {
      return FIRST_MILLIS;
    }
    return Math.min(LONGEST_MILLIS, before * 2);
  }
}
