package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.base.TaskScope;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.MediaTypes;
import dev.gantry.registryclient.BlobSource;
import dev.gantry.registryclient.Remote;
import dev.gantry.store.ContentStore;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Sends one image to a registry: the layers that it has not, side by side, then the configuration,
/// and the manifest last, which makes it visible there.
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

  void run(Image image) {
    try (ContentStore.Lease lease = images.content().lease()) {
      image.diffIds().reversed().forEach(d -> progress.step(d.shortHex(), "Preparing"));
      byte[] bytes = new PackedLayers(images, lease, progress).manifest(image);
      lease.hold(Digest.of(bytes));
      Manifest manifest = (Manifest) ManifestDocument.parse(bytes, "");
      sendLayers(image, manifest);
      send(manifest.config(), "");
      String tag = reference.tagIfAny().orElse("latest");
      remote.putManifest(tag, manifest.mediaType(), bytes);
      Digest digest = Digest.of(bytes);
      images.setManifest(images.require(image.id().toString()), bytes);
      images.tag(
          image.id(), new ImageReference(reference.domain(), reference.path(), null, digest));
      progress.line(tag + ": digest: " + digest + " size: " + bytes.length);
      progress.pushed(tag, digest.toString(), bytes.length);
    } catch (IOException e) {
      throw new Failure.Internal(
          "could not read " + reference.familiar() + ": " + e.getMessage(), e);
    }
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
        tell(id, "Layer already exists");
        return true;
      }
      for (String from : sources(blob.digest())) {
        if (remote.mount(blob.digest(), from)) {
          tell(id, "Mounted from " + from);
          return true;
        }
      }
      remote.upload(new FromStore(blob, id));
      tell(id, "Pushed");
      return true;
    } finally {
      uploads.release();
    }
  }

  private void tell(String id, String status) {
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

  private final class FromStore implements BlobSource {
    private final Descriptor blob;
    private final String id;

    FromStore(Descriptor blob, String id) {
      this.blob = blob;
      this.id = id;
    }

    @Override
    public Digest digest() {
      return blob.digest();
    }

    @Override
    public long length() {
      return blob.size();
    }

    @Override
    public void waiting(Duration pause) {
      tell(id, "Retrying in " + Math.max(1, pause.toSeconds()) + " seconds");
    }

    @Override
    public InputStream open(long from, long length) throws IOException {
      FileChannel file =
          FileChannel.open(images.content().path(blob.digest()), StandardOpenOption.READ);
      file.position(from);
      return new FilterInputStream(Channels.newInputStream(file)) {
        private long at = from;

        @Override
        public int read(byte[] bytes, int offset, int wanted) throws IOException {
          long left = from + length - at;
          if (left == 0) {
            return -1;
          }
          int n = super.read(bytes, offset, (int) Math.min(wanted, left));
          if (n > 0) {
            at += n;
            if (!id.isEmpty()) {
              progress.bar(id, "Pushing", at, blob.size());
            }
          }
          return n;
        }
      };
    }
  }
}
