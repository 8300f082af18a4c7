package dev.gantry.server;

import dev.gantry.base.Failure;

/// Checkpoints of running processes: answered as by a daemon whose experimental features are off.
final class CheckpointRoutes {
  void addTo(Router router) {
    router.on("GET", "/containers/{id}/checkpoints", (q, r, p) -> refuse());
    router.on("POST", "/containers/{id}/checkpoints", (q, r, p) -> refuse());
    router.on("DELETE", "/containers/{id}/checkpoints/{checkpoint}", (q, r, p) -> refuse());
  }

  private static void refuse() {
    throw new Failure.Unsupported(
        "This experimental feature is disabled by default. Start the Docker daemon in experimental"
            + " mode in order to enable it.");
  }
}
