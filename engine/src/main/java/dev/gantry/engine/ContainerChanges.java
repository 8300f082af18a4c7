package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.images.Image;
import dev.gantry.images.TarWriter;
import dev.gantry.json.Json;
import dev.gantry.kernel.DetachedMounts;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// What a container has changed in its root file system: the list of it (`diff`), and an image made
/// from it (`commit`). Both read the container's writable layer, so volumes do not count.
public final class ContainerChanges {
  /// Modified, added, deleted: in the order of Docker's numbers.
  public enum Kind {
    MODIFIED,
    ADDED,
    DELETED
  }

  /// A path that was changed.
  public record Change(String path, Kind kind) {}

  private static final String OPAQUE = "trusted.overlay.opaque";
  private static final int MAX_DEPTH = 512;

  /// What the runtime itself puts into every container to mount on.
  private static final Set<String> MOUNT_POINTS =
      Set.of(
          "/.dockerenv",
          "/proc",
          "/sys",
          "/dev",
          "/dev/pts",
          "/dev/shm",
          "/dev/mqueue",
          "/dev/console",
          "/etc",
          "/etc/hosts",
          "/etc/hostname",
          "/etc/resolv.conf",
          "/sbin",
          "/sbin/docker-init");

  private final Engine engine;

  ContainerChanges(Engine engine) {
    this.engine = engine;
  }

  /// The changes of container `ref`, parents first.
  public List<Change> list(String ref) {
    Container c = engine.require(ref);
    try (Tree upper = upper(c);
        Tree below = below(c)) {
      TreeMap<String, Kind> changes = new TreeMap<>();
      walk(upper, below, "", changes, 0);
      return changes.entrySet().stream().map(e -> new Change(e.getKey(), e.getValue())).toList();
    } catch (Errno e) {
      throw new Failure.Internal(
          "could not compare the files of container " + c.id() + ": " + e.getMessage(), e);
    }
  }

  private Tree upper(Container c) throws Errno {
    return Tree.open(engine.snapshots().container(c.id()).upper().toString());
  }

  /// The image's files without the container's own layer.
  private Tree below(Container c) throws Errno {
    List<Path> lowers =
        new ArrayList<>(
            engine.snapshots().lowers(c.spec().layers().stream().map(Digest::parse).toList()));
    lowers.addFirst(engine.emptyLayer());
    Path target = engine.snapshots().container(c.id()).target();
    return lowers.size() == 1
        ? Tree.open(lowers.getFirst().toString())
        : Tree.of(
            DetachedMounts.of(new DetachedMounts.Overlay(lowers, null, null, target), List.of()));
  }

  /// Notes the changes below `folder`; true if there are any.
  private static boolean walk(
      Tree upper, Tree below, String folder, Map<String, Kind> changes, int depth) throws Errno {
    if (depth > MAX_DEPTH) {
      throw new Failure.Internal(folder + " is nested too deeply");
    }
    boolean any = false;
    for (String name : upper.list(folder)) {
      String path = folder + "/" + name;
      Optional<Tree.Status> now = upper.status(path);
      if (now.isPresent()) {
        any |= one(upper, below, path, now.get(), below.status(path), changes, depth);
      }
    }
    return any;
  }

  private static boolean one(
      Tree upper,
      Tree below,
      String path,
      Tree.Status now,
      Optional<Tree.Status> before,
      Map<String, Kind> changes,
      int depth)
      throws Errno {
    if (isWhiteout(now)) {
      if (before.isPresent()) {
        changes.put(path, Kind.DELETED);
      }
      return before.isPresent();
    }
    boolean inside = false;
    if (now.isDirectory()) {
      inside = walk(upper, below, path, changes, depth + 1);
      if (before.isPresent() && isOpaque(upper, path)) {
        inside |= deleted(upper, below, path, changes);
      }
    }
    boolean ours = MOUNT_POINTS.contains(path);
    if (before.isEmpty()) {
      if (ours && !inside && (now.isDirectory() || now.size() == 0)) {
        return false;
      }
      changes.put(path, Kind.ADDED);
      return true;
    }
    Tree.Status old = before.get();
    boolean same =
        now.isDirectory()
            && old.isDirectory()
            && now.mode() == old.mode()
            && now.uid() == old.uid()
            && now.gid() == old.gid()
            && (ours || (now.seconds() == old.seconds() && now.nanos() == old.nanos()));
    if (!same || inside) {
      changes.put(path, Kind.MODIFIED);
    }
    return !same || inside;
  }

  static boolean isWhiteout(Tree.Status s) {
    return (s.mode() & 0170000) == 0020000 && s.device() == 0;
  }

  private static boolean isOpaque(Tree upper, String path) throws Errno {
    return upper.attribute(path, OPAQUE).filter(v -> v.length == 1 && v[0] == 'y').isPresent();
  }

  /// A folder that was removed and made again hides what the image has in it.
  private static boolean deleted(Tree upper, Tree below, String path, Map<String, Kind> changes)
      throws Errno {
    if (!below.status(path).map(Tree.Status::isDirectory).orElse(false)) {
      return false;
    }
    boolean any = false;
    for (String name : below.list(path)) {
      String child = path + "/" + name;
      if (upper.status(child).isEmpty()) {
        changes.put(child, Kind.DELETED);
        any = true;
      }
    }
    return any;
  }

  // ---- commit

