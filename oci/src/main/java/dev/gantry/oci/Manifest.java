package dev.gantry.oci;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// One image or artifact: its configuration and layers (image-spec manifest.md), in OCI's or
/// Docker's format.
///
/// @param layers the lowest first
public record Manifest(
    String mediaType,
    String artifactType,
    Descriptor config,
    List<Descriptor> layers,
    @Nullable Descriptor subject,
    Map<String, String> annotations)
    implements ManifestDocument {
  public Manifest {
    layers = List.copyOf(layers);
    annotations = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(annotations));
  }

  static Manifest read(String type, Json.JsonObject json) {
    return new Manifest(
        type,
        json.string("artifactType", ""),
        json.object("config")
            .map(Descriptor::read)
            .orElseThrow(() -> new Failure.InvalidRequest("the manifest has no config")),
        json.objects("layers").stream().map(Descriptor::read).toList(),
        json.object("subject").map(Descriptor::read).orElse(null),
        json.stringMap("annotations"));
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
    layers.forEach(l -> list.add(l.json()));
    json.put("config", config.json()).put("layers", list);
    if (subject != null) {
      json.put("subject", subject.json());
    }
    if (!annotations.isEmpty()) {
      json.put("annotations", Json.strings(annotations));
    }
    return json;
  }
}
