package dev.gantry.oci;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What points to content: its type, digest and size (image-spec descriptor.md).
///
/// @param size bytes
/// @param urls other places to load it from
/// @param platform what an image of an index runs on, where that is said
/// @param artifactType empty where nothing is said
/// @param data the content itself in base64, empty where it is not embedded
public record Descriptor(
    String mediaType,
    Digest digest,
    long size,
    List<String> urls,
    Map<String, String> annotations,
    @Nullable Platform platform,
    String artifactType,
    String data) {
  public Descriptor {
    urls = List.copyOf(urls);
    annotations = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(annotations));
    if (size < 0) {
      throw new Failure.InvalidRequest("the size of " + digest + " is negative: " + size);
    }
  }

  public Descriptor(String mediaType, Digest digest, long size) {
    this(mediaType, digest, size, List.of(), Map.of(), null, "", "");
  }

  /// Reads one; a missing digest or size is an error.
  public static Descriptor read(Json.JsonObject json) {
    String digest =
        json.string("digest")
            .orElseThrow(() -> new Failure.InvalidRequest("a descriptor has no digest"));
    if (!json.has("size")) {
      throw new Failure.InvalidRequest("the descriptor of " + digest + " has no size");
    }
    return new Descriptor(
        json.string("mediaType", ""),
        Digest.parse(digest),
        json.number("size", 0),
        json.strings("urls"),
        json.stringMap("annotations"),
        json.object("platform").map(Platform::read).orElse(null),
        json.string("artifactType", ""),
        json.string("data", ""));
  }

  public Json.JsonObject json() {
    Json.JsonObject json =
        Json.object()
            .put("mediaType", mediaType)
            .put("digest", digest.toString())
            .put("size", size);
    if (!urls.isEmpty()) {
      json.put("urls", Json.strings(urls));
    }
    if (!annotations.isEmpty()) {
      json.put("annotations", Json.strings(annotations));
    }
    if (!data.isEmpty()) {
      json.put("data", data);
    }
    if (platform != null) {
      json.put("platform", platform.json());
    }
    if (!artifactType.isEmpty()) {
      json.put("artifactType", artifactType);
    }
    return json;
  }

  public Optional<Platform> platformIfAny() {
    return Optional.ofNullable(platform);
  }

  public Descriptor withPlatform(Platform p) {
    return new Descriptor(mediaType, digest, size, urls, annotations, p, artifactType, data);
  }

  public Descriptor withAnnotations(Map<String, String> a) {
    return new Descriptor(mediaType, digest, size, urls, a, platform, artifactType, data);
  }

  public Descriptor withArtifactType(String type) {
    return new Descriptor(mediaType, digest, size, urls, annotations, platform, type, data);
  }
}
