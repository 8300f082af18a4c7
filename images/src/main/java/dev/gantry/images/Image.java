package dev.gantry.images;

import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import java.time.Instant;
import java.util.List;

/// An image that is here.
///
/// @param id the digest of its configuration
/// @param document the configuration as it was stored (image-spec config.md with Docker's
///   additions)
/// @param diffIds digests of the uncompressed layers, the lowest first
/// @param layers digests of the layers as stored, beside `diffIds`
/// @param size bytes of the files in its layers
/// @param tags full names that point to it, such as `docker.io/library/debian:bookworm`
public record Image(
    Digest id,
    Json.JsonObject document,
    List<Digest> diffIds,
    List<Digest> layers,
    long size,
    List<String> tags) {
  public Image {
    diffIds = List.copyOf(diffIds);
    layers = List.copyOf(layers);
    tags = List.copyOf(tags);
  }

  /// The part that containers take their defaults from; an empty object where there is none.
  public Json.JsonObject config() {
    return document.object("config").orElseGet(Json::object);
  }

  public String architecture() {
    return document.string("architecture", "amd64");
  }

  public String os() {
    return document.string("os", "linux");
  }

  /// When it was made; the epoch where the configuration does not say.
  public Instant created() {
    try {
      return document.string("created").map(Instant::parse).orElse(Instant.EPOCH);
    } catch (java.time.format.DateTimeParseException e) {
      return Instant.EPOCH;
    }
  }

  /// The `created` text as stored; empty if there is none.
  public String createdText() {
    return document.string("created", "");
  }
}
