package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.registryclient.Remote;
import dev.gantry.store.ContentStore;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import java.util.function.IntSupplier;

/// Brings layers here: loads, checks, unpacks and stacks them, all at once, each once for all pulls
/// that want it. A layer is unpacked while it is still coming; it becomes visible when both its
/// digests were right and the layers below are there. Thread-safe.
final class LayerLoads {
  /// The layers of one image, the lowest first, and where they are.
  record Stack(Remote remote, List<Descriptor> blobs, List<Digest> diffIds, List<Digest> chains) {
    Stack {
      blobs = List.copyOf(blobs);
      diffIds = List.copyOf(diffIds);
      chains = List.copyOf(chains);
    }
  }

  private final Images images;
  private final Permits downloads;
  private final Permits unpacks = new Permits(() -> Layers.SIDE_BY_SIDE);
  private final Shared<Digest, LayerStep> stacked = new Shared<>("pull-layer");
  private final Shared<Digest, LayerStep> loading = new Shared<>("download");

  LayerLoads(Images images, IntSupplier downloads) {
    this.images = images;
    this.downloads = new Permits(downloads);
  }

  /// Joins or begins the loading of layer `i`; empty if it is here.
  Optional<Shared<Digest, LayerStep>.Handle> join(
      Stack stack, int i, Consumer<LayerStep> listener) {
    Digest chain = stack.chains().get(i);
    if (images.layers().has(chain)) {
      return Optional.empty();
    }
    return Optional.of(stacked.join(chain, listener, tell -> bring(stack, i, tell)));
  }

  private void bring(Stack stack, int i, Consumer<LayerStep> tell)
      throws IOException, InterruptedException {
    if (images.layers().has(stack.chains().get(i))) {
      tell.accept(new LayerStep.Ready());
      return; // another pull was faster
    }
    Layers.Pending pending =
        unpacked(stack.remote(), stack.blobs().get(i), stack.diffIds().get(i), tell);
    try {
      if (i > 0) {
        try (var below = join(stack, i - 1, step -> {}).orElse(null)) {
          if (below != null) {
            below.await();
          }
        }
      }
      images.layers().commit(pending, stack.diffIds().subList(0, i));
      tell.accept(new LayerStep.Ready());
    } finally {
      images.layers().abandon(pending);
    }
  }

  /// Loads the blob unless it is here, and unpacks it.
  private Layers.Pending unpacked(
      Remote remote, Descriptor blob, Digest diffId, Consumer<LayerStep> tell)
      throws IOException, InterruptedException {
    if (isHere(blob)) {
      tell.accept(new LayerStep.Loaded());
      try {
        return unpack(
            Files.newInputStream(images.content().path(blob.digest())), blob, diffId, tell);
      } catch (Failure e) {
        if (images.content().isIntact(blob.digest())) {
          throw e;
        }
        warnOfDamage(blob.digest());
        images.content().discardDamaged(blob.digest()); // and load it again
      }
    }
    // the blob's own work may have been begun by another layer of the same content
    CompletableFuture<Growing> begun = new CompletableFuture<>();
    try (var handle = loading.join(blob.digest(), tell, t -> download(remote, blob, t, begun))) {
      Growing growing = growing(begun, handle);
      Layers.Pending early = growing == null ? null : early(growing, blob, diffId, tell);
      try {
        handle.await();
      } catch (Failure | InterruptedException e) {
        if (early != null) {
          images.layers().abandon(early);
        }
        throw e;
      }
      if (early != null) {
        return early;
      }
    }
    return unpack(Files.newInputStream(images.content().path(blob.digest())), blob, diffId, tell);
  }

  private static void warnOfDamage(Digest digest) {
    System.getLogger("gantryd")
        .log(System.Logger.Level.WARNING, "content " + digest + " is damaged: loading it again");
  }

  /// Loads a blob without unpacking it.
  void loadAlone(Remote remote, Descriptor blob, Consumer<LayerStep> listener)
      throws InterruptedException {
    CompletableFuture<Growing> begun = new CompletableFuture<>();
    try (var handle =
        loading.join(blob.digest(), listener, t -> download(remote, blob, t, begun))) {
      handle.await();
    }
  }

  boolean isHere(Descriptor blob) {
    ContentStore content = images.content();
    if (!content.contains(blob.digest())) {
      return false;
    }
    if (content.size(blob.digest()) == blob.size()) {
      return true;
    }
    warnOfDamage(blob.digest());
    content.discardDamaged(blob.digest());
    return false;
  }

  /// The growing blob of the work that we began; null if it is another's.
  private static @org.jspecify.annotations.Nullable Growing growing(
      CompletableFuture<Growing> begun, Shared<Digest, LayerStep>.Handle handle)
      throws InterruptedException {
    if (!handle.isFirst()) {
      return null;
    }
    try {
      return begun.get();
    } catch (ExecutionException e) {
      handle.await();
      return null;
    }
  }

  /// Unpacks what is still coming; null if that has to be done again when it is here.
  private Layers.@org.jspecify.annotations.Nullable Pending early(
      Growing growing, Descriptor blob, Digest diffId, Consumer<LayerStep> tell)
      throws InterruptedException {
    try {
      return unpack(growing.follow(), blob, diffId, tell);
    } catch (Failure.TooLarge e) {
      throw e; // no digest will make it smaller
    } catch (IOException | Failure e) {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      return null; // the download says what is wrong, or brings it again
    }
  }

  private Layers.Pending unpack(
      InputStream packed, Descriptor blob, Digest diffId, Consumer<LayerStep> tell)
      throws IOException, InterruptedException {
    try (InputStream in = packed) {
      unpacks.acquire();
      try {
        return images.layers().unpack(new Counted(in, blob.size(), tell), diffId);
      } catch (IOException e) {
        throw new Failure.Internal("failed to register layer: " + e.getMessage(), e);
      } finally {
        unpacks.release();
      }
    }
  }

  private void download(
      Remote remote, Descriptor blob, Consumer<LayerStep> tell, CompletableFuture<Growing> begun)
      throws IOException, InterruptedException {
    try {
      tell.accept(new LayerStep.Waiting());
      downloads.acquire();
      try (ContentStore.Partial partial = images.content().partial(blob.digest())) {
        Growing growing =
            new Growing(
                partial,
                n -> tell.accept(new LayerStep.Loading(n, blob.size())),
                pause -> tell.accept(new LayerStep.Retrying(pause)));
        begun.complete(growing);
        try {
          remote.load(blob, growing);
          tell.accept(new LayerStep.Verifying());
          partial.commitUnsynced();
          growing.completed();
          tell.accept(new LayerStep.Loaded());
        } catch (IOException | RuntimeException e) {
          growing.failed(e);
          throw e;
        }
      } finally {
        downloads.release();
      }
    } catch (IOException | InterruptedException | RuntimeException e) {
      begun.completeExceptionally(e);
      throw e;
    }
  }

  /// Tells how much has been read, once the blob is here.
  private static final class Counted extends FilterInputStream {
    private final long total;
    private final Consumer<LayerStep> tell;
    private long count;

    Counted(InputStream in, long total, Consumer<LayerStep> tell) {
      super(in);
      this.total = total;
      this.tell = tell;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      int n = super.read(bytes, offset, length);
      if (n > 0) {
        count += n;
        tell.accept(new LayerStep.Unpacking(count, total));
      }
      return n;
    }
  }
}
