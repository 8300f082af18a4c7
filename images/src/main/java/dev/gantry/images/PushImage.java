package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.base.TaskScope;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.MediaTypes;
import dev.gantry.oci.Platform;
import dev.gantry.registryclient.Remote;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// Sends one image to a registry, or all platforms of one: the layers that it has not, side by
/// side, then the configuration, and the manifest last, which makes it visible there; of several
/// platforms the manifests by their digests, and their index last.
final class PushImage {
  private static final int MAX_SOURCES = 4;

  private final Images images;
  private final Permits uploads;
  private final ImageReference reference;
  private final Remote remote;
  private final TransferProgress progress;

  PushImage(
      Images images,
      Permits uploads,
      ImageReference reference,
      Remote remote,
      TransferProgress progress) {
    this.images = images;
    this.uploads = uploads;
    this.reference = reference;
    this.remote = remote;
    this.progress = progress;
  }

  /// Sends `image`, as what the name stands for in the registry.
  void run(Image image) {
    sending(
        lease -> {
          Digest digest = send(image, tag(), lease);
          images.tag(image.id(), named(digest));
        });
  }

  /// Sends every platform of the name, with its index. Of what is not here the repository must have
  /// the rest: a smaller index under the same name would take the other platforms from everybody.
  /// Where only one platform is here, that one is sent, without an index.
  void runAll(Image first) {
    List<Descriptor> missing = new ArrayList<>();
    boolean alone = images.platforms(reference.toString()).size() == 1;
    Optional<LocalIndex> local =
        LocalIndex.of(
            images,
            reference,
            d -> {
              boolean known = alone && !missing.isEmpty(); // one that is missing decides it
              boolean there = !known && remote.hasManifest(d.digest());
              if (!there) {
                missing.add(d);
              }
              return there;
            });
    if (local.isEmpty()) {
      run(first);
      return;
    }
    LocalIndex index = local.get();
    List<Platform> platforms =
        missing.stream()
            .flatMap(d -> d.platformIfAny().stream())
            .filter(p -> !p.os().equals("unknown")) // attestations, which no pull brings
            .toList();
    if (!platforms.isEmpty() && index.images().size() > 1) {
      throw incomplete(platforms);
    }
    if (!index.isWhole() && index.images().size() == 1) {
      progress.line(
          "Of "
              + reference.familiar()
              + " only "
              + first.platform()
              + " is here: its manifest is pushed alone, without the index");
      run(first);
      return;
    }
    sending(
        lease -> {
          send(index, tag(), lease);
          if (index.isWhole()) {
            images.tag(reference.toString(), named(index.digest()));
          }
        });
  }

  /// Sends what was just made and has no name here.
  ///
  /// @param root its index, or the manifest of `image`
  /// @param tag that shall point to it; its digest, for none
  void runMade(Image image, Descriptor root, String tag) {
    Optional<LocalIndex> index =
        images.content().read(root.digest()).flatMap(d -> LocalIndex.of(images, d));
    sending(
        lease -> {
          if (index.isPresent()) {
            send(index.get(), tag, lease);
          } else {
            Digest _ = send(image, tag, lease);
          }
        });
  }

  private void send(LocalIndex index, String tag, ContentStore.Lease lease) throws IOException {
    for (Image image : index.images()) {
      Digest _ = send(image, "", lease);
    }
    for (Attachments.Attachment attachment : index.attachments()) {
      lease.hold(attachment.descriptor().digest());
      attachment.blobs().forEach(blob -> send(blob, ""));
      remote.putManifest(
          attachment.descriptor().digest().toString(),
          attachment.manifest().mediaType(),
          attachment.bytes());
    }
    if (!index.isWhole()) {
      progress.line("The index is pushed without the attestations that are not here");
    }
    remote.putManifest(tag, index.mediaType(), index.bytes());
    tell(tag, index.bytes());
  }

  private Failure incomplete(List<Platform> missing) {
    String name = reference.familiar();
    return new Failure.NotFound(
        "cannot push "
            + name
            + ": its index lists platforms that are neither here nor in the repository: "
            + missing.stream().map(Platform::toString).collect(Collectors.joining(", "))
            + "; pull them first, or push one platform alone, with --platform");
  }

  @FunctionalInterface
  private interface Sending {
    void run(ContentStore.Lease lease) throws IOException;
  }

