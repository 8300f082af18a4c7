package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import dev.gantry.registryclient.Credentials;
import dev.gantry.registryclient.Registries;
import dev.gantry.registryclient.RegistryOptions;
import dev.gantry.registryclient.Remote;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// Images to and from registries: pulls and pushes that share what they can. Thread-safe.
public final class Transfers {
  private final Images images;
  private final Registries registries;
  private final LayerLoads loads;
  private final Permits uploads;

  public Transfers(Images images, Registries registries, Supplier<RegistryOptions> options) {
    this.images = images;
    this.registries = registries;
    this.loads = new LayerLoads(images, () -> options.get().downloads());
    this.uploads = new Permits(() -> options.get().uploads());
  }

  public Registries registries() {
    return registries;
  }

  /// Pulls one image.
  ///
  /// @param reference with a tag or a digest
  /// @return the image
  /// @throws Failure.NotFound if there is none; before any progress then
  public Image pull(
      ImageReference reference,
      Optional<Platform> platform,
      Credentials credentials,
      TransferProgress progress) {
    Remote remote = registries.toRead(reference, credentials);
    return pull(reference, remote, platform, reference.familiar(), progress).image();
  }

  private PullImage.Pulled pull(
      ImageReference reference,
      Remote remote,
      Optional<Platform> platform,
      String name,
      TransferProgress progress) {
    PullImage pull =
        new PullImage(images, loads, reference, remote, platform.orElse(null), progress);
    PullImage.Pulled pulled = pull.run();
    status(pulled.newer(), name, progress);
    pull.warnOfPlatform(pulled.image());
    return pulled;
  }

  private static void status(boolean newer, String name, TransferProgress progress) {
    progress.line(
        (newer ? "Status: Downloaded newer image for " : "Status: Image is up to date for ")
            + name);
  }

  /// Pulls all tags of a repository.
  public List<Image> pullAll(
      ImageReference repository,
      Optional<Platform> platform,
      Credentials credentials,
      TransferProgress progress) {
    Remote remote = registries.toRead(repository, credentials);
    boolean newer = false;
    List<Image> pulled = new java.util.ArrayList<>();
    for (String tag : remote.tags()) {
      PullImage.Pulled one =
          new PullImage(
                  images, loads, repository.withTag(tag), remote, platform.orElse(null), progress)
              .run();
      newer |= one.newer();
      pulled.add(one.image());
    }
    if (pulled.isEmpty()) {
      throw new Failure.NotFound("no tags in repository " + repository.familiarName());
    }
    status(newer, repository.familiarName(), progress);
    return pulled;
  }

  /// Pushes all platforms of a name that are here.
  ///
  /// @param first the image that stands for it
  /// @param reference with a tag
  public void pushAll(
      Image first, ImageReference reference, Credentials credentials, TransferProgress progress) {
    new PushImage(images, uploads, reference, registries.toWrite(reference, credentials), progress)
        .runAll(first);
  }

  /// Pushes what was just made and has no name here.
  ///
  /// @param root its index, or the manifest of `image`
  /// @param reference the repository
  /// @param tag that shall point to it; empty for none, it is known by its digest then
  public void pushMade(
      Image image, Descriptor root, ImageReference reference, Optional<String> tag, Remote remote) {
    new PushImage(images, uploads, reference, remote, TransferProgress.NONE)
        .runMade(image, root, tag.orElseGet(() -> root.digest().toString()));
  }

  /// Pushes an image, alone, under one name.
  ///
  /// @param reference with a tag
  public void push(
      Image image, ImageReference reference, Credentials credentials, TransferProgress progress) {
    new PushImage(images, uploads, reference, registries.toWrite(reference, credentials), progress)
        .run(image);
  }
}
