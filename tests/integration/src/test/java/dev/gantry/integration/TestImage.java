package dev.gantry.integration;

import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.testkit.Engine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/// The parts of an image that a test makes of its own layers, and what an engine keeps of images.
final class TestImage {
  private TestImage() {}

  /// The text of a configuration with these layers.
  static String config(List<Digest> diffIds) {
    Json.JsonArray ids = Json.array();
    diffIds.forEach(d -> ids.add(d.toString()));
    return Json.object()
        .put("architecture", "amd64")
        .put("os", "linux")
        .put("config", Json.object())
        .put("rootfs", Json.object().put("type", "layers").put("diff_ids", ids))
        .text();
  }

  /// The text of `manifest.json` in an archive of `docker save`: one image, its configuration in
  /// the file `config`.
  static String archived(String tag, List<String> layers) {
    Json.JsonArray names = Json.array();
    layers.forEach(names::add);
    return Json.array()
        .add(
            Json.object()
                .put("Config", "config")
                .put("RepoTags", Json.array().add(tag))
                .put("Layers", names))
        .text();
  }

  /// Every blob, part of a blob, layer and thing in the trash that the engine keeps.
  static TreeSet<String> stored(Engine engine) {
    TreeSet<String> all = new TreeSet<>();
    Path data = engine.folder().resolve("data");
    for (String each :
        List.of("content/blobs/sha256", "content/incoming", "overlay/layers", "overlay/trash")) {
      try (Stream<Path> files = Files.list(data.resolve(each))) {
        files.forEach(f -> all.add(data.relativize(f).toString()));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return all;
  }
}
