package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.store.ContentStore;
import dev.gantry.store.Journal;
import dev.gantry.store.Journal.Change;
import dev.gantry.store.Snapshots;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The unpacked layers, by chain id. Thread-safe.
///
/// Unpacking is in two steps, so that the layers of an image are unpacked side by side: [#unpack]
/// makes a folder of the layer alone, [#commit] puts it on the layers below. The folders are not
/// synced one by one: the journal's table `layers` says in which boot of the machine a layer was
/// unpacked until a sync of the file system has covered it. A layer of an earlier boot that no sync
/// covered counts as absent and is unpacked again from its content.
final class Layers {
  private static final String TABLE = "layers";
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

  /// Layers unpacked at a time, by pulls and as many by all others: each has buffers of its own,
  /// and disks seldom gain by more.
  static final int SIDE_BY_SIDE = Math.min(8, Runtime.getRuntime().availableProcessors());

  /// A layer that has been unpacked into a folder that is not yet visible.
  ///
  /// @param size bytes of its files
  /// @param disk bytes that they take on the disk
  record Pending(Path folder, Digest diffId, long size, long disk, List<String> implicit) {}

  private final Journal journal;
  private final Snapshots snapshots;
  private final String boot = bootId();

  // of layers that are here; one that is still coming keeps nobody else waiting
  private final Permits permits = new Permits(() -> SIDE_BY_SIDE);

  Layers(Journal journal, Snapshots snapshots) {
    this.journal = journal;
    this.snapshots = snapshots;
  }

  private static String bootId() {
    try {
      return Files.readString(BOOT_ID).strip();
    } catch (IOException e) {
      return "unknown";
    }
  }

  /// Bytes of the layer's files; empty if it is not here or not whole.
  Optional<Long> size(Digest chain) {
    return journal
        .get(TABLE, chain.toString())
        .filter(r -> r.string("Boot").map(boot::equals).orElse(true))
        .filter(r -> snapshots.hasLayer(chain))
        .map(r -> r.number("Size", 0));
  }

  /// Bytes that all layers take on the disk.
  long disk() {
    return journal.table(TABLE).values().stream().mapToLong(Layers::disk).sum();
  }

  /// Bytes that one layer takes on the disk.
  long disk(Digest chain) {
    return journal.get(TABLE, chain.toString()).map(Layers::disk).orElse(0L);
  }

  private static long disk(Json.JsonObject layer) {
    return layer.number("Disk", layer.number("Size", 0));
  }

  boolean has(Digest chain) {
    return size(chain).isPresent();
  }

  /// Unpacks a layer, packed in any way, into a new folder.
  ///
  /// @param expected the diff id that the image's configuration claims
  /// @throws Failure.InvalidRequest if the layer is no valid archive or another one
  Pending unpack(InputStream packed, @Nullable Digest expected) throws IOException {
    Path folder = snapshots.newLayer();
    try {
      MessageDigest hasher = Digest.hasher();
      BufferedInputStream raw = new BufferedInputStream(packed, 128 * 1024);
      LayerUnpacker.Unpacked unpacked;
      try (InputStream plain = new ReadAhead(Compression.of(raw).unpack(raw), "unpack");
          DigestInputStream tar = new DigestInputStream(plain, hasher)) {
        unpacked = LayerUnpacker.unpack(tar, folder);
      }
      Digest diffId = Digest.of(hasher);
      if (expected != null && !expected.equals(diffId)) {
        throw new Failure.InvalidRequest(
            "wrong diff id calculated on extraction: the image says "
                + expected
                + ", its layer is "
                + diffId);
      }
      return new Pending(folder, diffId, unpacked.bytes(), unpacked.disk(), unpacked.implicit());
    } catch (IOException | RuntimeException e) {
      snapshots.discard(folder);
      throw e;
    }
  }

  /// As [#unpack], of a file.
  Pending unpackFile(Path packed, @Nullable Digest expected) throws IOException {
    acquire();
    try (InputStream in = Files.newInputStream(packed)) {
      return unpack(in, expected);
    } finally {
      permits.release();
    }
  }

  /// As [#unpackFile], of a plain tar whose digest was taken when it was written.
  Pending unpackPlain(Path tar, Digest diffId) throws IOException {
    acquire();
    try {
      return plain(tar, diffId);
    } finally {
      permits.release();
    }
  }

