package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.images.Images;
import dev.gantry.images.LayerCache;
import dev.gantry.oci.Digest;
import dev.gantry.oci.Platform;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/// The caches that a build may take from, read when the first step needs them. Thread-safe.
final class ImportedCache {
  private record Found(CacheSource source, CacheManifest.Record record) {}

  private final List<CacheSource> sources;
  private final List<Platform> platforms;
  private final Cancellation cancellation;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Digest, Found> found = new HashMap<>();
  private boolean isRead;

  ImportedCache(List<CacheSource> sources, List<Platform> platforms, Cancellation cancellation) {
    this.cancellation = cancellation;
    this.sources = sources;
    this.platforms = platforms;
  }

  /// The layer made from `key`; what was fetched is a part of our own cache from then on.
  Optional<LayerCache.Entry> use(
      Digest key,
      List<Digest> below,
      Images images,
      ContentStore.Lease lease,
      BuildProgress progress)
      throws IOException {
    if (sources.isEmpty()) {
      return Optional.empty();
    }
    lock.lock();
    try {
      read(progress);
      Found one = found.get(key);
      if (one == null) {
        return Optional.empty();
      }
      CacheManifest.Record record = one.record();
      try (var _ = waiting(one.source())) {
        one.source().fetch(record.blob(), images.content(), lease);
      }
      return taken(
          key,
          record.diffId(),
          record.blob().digest(),
          record.description(),
          record.created(),
          below,
          images,
          lease);
    } catch (Failure e) {
      cancellation.check();
      found.remove(key);
      progress.warning("a layer of the cache could not be fetched: " + e.text());
      return Optional.empty();
    } finally {
      lock.unlock();
    }
  }

  /// Whether one of the caches says that it has the layer made from `key`.
  boolean has(Digest key, BuildProgress progress) {
    if (sources.isEmpty()) {
      return false;
    }
    lock.lock();
    try {
      read(progress);
      return found.containsKey(key);
    } finally {
      lock.unlock();
    }
  }

  /// The layer that the RUN `text` has made in an image that says no keys.
  ///
  /// @param before the history so far
  Optional<LayerCache.Entry> past(
      Digest key,
      List<PastImage.Step> before,
      String text,
      List<Digest> below,
      Images images,
      ContentStore.Lease lease)
      throws IOException {
    for (CacheSource source : sources) {
      for (PastImage image : source.past()) {
        Optional<PastImage.Layer> found = image.after(before, below, text);
        if (found.isPresent()) {
          PastImage.Layer l = found.get();
          return taken(key, l.diffId(), l.blob(), text, l.created(), below, images, lease);
        }
      }
    }
    return Optional.empty();
  }

  /// A layer whose content is here, as a part of our own cache from now on.
  private static Optional<LayerCache.Entry> taken(
      Digest key,
      Digest diffId,
      Digest blob,
      String text,
      Instant created,
      List<Digest> below,
      Images images,
      ContentStore.Lease lease)
      throws IOException {
    Digest chain = below.isEmpty() ? diffId : Digest.chain(Images.chains(below).getLast(), diffId);
    LayerCache.Entry entry =
        new LayerCache.Entry(chain, diffId, blob, 0, text, created, Instant.now(), 1);
    Optional<Images.Layer> layer = images.cachedLayer(entry, below, lease);
    if (layer.isEmpty()) {
      return Optional.empty();
    }
    LayerCache.Entry sized = entry.withSize(layer.get().size());
    images.cache().put(key, sized);
    return Optional.of(sized);
  }

  private Cancellation.Waiting waiting(CacheSource source) {
    return source.hasOwnConnection() ? cancellation.waiting() : cancellation.waiting(() -> {});
  }

  private void read(BuildProgress progress) {
    if (isRead) {
      return;
    }
    isRead = true;
    for (CacheSource source : sources) {
      try (var _ = waiting(source)) {
        source
            .records(platforms)
            .forEach((key, record) -> found.putIfAbsent(key, new Found(source, record)));
      } catch (IOException | Failure e) {
        String why = e instanceof Failure f ? f.text() : String.valueOf(e.getMessage());
        progress.warning("failed to configure cache importer " + source.name() + ": " + why);
      }
    }
  }
}
