package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.images.Images;
import dev.gantry.images.TarWriter;
import dev.gantry.json.Json;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.store.ContentStore;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/// Makes one layer of the upper layers of an image: what is there in the end, and what of the lower
/// layers is not there any more.
final class Squash {
  private static final String GONE = ".wh.";

  private final BuildRun run;
  private final List<Digest> below;
  private final List<Digest> all;

  /// @param below the layers that stay as they are
  /// @param all all layers, those among them
  Squash(BuildRun run, List<Digest> below, List<Digest> all) {
    this.run = run;
    this.below = below;
    this.all = all;
  }

  /// The one layer, on top of those below.
  Images.Layer layer() throws IOException {
    Images images = run.builder().engine().images();
    try (ContentStore.Ingest layer = images.newLayer()) {
      try (OutputStream out = new BufferedOutputStream(layer.out(), 256 * 1024);
          TarWriter tar = new TarWriter(out)) {
        write(tar);
      }
      return images.addLayer(layer, below, run.lease());
    }
  }

  /// The image's history with the steps above those layers as parts of one.
  static Json.JsonArray history(Json.JsonArray history, int below, String created) {
    Json.JsonArray changed = Json.array();
    int layers = 0;
    for (Json item : history.items()) {
      if (item instanceof Json.JsonObject step) {
        boolean empty = step.bool("empty_layer", false);
        layers += empty ? 0 : 1;
        boolean merged = layers > below && !empty;
        changed.add(merged ? ((Json.JsonObject) step.copy()).put("empty_layer", true) : step);
      }
    }
    return changed.add(
        Json.object()
            .put("created", created)
            .put("created_by", "")
            .put("comment", "merge of the layers above the base image"));
  }

  private void write(TarWriter tar) throws IOException {
    TreeSet<String> touched = new TreeSet<>();
    List<Path> folders = run.builder().engine().layerFiles().lowers(all);
    for (Path folder : folders.subList(0, all.size() - below.size())) {
      try (Tree layer = Tree.open(folder.toString())) {
        new Walk(layer, IgnoreFile.NONE, "/").from("/", (path, deeper, s) -> touched.add(path));
      }
    }
    try (Tree before = run.builder().engine().layerFiles().open(below);
        Tree after = run.builder().engine().layerFiles().open(all)) {
      for (String path : touched) {
        if (!path.equals("/")) {
          one(tar, after, path);
        }
        goneFrom(tar, before, after, path);
      }
    }
  }

  private static void one(TarWriter tar, Tree after, String path) throws IOException {
    Optional<Tree.Status> now = after.status(path);
    if (now.isPresent()) { // what is missing is told of its folder
      TreeCopy.pack(after, path, tar, path.substring(1), now.get());
    }
  }

  /// Whether it is a folder in both.
  private static boolean isFolder(Tree before, String folder, Tree after) throws IOException {
    return before.status(folder).map(Tree.Status::isDirectory).orElse(false)
        && after.status(folder).map(Tree.Status::isDirectory).orElse(false);
  }

  /// What a folder had below and has no more.
  private static void goneFrom(TarWriter tar, Tree before, Tree after, String folder)
      throws IOException {
    if (!isFolder(before, folder, after)) {
      return;
    }
    for (String name : before.list(folder)) {
      String path = (folder.equals("/") ? "" : folder) + "/" + name;
      if (after.status(path).isEmpty()) {
        gone(tar, path);
      }
    }
  }

  private static void gone(TarWriter tar, String path) throws IOException {
    String parent = parent(path);
    String name = path.substring(path.lastIndexOf('/') + 1);
    tar.entry(
        ((parent.equals("/") ? "" : parent) + "/" + GONE + name).substring(1),
        TarWriter.FILE,
        "",
        new Tree.Status(0100644, 0, 0, 0, 0, 0, 0, 0, 1, 0),
        0,
        Map.of());
  }

  private static String parent(String path) {
    return path.lastIndexOf('/') <= 0 ? "/" : path.substring(0, path.lastIndexOf('/'));
  }
}
