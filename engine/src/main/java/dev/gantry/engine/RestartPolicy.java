package dev.gantry.engine;

/// When and after what wait a container is started again.
final class RestartPolicy {
  private static final long FIRST_MILLIS = 100;
  private static final long LONGEST_MILLIS = 60_000;

  private RestartPolicy() {}

  static boolean applies(Container c, int exitCode) {
    ContainerSpec.Restart restart = c.spec().restart();
    if (c.isStoppedByUser()) {
      return false;
    }
    return switch (restart.policy()) {
      case "always", "unless-stopped" -> true;
      case "on-failure" ->
          exitCode != 0
              && (restart.maximumRetries() == 0 || c.restartCount() < restart.maximumRetries());
      default -> false;
    };
  }

  /// Whether a container that ran when the machine went down is started with the engine.
  static boolean afterReboot(Container c) {
    return switch (c.spec().restart().policy()) {
      case "always" -> true;
      case "unless-stopped" -> !c.isStoppedByUser();
      case "on-failure" -> true;
      default -> false;
    };
  }

  /// Docker's: 100 ms, doubled at each restart that follows at once, a minute at the most.
  static long delayMillis(int count) {
    return Math.min(LONGEST_MILLIS, FIRST_MILLIS << Math.min(count - 1, 20));
  }
}
