package dev.gantry.engine;

import dev.gantry.base.Failure;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How a container's health is found out.
///
/// @param test `NONE`; `CMD` and a command; `CMD-SHELL` and a shell's text; and, which Docker has
///   not, `HTTP` and a URL, or `TCP` and a port, both seen from inside the container
/// @param intervalNanos 0 for the default, as the others
/// @param onFailure what becomes of an unhealthy container: `none`, `kill`, `stop`, `restart`
public record HealthCheck(
    List<String> test,
    long intervalNanos,
    long timeoutNanos,
    long startPeriodNanos,
    long startIntervalNanos,
    int wantedRetries,
    @Nullable List<String> shell,
    @Nullable String failureAction) {
  private static final Duration INTERVAL = Duration.ofSeconds(30);
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final Duration START_INTERVAL = Duration.ofSeconds(5);
  private static final int RETRIES = 3;

  /// Refuses a test that cannot be made.
  public void validate() {
    if (isNone()) {
      return;
    }
    switch (test.getFirst()) {
      case "CMD", "CMD-SHELL" -> {
        if (test.size() < 2) {
          throw new Failure.InvalidRequest(
              "the health check " + test.getFirst() + " has no command");
        }
      }
      case "HTTP", "TCP" -> SocketProbe.Target.of(test);
      default ->
          throw new Failure.InvalidRequest(
              "unknown type of health check '"
                  + test.getFirst()
                  + "'; use one of 'NONE', 'CMD', 'CMD-SHELL', 'HTTP', or 'TCP'");
    }
  }

  boolean isNone() {
    return test.isEmpty() || test.getFirst().equals("NONE");
  }

  /// Whether the engine asks by itself, without a program in the container.
  boolean isOfSocket() {
    return test.getFirst().equals("HTTP") || test.getFirst().equals("TCP");
  }

  Duration interval() {
    return of(intervalNanos, INTERVAL);
  }

  Duration timeout() {
    return of(timeoutNanos, TIMEOUT);
  }

  Duration startPeriod() {
    return of(startPeriodNanos, Duration.ZERO);
  }

  Duration startInterval() {
    return of(startIntervalNanos, START_INTERVAL);
  }

  int retries() {
    return wantedRetries <= 0 ? RETRIES : wantedRetries;
  }

  String onFailure() {
    return failureAction == null || failureAction.isEmpty() ? "none" : failureAction;
  }

  private static Duration of(long nanos, Duration absent) {
    return nanos <= 0 ? absent : Duration.ofNanos(nanos);
  }
}
