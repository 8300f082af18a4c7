package dev.gantry.store;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.TreeRemoval;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/// Unpacked layers and the containers' writable folders, for overlayfs.
///
/// `layers/CHAIN` is a layer's own files, named by the first half of its chain id so that many
/// layers fit into one mount option; `containers/ID/{upper,work,merged}` is a container's. Whatever
/// is removed is moved to `trash` first and deleted in the background: deleting takes a millisecond
/// a folder on disks that discard. Thread-safe.
public final class Snapshots {
  /// A container's folders.
  public record Writable(Path folder) {
    public Path upper() {
      return folder.resolve("upper");
    }

    public Path work() {
      return folder.resolve("work");
    }

    public Path target() {
      return folder.resolve("merged");
    }

    /// Takes away the mark of a mount without syncs, which would refuse the next one (overlayfs,
    /// "volatile mount"). Nothing may be mounted.
    public void forgetVolatile() {
      Path mark = work().resolve("work/incompat");
      if (!Files.exists(mark)) {
        return;
      }
      try {
        Files.deleteIfExists(mark.resolve("volatile/dirty"));
        Files.deleteIfExists(mark.resolve("volatile"));
        Files.deleteIfExists(mark);
      } catch (IOException e) {
        throw new Failure.Internal("could not remove " + mark + ": " + e.getMessage(), e);
      }
    }
  }

  private static final int NAME_LENGTH = 32;

  private final Path layers;
  private final Path containers;
  private final Path trash;
  private final AtomicInteger discards = new AtomicInteger();

  private Snapshots(Path folder) {
    this.layers = folder.resolve("layers");
    this.containers = folder.resolve("containers");
    this.trash = folder.resolve("trash");
  }

  /// Opens the snapshots in `folder`.
  public static Snapshots open(Path folder) {
    Snapshots snapshots = new Snapshots(folder);
    try {
      Files.createDirectories(snapshots.layers);
      Files.createDirectories(snapshots.containers);
      Files.createDirectories(snapshots.trash);
    } catch (IOException e) {
      throw new Failure.Internal("could not open the snapshots in " + folder, e);
    }
    snapshots.emptyTrash();
    return snapshots;
  }

  /// Removes layers that are half unpacked or that nothing names, and containers' folders without a
  /// container: what a crash has left.
  public void keepOnly(Set<Digest> chains, Set<String> containerIds) {
    Set<String> names = new java.util.HashSet<>();
    chains.forEach(c -> names.add(name(c)));
    removeOthers(layers, names);
    removeOthers(containers, containerIds);
  }

  private void removeOthers(Path folder, Set<String> wanted) {
    try (var children = Files.list(folder)) {
      for (Path child : children.toList()) {
        if (!wanted.contains(child.getFileName().toString())) {
          discard(child);
        }
      }
    } catch (IOException e) {
      throw new Failure.Internal("could not list " + folder, e);
    }
  }

  private static String name(Digest chain) {
    return chain.hex().substring(0, NAME_LENGTH);
  }

  public boolean hasLayer(Digest chain) {
    return Files.isDirectory(layer(chain));
  }

  /// The folder of the layer whose chain id is `chain`.
  public Path layer(Digest chain) {
    return layers.resolve(name(chain));
  }

  /// A new folder to unpack a layer into; [#commitLayer] makes it visible.
  public Path newLayer() {
    Path folder = layers.resolve("new-" + Ids.next().substring(0, NAME_LENGTH));
    try {
      Files.createDirectory(folder);
      return folder;
    } catch (IOException e) {
      throw new Failure.Internal("could not make " + folder + ": " + e.getMessage(), e);
    }
  }

  /// Makes the unpacked `folder` the layer `chain`; if there is one already, that stays.
  public void commitLayer(Path folder, Digest chain) {
    try {
      Files.move(folder, layer(chain), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      if (!hasLayer(chain)) {
        throw new Failure.Internal("could not keep the layer " + chain + ": " + e.getMessage(), e);
      }
      discard(folder);
    }
  }

  public void removeLayer(Digest chain) {
    discard(layer(chain));
  }

  /// The layers of `diffIds` (the lowest first) as overlayfs wants them, the uppermost first.
  public List<Path> lowers(List<Digest> diffIds) {
    List<Path> paths = new ArrayList<>();
    Digest chain = null;
    for (Digest diff : diffIds) {
      chain = chain == null ? diff : Digest.chain(chain, diff);
      paths.addFirst(layer(chain));
    }
    return paths;
  }

  /// A container's folders; [#create] makes them.
  public Writable container(String id) {
    return new Writable(containers.resolve(id));
  }

  /// Makes the folders of a new container.
  public Writable create(String id) {
    Writable w = container(id);
    try {
      Files.createDirectory(w.folder());
      for (Path part : List.of(w.upper(), w.work(), w.target())) {
        Files.createDirectory(part);
      }
      // what users see as /: not the umask's idea of it
      Files.setPosixFilePermissions(
          w.upper(), java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
      return w;
    } catch (IOException e) {
      throw new Failure.Internal("could not make " + w.folder() + ": " + e.getMessage(), e);
    }
  }

  /// Removes a container's folders, soon.
  public void remove(String id) {
    discard(container(id).folder());
  }

  /// Removes `folder`, which lies on the same file system, soon: it is gone from its place at once.
  /// For one that [#newLayer] made and that did not become a layer, and for others beside them.
  public void discard(Path folder) {
    try {
      Files.move(folder, trash.resolve(Ids.next()), StandardCopyOption.ATOMIC_MOVE);
    } catch (java.nio.file.NoSuchFileException e) {
      return;
    } catch (IOException e) {
      throw new Failure.Internal("could not remove " + folder + ": " + e.getMessage(), e);
    }
    emptyTrash();
  }

  /// One thread at a time; it looks again for what came while it deleted.
  private void emptyTrash() {
    if (discards.getAndIncrement() == 0) {
      Thread.ofPlatform().daemon().name("empty-trash").start(this::deleteTrash);
    }
  }

  private void deleteTrash() {
    int seen;
    do {
      seen = discards.get();
      deleteWhatIsThere();
    } while (!discards.compareAndSet(seen, 0));
  }

  private void deleteWhatIsThere() {
    try (var children = Files.list(trash)) {
      for (Path child : children.toList()) {
        delete(child);
      }
    } catch (IOException e) {
      return; // as if nothing were there: the next removal looks again
    }
  }

  private static void delete(Path tree) {
    try {
      TreeRemoval.remove(tree);
    } catch (Errno e) {
      return; // a busy folder (an exit still being synced) is tried again with the next removal
    }
  }
}
