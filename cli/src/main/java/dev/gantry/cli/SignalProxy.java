package dev.gantry.cli;

import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import java.util.List;

/// Hands the signals that this process gets on to the container it is attached to (`--sig-proxy`).
/// QUIT, USR1 and SEGV stay with the JVM, which needs them itself.
final class SignalProxy {
  private static final List<String> SIGNALS = List.of("INT", "TERM", "HUP", "USR2", "ALRM", "CONT");

  private SignalProxy() {}

  /// Begins beside the caller, as the first use costs some milliseconds: from the end of the thread
  /// on, until this program ends. A signal that comes before the container runs is kept from ending
  /// this program, and has no other effect.
  static Thread start(EngineClient engine, String id) {
    return Thread.ofPlatform()
        .daemon()
        .name("signals")
        .start(() -> SIGNALS.forEach(s -> Surroundings.ours().on(s, () -> send(engine, id, s))));
  }

  private static void send(EngineClient engine, String id, String signal) {
    try {
      engine.post(Query.of("/containers/{}/kill", id).with("signal", signal), null);
    } catch (RuntimeException e) {
      return; // it has ended meanwhile: so will we
    }
  }
}
