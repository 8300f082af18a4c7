package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.MediaTypes;
import dev.gantry.oci.Platform;
import dev.gantry.registryclient.Fetched;
import dev.gantry.registryclient.Remote;
import dev.gantry.store.ContentStore;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Brings one image from a registry: manifest, configuration, layers; then, and only then, the name
/// points to it. What a pull that ends early has loaded stays for the next one, out of sight.
final class PullImage {
  private static final int MAX_CONFIG = 4 << 20; // as JSON in memory it may take 30 times that
  private static final int MAX_LAYERS = 500;

  private final Images images;
  private final LayerLoads loads;
  private final ImageReference reference;
  private final Remote remote;
  private final @Nullable Platform platform;
  private final TransferProgress progress;

  PullImage(
      Images images,
      LayerLoads loads,
      ImageReference reference,
      Remote remote,
      @Nullable Platform platform,
      TransferProgress progress) {
    this.images = images;
    this.loads = loads;
    this.reference = reference;
    this.remote = remote;
    this.platform = platform;
    this.progress = progress;
  }

  /// What came.
  ///
  /// @param newer false if the name pointed there already
  record Pulled(Image image, boolean newer) {}

  /// @throws Failure.NotFound with Docker's texts if there is no such image or platform
  Pulled run() {
    Fetched top = fetch();
    String id = reference.digestIfAny().isPresent() ? reference.toString() : tag();
    progress.line(id, "Pulling from " + reference.path());
    try (ContentStore.Lease lease = images.content().lease()) {
      lease.hold(top.digest());
      Fetched own = select(top);
      lease.hold(own.digest());
      Manifest manifest = imageManifest(own);
      manifest.layers().forEach(l -> lease.hold(l.digest()));
      lease.hold(manifest.config().digest());
      byte[] config = remote.blob(manifest.config(), MAX_CONFIG);
      List<Digest> diffIds = diffIds(config, manifest);
      Images.hold(Images.chains(diffIds), lease);
      ImageReference byDigest =
          new ImageReference(reference.domain(), reference.path(), null, top.digest());
      List<ImageReference> names =
          reference.digestIfAny().isPresent() ? List.of(byDigest) : List.of(reference, byDigest);
      Digest imageId = images.content().put(config);
      boolean known = names.stream().allMatch(n -> images.isNamed(n, imageId));
      List<Images.Layer> layers = layers(manifest, diffIds, images.byId(imageId).isEmpty());
      Digest manifestDigest = images.content().put(own.bytes());
      Optional<Digest> index =
          own == top ? Optional.empty() : Optional.of(images.content().put(top.bytes()));
      Image image = images.add(config, layers, manifestDigest, names, index);
      progress.line("Digest: " + top.digest());
      return new Pulled(image, !known);
    }
  }

  private String tag() {
    return reference.tagIfAny().orElse("latest");
  }

  private Fetched fetch() {
    String wanted = reference.digestIfAny().map(Digest::toString).orElseGet(this::tag);
    try {
      return remote.manifest(wanted);
    } catch (Failure.NotFound e) {
      throw new Failure.NotFound(
          "manifest for " + reference.familiar() + " not found: " + e.text());
    } catch (Failure.Unauthorized | Failure.Forbidden e) {
      boolean denied = e.text().startsWith("denied") || e.text().startsWith("unauthorized");
      if (!denied) {
        throw e;
      }
      throw new Failure.NotFound(
          "pull access denied for "
              + reference.familiarName()
              + ", repository does not exist or may require 'docker login': "
              + e.text());
    }
  }

  // ---- manifests

  private Fetched select(Fetched top) {
    ManifestDocument document = parse(top);
    for (int depth = 0; document instanceof ImageIndex index; depth++) {
      Platform wanted = platform == null ? Platform.here() : platform;
      Descriptor chosen =
          index
              .select(wanted)
              .orElseThrow(
                  () ->
                      new Failure.NotFound(
                          "no matching manifest for " + wanted + " in the manifest list entries"));
      if (depth > 3) {
        throw new Failure.InvalidRequest("indexes are nested too deep in " + reference.familiar());
      }
      Fetched next = remote.manifest(chosen.digest().toString());
      if (next.bytes().length != chosen.size()) {
        throw new Failure.Corrupted(
            "the manifest " + chosen.digest() + " has another size than its index says");
      }
      document = parse(next);
      if (!(document instanceof ImageIndex)) {
        return next;
      }
    }
    return top;
  }

  private ManifestDocument parse(Fetched f) {
    if (MediaTypes.isSchema1(f.mediaType())) {
      throw new Failure.Unsupported(
          reference.familiar()
              + " is an image of manifest schema version 1, which no engine of today takes;"
              + " push it again with a present client",
          null,
          null);
    }
    return ManifestDocument.parse(f.bytes(), f.mediaType());
  }