  /// A wish for an image.
  ///
  /// @param config the new image's configuration
  /// @param reference its name, if it gets one
  /// @param pause stop the container's processes meanwhile
  public record Commit(
      Json.JsonObject config,
      @Nullable ImageReference reference,
      String comment,
      String author,
      boolean pause) {}

  /// Makes an image of the container's present files.
  public Image commit(String ref, Commit wish) {
    Container c = engine.require(ref);
    if (c.state() instanceof ContainerState.Removing || c.state() instanceof ContainerState.Dead) {
      throw new Failure.Conflict(
          "You cannot commit container " + ref + " which is " + c.state().word());
    }
    boolean paused = wish.pause() && c.state() instanceof ContainerState.Running;
    if (paused) {
      engine.pause(c.id());
    }
    try {
      return committed(c, wish);
    } finally {
      if (paused && c.state() instanceof ContainerState.Paused) {
        engine.unpause(c.id());
      }
    }
  }

  private Image committed(Container c, Commit wish) {
    Optional<Image> base =
        c.spec().imageId().isEmpty()
            ? Optional.empty()
            : engine.images().byId(Digest.parse(c.spec().imageId()));
    Path layer = c.folder().resolve("commit-" + dev.gantry.base.Ids.next() + ".tar");
    try {
      try (OutputStream out = Files.newOutputStream(layer)) {
        pack(c, out, Long.MAX_VALUE, Set.of());
      }
      Image image =
          engine
              .images()
              .extend(base, layer, diffId -> document(c, base, wish, diffId), wish.reference());
      tell(c, wish, image);
      return image;
    } catch (IOException e) {
      throw new Failure.Internal("could not commit container " + c.id() + ": " + e.getMessage(), e);
    } finally {
      layer.toFile().delete();
    }
  }

  private void tell(Container c, Commit wish, Image image) {
    String id = image.id().toString();
    engine.publishImage("create", id, Map.of("name", id));
    String name = wish.reference() == null ? "" : wish.reference().familiar();
    if (!name.isEmpty()) {
      engine.publishImage("tag", id, Map.of("name", name));
    }
    engine.publish(c, "commit", Map.of("comment", wish.comment(), "imageID", id, "imageRef", name));
  }

  private static Json.JsonObject document(
      Container c, Optional<Image> base, Commit wish, Digest diffId) {
    String now = Instant.now().toString();
    Json.JsonObject document =
        base.map(i -> (Json.JsonObject) i.document().copy()).orElseGet(Json::object);
    String architecture =
        System.getProperty("os.arch", "amd64").equals("aarch64") ? "arm64" : "amd64";
    document.put("architecture", base.map(Image::architecture).orElse(architecture));
    document.put("os", "linux");
    document.put("author", wish.author());
    document.put("comment", wish.comment());
    document.put("created", now);
    document.put("container", c.id());
    document.put("config", wish.config());
    Json.JsonObject step = Json.object().put("created", now);
    if (!wish.author().isEmpty()) {
      step.put("author", wish.author());
    }
    step.put("created_by", String.join(" ", c.spec().command()));
    if (!wish.comment().isEmpty()) {
      step.put("comment", wish.comment());
    }
    Json.JsonArray history = Json.array();
    document.items("history").forEach(history::add);
    document.put("history", history.add(step));
    Json.JsonArray diffIds = Json.array();
    c.spec().layers().forEach(diffIds::add);
    document.put(
        "rootfs",
        Json.object().put("type", "layers").put("diff_ids", diffIds.add(diffId.toString())));
    return document;
  }

  private static List<Change> without(List<Change> changes, Set<String> stubs, Tree upper)
      throws Errno {
    if (stubs.isEmpty()) {
      return changes;
    }
    List<Change> left = new ArrayList<>();
    Set<String> needed = new java.util.HashSet<>();
    for (Change change : changes.reversed()) { // what is in a folder before the folder
      String path = change.path();
      Optional<Tree.Status> status = upper.status(path);
      boolean empty =
          status.isPresent()
              && (status.get().isDirectory()
                  ? !needed.contains(path)
                  : status.get().isRegular() && status.get().size() == 0);
      if (change.kind() == Kind.ADDED && stubs.contains(path) && empty) {
        continue;
      }
      left.addFirst(change);
      needed.add(path.substring(0, path.lastIndexOf('/')));
    }
    return left;
  }

  /// Packs the changes as a layer (image-spec layer.md).
  ///
  /// @param newest files that are younger get this time (seconds since the epoch)
  /// @param stubs what was made to mount on: left out unless somebody has put something into it
  void pack(Container c, OutputStream out, long newest, Set<String> stubs) throws IOException {
    List<Change> changes = list(c.id());
    try (Tree upper = upper(c);
        TarWriter tar = new TarWriter(out)) {
      changes = without(changes, stubs, upper);
      TarPack pack = new TarPack(upper, tar, p -> false);
      for (Change change : changes) {
        String name = change.path().substring(1);
        if (change.kind() == Kind.DELETED) {
          int slash = name.lastIndexOf('/') + 1;
          tar.entry(
              name.substring(0, slash) + ".wh." + name.substring(slash),
              TarWriter.FILE,
              "",
              new Tree.Status(0100600, 0, 0, 0, 0, 0, 0, 0, 1, 0),
              0,
              Map.of());
        } else {
          Optional<Tree.Status> status = upper.status(change.path());
          if (status.isPresent()) {
            pack.one(change.path(), name, status.get().notAfter(newest));
          }
        }
      }
    }
  }
}
