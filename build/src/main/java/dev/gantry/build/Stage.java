package dev.gantry.build;

import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.Platform;
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
/// @param baseLayers how many of the layers are those of the base image
/// @param created when its last layer was made
/// @param variables what ENV and ARG have set
/// @param declared names that ARG has declared, in order
/// @param said about the bytes of its configuration
/// @param unchanged the image that it still is; empty once an instruction was carried out
record Stage(
    List<Images.Layer> layers,
    int baseLayers,
    Json.JsonObject document,
    Instant created,
    Optional<Image> unchanged,
    Map<String, String> variables,
    Set<String> declared,
    long said) {
  Stage {
    layers = List.copyOf(layers);
    variables = Collections.unmodifiableMap(new LinkedHashMap<>(variables));
    declared = Collections.unmodifiableSet(new LinkedHashSet<>(declared));
  }

  List<Digest> diffIds() {
    return layers.stream().map(Images.Layer::diffId).toList();
  }

  /// The same as an image for `platform`, where somebody has asked for another than this machine's:
  /// the base image may have been of the wrong one (there is a warning), what is made of it is not.
  Stage on(Platform platform) {
    if (platform.equals(Platform.here()) || platform.equals(Platform.read(document))) {
      return this;
    }
    Json.JsonObject changed = (Json.JsonObject) document.copy();
    changed.put("architecture", platform.architecture()).put("os", platform.os());
    changed.remove("variant");
    if (!platform.variant().isEmpty()) {
      changed.put("variant", platform.variant());
    }
    return new Stage(
        layers, baseLayers, changed, created, Optional.empty(), variables, declared, said);
  }

  /// The same with all layers above the base image's in one.
  Stage squashed(BuildRun run) throws java.io.IOException {
    if (layers.size() <= baseLayers + 1) {
      return this;
    }
    List<Digest> below = diffIds().subList(0, baseLayers);
    List<Images.Layer> fewer = new java.util.ArrayList<>(layers.subList(0, baseLayers));
    fewer.add(new Squash(run, below, diffIds()).layer());
    run.keep(fewer.stream().map(Images.Layer::diffId).toList());
    Json.JsonObject changed = (Json.JsonObject) document.copy();
    if (changed.get("history") instanceof Json.JsonArray history) {
      changed.put("history", Squash.history(history, baseLayers, created.toString()));
    }
    return new Stage(
        fewer, baseLayers, changed, created, Optional.empty(), variables, declared, said);
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
