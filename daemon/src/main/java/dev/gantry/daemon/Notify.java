package dev.gantry.daemon;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.UnixDatagrams;
import java.nio.charset.StandardCharsets;

/// Tells the service manager how far the engine is (sd_notify(3)). Without one, nothing happens.
final class Notify {
  private Notify() {}

  /// @param state lines such as `READY=1`
  static void service(String state) {
    String socket = System.getenv("NOTIFY_SOCKET");
    if (socket == null || socket.isEmpty()) {
      return;
    }
    try {
      UnixDatagrams.send(socket, state.getBytes(StandardCharsets.UTF_8));
    } catch (Errno e) {
      Log.warn("the service manager could not be told: " + e.getMessage());
    }
  }
}
