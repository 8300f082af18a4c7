package dev.gantry.oci;

import dev.gantry.json.Json;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Several manifests under one name, usually one for each platform (image-spec image-index.md), in
/// OCI's format or as Docker's manifest list.
public record ImageIndex(
    String mediaType,
    String artifactType,
    List<Descriptor> manifests,
    @Nullable Descriptor subject,
    Map<String, String> annotations)
    implements ManifestDocument {
  public ImageIndex {
    manifests = List.copyOf(manifests);
    annotations = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(annotations));
  }

  public ImageIndex(List<Descriptor> manifests) {
    this(MediaTypes.INDEX, "", manifests, null, Map.of());
  }

  static ImageIndex read(String type, Json.JsonObject json) {
    return new ImageIndex(
        type,
        json.string("artifactType", ""),
        json.objects("manifests").stream().map(Descriptor::read).toList(),
        json.object("subject").map(Descriptor::read).orElse(null),
        json.stringMap("annotations"));
  }

  /// The entry that serves `wanted` best; empty if none does. Attestations, which builders list as
  /// platform unknown/unknown, never match.
  public Optional<Descriptor> select(Platform wanted) {
    return manifests.stream()
        .filter(d -> d.platformIfAny().map(p -> wanted.match(p) > 0).orElse(false))
        .max(Comparator.comparingInt(d -> d.platformIfAny().map(p -> wanted.match(p)).orElse(0)));
  }

  /// The same with other entries.
  public ImageIndex with(List<Descriptor> entries) {
    return new ImageIndex(mediaType, artifactType, entries, subject, annotations);
  }

  @Override
  public Optional<Descriptor> subjectIfAny() {
    return Optional.ofNullable(subject);
  }

  @Override
  public Json.JsonObject json() {
    Json.JsonObject json = Json.object().put("schemaVersion", 2).put("mediaType", mediaType);
    if (!artifactType.isEmpty()) {
      json.put("artifactType", artifactType);
    }
    Json.JsonArray list = Json.array();
    manifests.forEach(m -> list.add(m.json()));
    json.put("manifests", list);
    if (subject != null) {
      json.put("subject", subject.json());
    }
    if (!annotations.isEmpty()) {
      json.put("annotations", Json.strings(annotations));
    }
    return json;
  }
}
