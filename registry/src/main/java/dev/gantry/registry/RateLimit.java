package dev.gantry.registry;

import dev.gantry.json.Json;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// How many manifests one client may pull in a window of time, with Docker Hub's headers.
final class RateLimit {
  private static final int MOST_CLIENTS = 100_000;

  private record Window(long begin, int used) {}

  private final int most;
  private final Duration window;
  private final InstantSource clock;
  private final Map<String, Window> clients = new ConcurrentHashMap<>();

  RateLimit(int most, Duration window, InstantSource clock) {
    this.most = most;
    this.window = window;
    this.clock = clock;
  }

  /// Counts one pull; too many are TOOMANYREQUESTS.
  ///
  /// @param counts false for a question that only wants to know (HEAD)
  void pass(Call call, boolean counts) {
    long now = clock.instant().getEpochSecond();
    String peer = call.request().peer();
    String client =
        call.identity().user().isEmpty()
            ? peer.substring(0, Math.max(0, peer.lastIndexOf(':')))
            : call.identity().user();
    if (clients.size() > MOST_CLIENTS) {
      clients.values().removeIf(w -> now - w.begin() >= window.toSeconds());
    }
    Window state =
        clients.compute(
            client,
            (c, old) -> {
              Window at =
                  old == null || now - old.begin() >= window.toSeconds() ? new Window(now, 0) : old;
              return counts ? new Window(at.begin(), at.used() + 1) : at;
            });
    long seconds = window.toSeconds();
    call.response()
        .header("RateLimit-Limit", most + ";w=" + seconds)
        .header("RateLimit-Remaining", Math.max(0, most - state.used()) + ";w=" + seconds)
        .header("Docker-RateLimit-Source", client);
    if (state.used() > most) {
      long wait = Math.max(1, state.begin() + seconds - now);
      call.response().header("Retry-After", Long.toString(wait));
      throw new RegistryError(
          ErrorCode.TOOMANYREQUESTS,
          429,
          "more than " + most + " pulls in " + seconds + " s; try again in " + wait + " s",
          Json.NULL);
    }
  }
}
