package dev.gantry.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GarbageCollectionTest {
  private static final RepositoryName NAME = new RepositoryName("a/b");
  private static final Duration DAY = Duration.ofDays(1);

  private static final class Parts {
    final FileStorage storage;
    final Blobs blobs;
    final Manifests manifests;
    final Uploads uploads;
    final GarbageCollection collection;

    Parts(Path folder, InstantSource clock, Duration grace) throws IOException {
      storage = FileStorage.open(folder, Optional.empty());
      Gate gate = new Gate();
      Quotas quotas = new Quotas(storage, n -> OptionalLong.empty());
      blobs = new Blobs(storage, gate, quotas, clock);
      manifests = new Manifests(storage, gate, blobs, quotas, new Catalog(storage), clock);
      uploads = new Uploads(storage, blobs, quotas, clock, n -> {});
      collection =
          new GarbageCollection(storage, gate, blobs, manifests, uploads, grace, DAY, clock);
    }

    ContentDigest push(RepositoryName name, byte[] bytes) throws IOException {
      ContentDigest digest = ContentDigest.of(bytes);
      uploads
          .begin(name, "sha256")
          .finish(new ByteArrayInputStream(bytes), bytes.length, Optional.empty(), digest);
      return digest;
    }

    byte[] pushImage(RepositoryName name, String tag) throws IOException {
      byte[] config = Serving.bytes(20);
      byte[] layer = Serving.bytes(200);
      push(name, config);
      push(name, layer);
      byte[] bytes = Serving.manifest(config, layer);
      manifests.put(
          name,
          Manifest.parse(MediaTypes.OCI_MANIFEST, bytes),
          ContentDigest.of(bytes),
          List.of(new Reference.Tag(tag)),
          (n, t) -> false,
          Manifests.Demand.COMPLETE);
      return bytes;
    }

    boolean has(RepositoryName name, String digest) throws IOException {
      return blobs.size(name, ContentDigest.parse(digest)).isPresent();
    }
  }

  @TempDir Path folder;
  private final AtomicReference<Instant> now = new AtomicReference<>(Instant.now());
  private Parts parts;

  @BeforeEach
  void open() throws IOException {
    parts = new Parts(folder, now::get, DAY);
  }

  @AfterEach
  void close() throws IOException {
    parts.storage.close();
  }

  private void later(Duration time) {
    now.updateAndGet(t -> t.plus(time));
  }

  @Test
  void keepsWhatManifestsNeed() throws IOException {
    byte[] manifest = parts.pushImage(NAME, "1");
    later(DAY.multipliedBy(3));
    assertEquals(new GarbageCollection.Result(0, 0, 0, 0), parts.collection.run());
    assertTrue(parts.has(NAME, Serving.layer(manifest)));
  }

  /// A cache as BuildKit writes it with `image-manifest=false`.
  @Test
  void keepsLayersThatAnIndexListsItself() throws IOException {
    ContentDigest layer = parts.push(NAME, Serving.bytes(100));
    String index =
        "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":100}]}";
    String type = "application/vnd.oci.image.layer.v1.tar+gzip";
    put(index.formatted(MediaTypes.OCI_INDEX, type, layer));
    later(DAY.multipliedBy(3));
    assertEquals(new GarbageCollection.Result(0, 0, 0, 0), parts.collection.run());
    assertTrue(parts.has(NAME, layer.toString()));
    String other = "sha256:" + "0".repeat(64);
    assertThrows(
        RegistryError.class, () -> put(index.formatted(MediaTypes.OCI_INDEX, type, other)));
  }

  private void put(String index) throws IOException {
    byte[] bytes = index.getBytes(StandardCharsets.UTF_8);
    parts.manifests.put(
        NAME,
        Manifest.parse(MediaTypes.OCI_INDEX, bytes),
        ContentDigest.of(bytes),
        List.of(new Reference.Tag("cache")),
        (n, t) -> false,
        Manifests.Demand.COMPLETE);
  }

  @Test
  void leavesFreshContentAlone() throws IOException {
    ContentDigest digest = parts.push(NAME, Serving.bytes(100));
    assertEquals(0, parts.collection.run().blobs());
    assertTrue(parts.has(NAME, digest.toString()));
  }

  @Test
  void removesWhatNothingNeeds() throws IOException {
    ContentDigest digest = parts.push(NAME, Serving.bytes(100));
    byte[] manifest = parts.pushImage(NAME, "1");
    byte[] kept = parts.pushImage(NAME, "2");
    parts.manifests.remove(NAME, ContentDigest.of(manifest), (n, t) -> false);
    later(DAY.multipliedBy(2));
    assertEquals(new GarbageCollection.Result(3, 3, 320, 0), parts.collection.run());
    assertFalse(parts.has(NAME, digest.toString()));
    assertTrue(parts.has(NAME, Serving.layer(kept)));
  }

  @Test
  void keepsBytesThatAnotherRepositoryNeeds() throws IOException {
    byte[] manifest = parts.pushImage(NAME, "1");
    RepositoryName other = new RepositoryName("other");
    ContentDigest layer = ContentDigest.parse(Serving.layer(manifest));
    assertTrue(parts.blobs.mount(other, layer));
    later(DAY.multipliedBy(2));
    assertEquals(new GarbageCollection.Result(1, 0, 0, 0), parts.collection.run());
    assertFalse(parts.has(other, layer.toString()));
    assertTrue(parts.has(NAME, layer.toString()));
  }

  @Test
  void endsForgottenUploads() throws IOException {
    String id = parts.uploads.begin(NAME, "sha256").id();
    later(DAY.multipliedBy(2));
    assertEquals(1, parts.collection.run().uploads());
    assertTrue(parts.storage.stat(Keys.data(id)).isEmpty());
    assertEquals(0, parts.uploads.count());
  }

  @Test
  void damagedManifestsKeepTheirRepositorysBlobs() throws IOException {
    byte[] manifest = parts.pushImage(NAME, "1");
    parts.storage.write(
        Keys.manifest(NAME, ContentDigest.of(manifest)),
        "damaged".getBytes(StandardCharsets.UTF_8));
    later(DAY.multipliedBy(2));
    assertEquals(0, parts.collection.run().links());
  }

  /// No image that was acknowledged loses a blob, though the collection with no grace at all runs
  /// again and again and other manifests with the same layers come and go.
  @Test
  void pushesWinAgainstTheCollection() throws Exception {
    parts.storage.close();
    parts = new Parts(folder, InstantSource.system(), Duration.ofMillis(-1000));
    AtomicBoolean ended = new AtomicBoolean();
    byte[] shared = Serving.bytes(1000);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<?> collector =
          threads.submit(
              () -> {
                while (!ended.get()) {
                  parts.collection.run();
                }
                return null;
              });
      Callable<Integer> pusher =
          () -> {
            int acknowledged = 0;
            for (int i = 0; i < 60; i++) {
              RepositoryName name = new RepositoryName("r" + i % 3);
              byte[] config = Serving.bytes(20);
              byte[] bytes = Serving.manifest(config, shared);
              try {
                parts.push(name, config);
                parts.push(name, shared);
                parts.manifests.put(
                    name,
                    Manifest.parse(MediaTypes.OCI_MANIFEST, bytes),
                    ContentDigest.of(bytes),
                    List.of(),
                    (n, t) -> false,
                    Manifests.Demand.COMPLETE);
              } catch (RegistryError e) {
                continue; // collected between push and manifest: told so, and the client tries
                // again
              }
              acknowledged++;
              assertTrue(parts.has(name, ContentDigest.of(config).toString()));
              assertTrue(parts.has(name, ContentDigest.of(shared).toString()));
              parts.manifests.remove(name, ContentDigest.of(bytes), (n, t) -> false);
            }
            return acknowledged;
          };
      List<Future<Integer>> pushers = List.of(threads.submit(pusher), threads.submit(pusher));
      try {
        for (Future<Integer> each : pushers) {
          assertTrue(each.get() >= 0);
        }
      } finally {
        ended.set(true);
      }
      collector.get();
    }
  }
}
