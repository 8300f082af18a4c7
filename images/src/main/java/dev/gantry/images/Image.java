package dev.gantry.images;

import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
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
/// @param digests full names with the digest that a registry gave it
public record Image(
    Digest id,
    Json.JsonObject document,
    List<Digest> diffIds,
    List<Digest> layers,
    long size,
    List<String> tags,
    List<String> digests) {
  public Image {
    diffIds = List.copyOf(diffIds);
    layers = List.copyOf(layers);
    tags = List.copyOf(tags);
    digests = List.copyOf(digests);
  }

  Image withNames(List<ImageReference> names) {
    return new Image(
        id,
        document,
        diffIds,
        layers,
        size,
        names.stream()
            .filter(n -> n.digestIfAny().isEmpty())
            .map(ImageReference::toString)
            .toList(),
        names.stream()
            .filter(n -> n.digestIfAny().isPresent())
            .map(ImageReference::toString)
            .toList());
  }

  /// The same with those names alone that `wanted` accepts.
  public Image onlyNames(java.util.function.Predicate<ImageReference> wanted) {
    return withNames(names().stream().filter(wanted).toList());
  }

  /// The names with a tag.
  public List<ImageReference> tagReferences() {
    return tags.stream().map(ImageReference::parse).toList();
  }

  /// The names with a digest.
  public List<ImageReference> digestReferences() {
    return digests.stream().map(ImageReference::parse).toList();
  }

  /// All names, those with a tag first.
  public List<ImageReference> names() {
    return java.util.stream.Stream.concat(tagReferences().stream(), digestReferences().stream())
        .toList();
  }

  /// True if all names are of one repository and at most one of them is a tag: such an image may be
  /// removed by its id.
  public boolean hasOneName() {
    return tags.size() <= 1 && names().stream().map(ImageReference::name).distinct().count() <= 1;
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

  /// What it runs on.
  public Platform platform() {
    return Platform.read(document);
  }

  /// When it was made; the epoch where the configuration does not say.
  public Instant created() {
    try {
      return document
          .string("created")
          .map(t -> java.time.OffsetDateTime.parse(t).toInstant())
          .orElse(Instant.EPOCH);
    } catch (java.time.format.DateTimeParseException e) {
      return Instant.EPOCH;
    }
  }

  /// The `created` text as stored; empty if there is none.
  public String createdText() {
    return document.string("created", "");
  }
}
