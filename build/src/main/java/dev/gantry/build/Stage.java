package dev.gantry.build;

import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What a stage has come to.
///
/// @param document the image configuration without its root file system
/// @param created when its last layer was made
/// @param variables what ENV and ARG have set
/// @param declared names that ARG has declared, in order
/// @param unchanged the image that it still is; empty once an instruction was carried out
record Stage(
    List<Images.Layer> layers,
    Json.JsonObject document,
    Instant created,
    Optional<Image> unchanged,
    Map<String, String> variables,
    Set<String> declared) {
  Stage {
    layers = List.copyOf(layers);
    variables = Collections.unmodifiableMap(new LinkedHashMap<>(variables));
    declared = Collections.unmodifiableSet(new LinkedHashSet<>(declared));
  }

  List<Digest> diffIds() {
    return layers.stream().map(Images.Layer::diffId).toList();
  }

  /// The whole configuration (image-spec config.md).
  Json.JsonObject imageDocument(Map<String, String> labels) {
    Json.JsonObject whole = (Json.JsonObject) document.copy();
    Json.JsonObject config = whole.object("config").orElseGet(Json::object);
    if (!labels.isEmpty()) {
      Json.JsonObject all = config.object("Labels").orElseGet(Json::object);
      labels.forEach(all::put);
      config.put("Labels", all);
    }
    whole.put("config", config);
    whole.put("created", created.toString());
    Json.JsonArray diffIds = Json.array();
    diffIds().forEach(d -> diffIds.add(d.toString()));
    return whole.put("rootfs", Json.object().put("type", "layers").put("diff_ids", diffIds));
  }
}
