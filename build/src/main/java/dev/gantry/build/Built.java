package dev.gantry.build;

import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
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

  /// The image's configuration (image-spec config.md).
  public Json.JsonObject configuration() {
    return stage.imageDocument(run.request().labels());
  }

  /// Makes it an image of the engine under `names`, which may be none.
  public Image image(List<ImageReference> names) {
    Images images = run.builder().engine().images();
    Map<String, String> labels = run.request().labels();
    if (stage.unchanged().isPresent() && labels.isEmpty()) {
      Image image = stage.unchanged().get();
      names.forEach(name -> images.tag(image.id(), name));
      return image;
    }
    return images.compose(configuration(), stage.layers(), names);
  }
}
