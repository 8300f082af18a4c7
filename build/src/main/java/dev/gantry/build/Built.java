package dev.gantry.build;

import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What a build has come to: layers and a configuration that are no image yet. Usable until its
/// [BuildRun] is closed.
public final class Built {
  private final BuildRun run;
  private final Stage stage;

  Built(BuildRun run, Stage stage) {
    this.run = run;
    this.stage = stage;
  }

  /// The files as a container would see them; the caller closes the tree.
  public Tree files() throws Errno {
    return run.builder().engine().layerFiles().open(stage.diffIds());
  }

  public List<Digest> diffIds() {
    return stage.diffIds();
  }

  /// What it runs on.
  public Platform platform() {
    return Platform.read(stage.document());
  }

  /// What ARG has set for steps, which the configuration does not say.
  public Map<String, String> arguments() {
    Map<String, String> all = new LinkedHashMap<>();
    for (String name : stage.declared()) {
      all.put(name, stage.variables().getOrDefault(name, ""));
    }
    return all;
  }

  /// What it was made of beside the context: base images, downloads, repositories; sorted.
  public List<Material> materials() {
    return run.materials();
  }

  /// A tree that a list of packages tells of.
  ///
  /// @param what `stage NAME` or `context`; empty for the result
  record Scan(String what, Source source) {}

  /// The result, and what the Dockerfile wants looked at beside it.
  List<Scan> scans() {
    List<Scan> all = new ArrayList<>();
    all.add(new Scan("", run.sources().layers(stage.diffIds(), "the image")));
    all.addAll(run.scans());
    return all;
  }

  /// The text that it was made by.
  String dockerfile() {
    return run.request().text();
  }

  /// The instructions that were carried out.
  List<BuildProgress.Planned> steps() {
    return run.planned();
  }

  /// The steps that made layers of the result, or of every stage.
  List<CacheManifest.Made> made(boolean all) {
    List<Digest> own = diffIds();
    return run.made().stream()
        .filter(
            m ->
                all
                    || m.diffIds().size() <= own.size()
                        && own.subList(0, m.diffIds().size()).equals(m.diffIds()))
        .toList();
  }

  Images images() {
    return run.builder().engine().images();
  }

  /// The image's configuration (image-spec config.md).
  public Json.JsonObject configuration() {
    return stage.imageDocument(run.request().labels());
  }

  /// Makes it an image of the engine under `names`, which may be none.
  public Image image(List<ImageReference> names) {
    return image(names, false);
  }

  /// As above.
  ///
  /// @param inlineCache whether its configuration shall say which steps made its layers
  Image image(List<ImageReference> names, boolean inlineCache) {
    Images images = images();
    Map<String, String> labels = run.request().labels();
    if (stage.unchanged().isPresent() && labels.isEmpty()) {
      Image image = stage.unchanged().get();
      names.forEach(name -> images.tag(image.id(), name));
      return image;
    }
    Json.JsonObject document = configuration();
    if (inlineCache) {
      document.put(CacheManifest.INLINE, CacheManifest.inline(this));
    }
    return images.compose(document, stage.layers(), names);
  }
}
