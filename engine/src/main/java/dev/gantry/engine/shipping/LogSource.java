package dev.gantry.engine.shipping;

import java.time.Instant;
import java.util.Map;

/// What the drivers tell of the container beside its lines.
///
/// @param tag the log option `tag`, filled in
/// @param extra labels and variables that the options `labels` and `env` name
public record LogSource(
    String id,
    String name,
    String imageId,
    String imageName,
    String command,
    Instant created,
    String tag,
    Map<String, String> extra) {
  String shortId() {
    return id.substring(0, Math.min(12, id.length()));
  }
}
