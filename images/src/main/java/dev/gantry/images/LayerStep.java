package dev.gantry.images;

import java.time.Duration;

/// What happens to a layer on its way here.
sealed interface LayerStep {
  record Waiting() implements LayerStep {}

  record Loading(long current, long total) implements LayerStep {}

  record Retrying(Duration pause) implements LayerStep {}

  record Verifying() implements LayerStep {}

  record Loaded() implements LayerStep {}

  record Unpacking(long current, long total) implements LayerStep {}

  record Ready() implements LayerStep {}

  /// Tells it in Docker's words.
  default void tell(TransferProgress progress, String id) {
    switch (this) {
      case Waiting() -> progress.step(id, "Waiting");
      case Loading(long current, long total) -> progress.bar(id, "Downloading", current, total);
      case Retrying(Duration pause) ->
          progress.step(id, "Retrying in " + Math.max(1, pause.toSeconds()) + " seconds");
      case Verifying() -> progress.step(id, "Verifying Checksum");
      case Loaded() -> progress.step(id, "Download complete");
      case Unpacking(long current, long total) -> progress.bar(id, "Extracting", current, total);
      case Ready() -> progress.step(id, "Pull complete");
    }
  }
}
