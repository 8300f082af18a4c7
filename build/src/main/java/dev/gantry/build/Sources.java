package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Origin;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// What FROM, `--from` and mounts of one build name: stages, contexts, images. Each image is found,
/// or pulled, once, and each file hashed once. Thread-safe.
final class Sources {
  private record Wanted(String name, Platform platform) {}

  private record Place(Source source, String path) {}

  private final BuildRun run;
  private final Builder.BaseImages bases;
  private final Once<Wanted, Image> images = new Once<>();
  private final Once<Place, Fingerprint.Result> prints = new Once<>();

  Sources(BuildRun run, Builder.BaseImages bases) {
    this.run = run;
    this.bases = bases;
  }

  /// The image that a FROM names.
  Image image(String name, Platform platform) throws IOException {
    return images.get(new Wanted(name, platform), () -> find(name, platform));
  }

  private Image find(String name, Platform platform) {
    String alias = run.request().images().get(name);
    String wanted = alias == null ? name : alias;
    Image image = bases.find(wanted, platform, run.request().pull(), run.cancellation());
    Optional<List<Material>> ofOther = bases.materials(wanted);
    Digest digest =
        image.digestReferences().stream()
            .flatMap(r -> r.digestIfAny().stream())
            .findFirst()
            .orElse(image.id());
    if (ofOther.isPresent()) {
      ofOther.get().forEach(run::madeOf);
    } else if (isName(wanted)) {
      run.madeOf(Material.image(wanted, image.platform(), digest));
    }
    return image;
  }

  /// Whether it is an image's name and not a caller's own word for one.
  private static boolean isName(String text) {
    try {
      ImageReference ignored = ImageReference.parse(text);
      return true;
    } catch (Failure.InvalidRequest e) {
      return false;
    }
  }

  /// The layers of an image, unpacked.
  List<Images.Layer> layersOf(Image image) throws IOException {
    try (var _ = run.cancellation().waiting()) {
      return run.builder().engine().images().layersOf(image, run.lease());
    }
  }

  /// What `--from=name` means in stage `before`: an earlier stage, a named context, an image.
  Source named(String name, int before, Origin origin) throws BuildFailure {
    var stage = run.request().stage(name, before);
    if (stage.isPresent()) {
      return layers(run.stage(stage.get().index()).diffIds(), name);
    }
    Source named = run.request().contexts().get(name);
    if (named != null) {
      return named;
    }
    try {
      Image image = image(name, run.request().platform());
      return layers(layersOf(image).stream().map(Images.Layer::diffId).toList(), name);
    } catch (Failure e) {
      run.check();
      throw new BuildFailure("invalid from flag value " + name + ": " + e.text(), origin);
    } catch (IOException e) {
      throw new BuildFailure("could not open " + name + ": " + e.getMessage(), origin);
    }
  }

  /// Opens what it names, which may have to be brought here first; the caller closes it.
  Tree open(Source source) throws Errno {
    try (var _ = run.cancellation().waiting(source::abandon)) {
      return source.open();
    }
  }

  Source layers(List<Digest> diffIds, String name) {
    return new LayersSource(run.builder().engine().layerFiles(), diffIds, name);
  }

  /// What files are; that of layers, and of folders that know what they are, is remembered for
  /// other builds.
  Fingerprint.Result fingerprint(Source source, Tree tree, String path) throws IOException {
    return prints.get(
        new Place(source, path),
        () -> {
          Optional<String> identity = source.identity();
          if (identity.isEmpty()) {
            return Fingerprint.of(tree, path, source, run::check);
          }
          String key = identity.get() + " " + path;
          Fingerprint.Result known = run.builder().fingerprints().get(key);
          if (known == null) {
            known = Fingerprint.of(tree, path, source, run::check);
            run.builder().fingerprints().put(key, known);
          }
          return known;
        });
  }
}