  private Manifest imageManifest(Fetched f) {
    if (!(parse(f) instanceof Manifest manifest)) {
      throw new Failure.InvalidRequest(reference.familiar() + " is no image");
    }
    String type = manifest.config().mediaType();
    boolean artifact = !manifest.artifactType().isEmpty() || !isConfig(type);
    if (artifact) {
      throw new Failure.Unsupported(
          reference.familiar()
              + " is no image to run but an artifact of type "
              + (manifest.artifactType().isEmpty() ? type : manifest.artifactType()),
          null,
          null);
    }
    for (Descriptor layer : manifest.layers()) {
      if (!MediaTypes.isLayer(layer.mediaType())) {
        throw new Failure.Unsupported(
            "a layer of " + reference.familiar() + " has the unknown type " + layer.mediaType(),
            null,
            null);
      }
    }
    if (manifest.layers().size() > MAX_LAYERS) {
      throw new Failure.TooLarge(
          reference.familiar() + " has " + manifest.layers().size() + " layers");
    }
    return manifest;
  }

  private static boolean isConfig(String type) {
    return type.isEmpty()
        || type.equals(MediaTypes.CONFIG)
        || type.equals(MediaTypes.DOCKER_CONFIG)
        || type.equals("application/octet-stream"); // some old builders
  }

  private List<Digest> diffIds(byte[] config, Manifest manifest) {
    try {
      Json.JsonObject json = Json.parseObject(new String(config, StandardCharsets.UTF_8));
      String os = json.string("os", "linux");
      if (!os.isEmpty() && !os.equals("linux")) {
        throw new Failure.Unsupported(
            "image operating system \"" + os + "\" cannot be used on this platform", null, null);
      }
      List<Digest> diffIds =
          json.object("rootfs").map(r -> r.strings("diff_ids")).orElse(List.of()).stream()
              .map(Digest::parse)
              .toList();
      if (diffIds.size() != manifest.layers().size()) {
        throw new Failure.InvalidRequest(
            "the configuration of "
                + reference.familiar()
                + " names "
                + diffIds.size()
                + " layers, its manifest "
                + manifest.layers().size());
      }
      return diffIds;
    } catch (JsonException e) {
      throw new Failure.InvalidRequest(
          "the configuration of " + reference.familiar() + " is not valid: " + e.getMessage(),
          null,
          e);
    }
  }

  // ---- layers

  private List<Images.Layer> layers(Manifest manifest, List<Digest> diffIds, boolean tellAll) {
    List<Digest> chains = Images.chains(diffIds);
    LayerLoads.Stack stack = new LayerLoads.Stack(remote, manifest.layers(), diffIds, chains);
    List<Shared<Digest, LayerStep>.Handle> handles = new ArrayList<>();
    try {
      announce(manifest, chains, tellAll);
      for (int i = 0; i < chains.size(); i++) {
        loads.join(stack, i, teller(manifest.layers().get(i))).ifPresent(handles::add);
      }
      for (Shared<Digest, LayerStep>.Handle handle : handles) {
        handle.await();
      }
      List<Images.Layer> layers = new ArrayList<>();
      for (int i = 0; i < chains.size(); i++) {
        layers.add(
            new Images.Layer(
                diffIds.get(i),
                manifest.layers().get(i).digest(),
                images.layers().size(chains.get(i)).orElse(0L)));
      }
      loadMissing(manifest);
      return layers;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("the pull of " + reference.familiar() + " was cancelled");
    } finally {
      handles.reversed().forEach(Shared.Handle::close);
    }
  }

  private void announce(Manifest manifest, List<Digest> chains, boolean tellAll) {
    for (int i = 0; i < chains.size(); i++) {
      boolean here = images.layers().has(chains.get(i));
      String id = manifest.layers().get(i).digest().shortHex();
      if (!here || tellAll) {
        progress.step(id, here ? "Already exists" : "Pulling fs layer");
      }
    }
  }

  /// Unpacked layers whose packed content is not here (another registry packs it otherwise): an
  /// image keeps all of its own.
  private void loadMissing(Manifest manifest) throws InterruptedException {
    for (Descriptor layer : manifest.layers()) {
      if (!loads.isHere(layer)) {
        loads.loadAlone(remote, layer, teller(layer));
      }
    }
  }

  /// Docker's clients show one state a layer: unpacking counts when loading has ended.
  private Consumer<LayerStep> teller(Descriptor layer) {
    String id = layer.digest().shortHex();
    AtomicBoolean loaded = new AtomicBoolean();
    return step -> {
      if (step instanceof LayerStep.Loaded) {
        loaded.set(true);
      }
      if (loaded.get() || !(step instanceof LayerStep.Unpacking)) {
        step.tell(progress, id);
      }
    };
  }

  /// The registry has only an image for another platform than the one asked for.
  void warnOfPlatform(Image image) {
    if (platform != null && platform.match(image.platform()) == 0) {
      progress.line(
          "WARNING: image with reference "
              + reference.familiar()
              + " was found but its platform ("
              + image.platform()
              + ") does not match the specified platform ("
              + platform
              + ")");
    }
  }
}