  private void sending(Sending work) {
    try (ContentStore.Lease lease = images.content().lease()) {
      work.run(lease);
    } catch (IOException e) {
      throw new Failure.Internal(
          "could not read " + reference.familiar() + ": " + e.getMessage(), e);
    }
  }

  private String tag() {
    return reference.tagIfAny().orElse("latest");
  }

  private ImageReference named(Digest digest) {
    return new ImageReference(reference.domain(), reference.path(), null, digest);
  }

  private void tell(String tag, byte[] manifest) {
    Digest digest = Digest.of(manifest);
    progress.line(tag + ": digest: " + digest + " size: " + manifest.length);
    progress.pushed(tag, digest.toString(), manifest.length);
  }

  /// @param tag that shall point to it; empty for none
  private Digest send(Image image, String tag, ContentStore.Lease lease) throws IOException {
    image.diffIds().reversed().forEach(d -> progress.step(d.shortHex(), "Preparing"));
    byte[] bytes = new PackedLayers(images, lease, progress).manifest(image);
    Digest digest = Digest.of(bytes);
    lease.hold(digest);
    Manifest manifest = (Manifest) ManifestDocument.parse(bytes, "");
    sendLayers(image, manifest);
    send(manifest.config(), "");
    remote.putManifest(tag.isEmpty() ? digest.toString() : tag, manifest.mediaType(), bytes);
    images.setManifest(images.require(image.id().toString()), bytes);
    if (!tag.isEmpty()) {
      tell(tag, bytes);
    }
    return digest;
  }

  private void sendLayers(Image image, Manifest manifest) {
    List<Descriptor> layers = manifest.layers();
    Set<Digest> begun = new HashSet<>();
    try (TaskScope scope = TaskScope.open("push", Math.max(1, layers.size()))) {
      for (int i = layers.size() - 1; i >= 0; i--) {
        Descriptor layer = layers.get(i);
        String id = image.diffIds().get(i).shortHex();
        if (MediaTypes.isForeign(layer.mediaType())) {
          progress.step(id, "Skipped foreign layer");
        } else if (begun.add(layer.digest())) {
          scope.fork(() -> send(layer, id));
        }
      }
      scope.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("the push of " + reference.familiar() + " was cancelled");
    }
  }

  /// @param id of the layer in the progress; empty for what has no line there
  private boolean send(Descriptor blob, String id) {
    try {
      uploads.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("the push of " + reference.familiar() + " was cancelled");
    }
    try {
      if (remote.has(blob.digest())) {
        step(id, "Layer already exists");
        return true;
      }
      for (String from : sources(blob.digest())) {
        if (remote.mount(blob.digest(), from)) {
          step(id, "Mounted from " + from);
          return true;
        }
      }
      try (BegunUploads.Hold hold = images.uploads().hold(reference, blob.digest())) {
        remote.upload(new WatchedBlob(blob, id, hold));
        hold.ended();
      }
      step(id, "Pushed");
      return true;
    } finally {
      uploads.release();
    }
  }

  private void step(String id, String status) {
    if (!id.isEmpty()) {
      progress.step(id, status);
    }
  }

  /// Repositories of the same registry that are known to have the blob: their images came from
  /// there or went there.
  private List<String> sources(Digest blob) {
    return images.list().stream()
        .filter(i -> i.layers().contains(blob))
        .flatMap(i -> i.digestReferences().stream())
        .filter(r -> r.domain().equals(reference.domain()) && !r.path().equals(reference.path()))
        .map(ImageReference::path)
        .distinct()
        .limit(MAX_SOURCES)
        .toList();
  }

  /// Tells the progress of a blob; nobody watches one without a line of its own.
  private final class WatchedBlob extends StoredBlob {
    private final Descriptor blob;
    private final String id;
    private final BegunUploads.Hold hold;

    WatchedBlob(Descriptor blob, String id, BegunUploads.Hold hold) {
      super(images.content(), blob);
      this.blob = blob;
      this.id = id;
      this.hold = hold;
    }

    @Override
    public Optional<URI> begun() {
      return hold.location();
    }

    @Override
    public void uploading(URI location) {
      hold.at(location);
    }

    @Override
    public void waiting(Duration pause) {
      step(id, "Retrying in " + Math.max(1, pause.toSeconds()) + " seconds");
    }

    @Override
    void read(long at) {
      if (!id.isEmpty()) {
        progress.bar(id, "Pushing", at, blob.size());
      }
    }
  }
}