  private Pending plain(Path tar, Digest diffId) throws IOException {
    Path folder = snapshots.newLayer();
    try (InputStream ahead = new ReadAhead(Files.newInputStream(tar), "unpack")) {
      LayerUnpacker.Unpacked unpacked = LayerUnpacker.unpack(ahead, folder);
      return new Pending(folder, diffId, unpacked.bytes(), unpacked.disk(), unpacked.implicit());
    } catch (IOException | RuntimeException e) {
      snapshots.discard(folder);
      throw e;
    }
  }

  private void acquire() {
    try {
      permits.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while waiting to unpack a layer");
    }
  }

  /// Makes the layer visible on top of the layers `below` (diff ids, the lowest first), which must
  /// be here. The folder is used up, also by a failure.
  synchronized Digest commit(Pending layer, List<Digest> below) {
    try {
      Digest chain = layer.diffId();
      if (!below.isEmpty()) {
        chain = Digest.chain(Images.chains(below).getLast(), layer.diffId());
        inherit(layer, snapshots.lowers(below));
      }
      if (!has(chain)) {
        snapshots.removeLayer(chain); // what an earlier boot has left
        snapshots.commitLayer(layer.folder(), chain);
        journal.note(
            Change.put(
                TABLE,
                chain.toString(),
                Json.object()
                    .put("Size", layer.size())
                    .put("Disk", layer.disk())
                    .put("Boot", boot)));
      }
      return chain;
    } catch (Errno e) {
      throw new Failure.Internal("could not finish a layer: " + e.getMessage(), e);
    } finally {
      snapshots.discard(layer.folder());
    }
  }

  /// A folder that the layer only passes through looks as it does below: overlayfs shows the
  /// uppermost one's owner and mode.
  private static void inherit(Pending layer, List<Path> lowers) throws Errno {
    if (layer.implicit().isEmpty()) {
      return;
    }
    try (Tree own = Tree.open(layer.folder().toString())) {
      for (String path : layer.implicit()) {
        Optional<Tree.Status> below = lookBelow(path, lowers);
        if (below.isPresent() && below.get().isDirectory()) {
          Tree.Status s = below.get();
          own.setOwner(path, s.uid(), s.gid());
          own.setMode(path, s.mode());
          own.setTime(path, s.seconds(), s.nanos());
        }
      }
    }
  }

  private static Optional<Tree.Status> lookBelow(String path, List<Path> lowers) throws Errno {
    for (Path lower : lowers) {
      try (Tree tree = Tree.open(lower.toString())) {
        Optional<Tree.Status> status = tree.status(path);
        if (status.isPresent()) {
          return status;
        }
      }
    }
    return Optional.empty();
  }

  void abandon(Pending layer) {
    snapshots.discard(layer.folder());
  }

  /// Syncs, in the background, the layers that no sync has covered yet.
  void settle(List<Digest> chains) {
    List<Digest> unsynced =
        chains.stream()
            .filter(c -> journal.get(TABLE, c.toString()).map(r -> r.has("Boot")).orElse(false))
            .toList();
    if (unsynced.isEmpty()) {
      return;
    }
    Thread.ofPlatform().daemon().name("sync-layers").start(() -> sync(unsynced));
  }

  private void sync(List<Digest> chains) {
    try (Fd fd = Fd.open(snapshots.layer(chains.getFirst()).toString(), Fd.O_RDONLY)) {
      fd.syncFileSystem();
      chains.forEach(this::unmark);
    } catch (Errno | Failure.Internal e) {
      return; // they stay marked: the worst is that they are unpacked again
    }
  }

  private void unmark(Digest chain) {
    journal
        .get(TABLE, chain.toString())
        .map(
            r ->
                Json.object()
                    .put("Size", r.number("Size", 0))
                    .put("Disk", r.number("Disk", r.number("Size", 0))))
        .ifPresent(r -> journal.note(Change.put(TABLE, chain.toString(), r)));
  }

  /// Forgets the records of layers that are not `wanted` and whose folders are gone.
  void forgetOthers(Set<Digest> wanted) {
    others(wanted).forEach(c -> journal.note(Change.remove(TABLE, c.toString())));
  }

  /// Removes the layers that are not `wanted`.
  synchronized void removeOthers(Set<Digest> wanted, ContentStore.Sweep sweep) {
    for (Digest chain : others(wanted)) {
      boolean ignored = sweep.run(chain, () -> remove(chain));
    }
  }

  private List<Digest> others(Set<Digest> wanted) {
    return journal.table(TABLE).keySet().stream()
        .map(Digest::parse)
        .filter(c -> !wanted.contains(c))
        .toList();
  }

  void remove(Digest chain) {
    journal.note(Change.remove(TABLE, chain.toString()));
    snapshots.removeLayer(chain);
  }
}
