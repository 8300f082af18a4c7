package dev.gantry.daemon;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.UnixDatagrams;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/// Tells the service manager how far the engine is (sd_notify(3)), and regularly that it lives
/// where a watchdog waits for that (sd_watchdog_enabled(3)). Without a service manager nothing
/// happens.
final class Notify {
  private static final long NANOS_PER_MICRO = 1000;

  private final String socket;
  private final Map<String, String> environment;

  Notify(Map<String, String> environment) {
    this.socket = environment.getOrDefault("NOTIFY_SOCKET", "");
    this.environment = environment;
  }

  /// Requests are answered from now on.
  void ready(String status) {
    send("READY=1\nMAINPID=" + ProcessHandle.current().pid() + "\nSTATUS=" + status);
    watchdogMicros().ifPresent(this::keepTelling);
  }

  /// The settings are read again; [#reloaded] follows, whatever came of it. The time is that of
  /// CLOCK_MONOTONIC, which is the JVM's too.
  void reloading() {
    send("RELOADING=1\nMONOTONIC_USEC=" + System.nanoTime() / NANOS_PER_MICRO);
  }

  void reloaded() {
    send("READY=1");
  }

  void stopping() {
    send("STOPPING=1");
  }

  /// After what time without a sign of life this process is taken for hung.
  Optional<Long> watchdogMicros() {
    String time = environment.getOrDefault("WATCHDOG_USEC", "");
    String pid = environment.getOrDefault("WATCHDOG_PID", "");
    boolean ours = pid.isEmpty() || pid.equals(Long.toString(ProcessHandle.current().pid()));
    return ours && time.matches("[1-9]\\d{0,15}")
        ? Optional.of(Long.parseLong(time))
        : Optional.empty();
  }

  private void keepTelling(long micros) {
    // a virtual thread, as those that answer requests: if these do not get on, it does not either
    Thread.ofVirtual()
        .name("watchdog")
        .start(
            () -> {
              try {
                while (true) {
                  send("WATCHDOG=1");
                  Thread.sleep(Math.max(1, micros / 2000));
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  /// @param state lines such as `READY=1`
  private void send(String state) {
    if (socket.isEmpty()) {
      return;
    }
    try {
      UnixDatagrams.send(socket, state.getBytes(StandardCharsets.UTF_8));
    } catch (Errno e) {
      Log.warn("the service manager could not be told: " + e.getMessage());
    }
  }
}
