package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.images.FreeSpace;
import dev.gantry.images.TarWriter;
import dev.gantry.kernel.DetachedMounts;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.store.Snapshots;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Files of containers, running or not: `docker cp`, `export`.
///
/// A running container is seen as its own processes see it, its tmpfs mounts too (which Docker does
/// not show); of a stopped one its layers and volumes are put together for the look. All paths are
/// resolved by the kernel inside the container. /proc, /sys and /dev are not shown, as with Docker.
public final class ContainerFiles {
  private static final int MAX_LINKS = 255;
  private static final List<String> KERNEL = List.of("/proc", "/sys", "/dev");

  /// What is known of a path in a container.
  ///
  /// @param name its last part
  /// @param mode as stat(2) has it
  /// @param linkTarget where a link leads in the end; empty for anything else
  public record PathStat(String name, long size, int mode, Instant modified, String linkTarget) {}

  /// A path in a container, held open; [#close()] lets go.
  public final class Opened implements AutoCloseable {
    private final Container container;
    private final Tree tree;
    private final String path;
    private final PathStat stat;

    private Opened(Container container, Tree tree, String path, PathStat stat) {
      this.container = container;
      this.tree = tree;
      this.path = path;
      this.stat = stat;
    }

    public PathStat stat() {
      return stat;
    }

    /// Packs it as a tar archive whose names begin with the path's last part.
    public void pack(OutputStream out) throws IOException {
      engine.publish(container, "archive-path", Map.of());
      try (TarWriter tar = new TarWriter(out)) {
        new TarPack(tree, tar, p -> isKernels(container, p)).add(path, stat.name());
      }
    }

    @Override
    public void close() {
      tree.close();
    }
  }

  private final Engine engine;

  ContainerFiles(Engine engine) {
    this.engine = engine;
  }

  // ---- paths

  /// Opens what `path` names in the container `ref`; its last part is followed only with a slash
  /// behind.
  public Opened open(String ref, String path) {
    Container c = engine.require(ref);
    String wanted = absolute(required(path));
    Tree tree = view(c, false);
    try {
      String base = wanted.substring(wanted.lastIndexOf('/') + 1);
      String folder = canonical(tree, wanted.substring(0, wanted.length() - base.length()));
      String found =
          base.isEmpty() || base.equals(".")
              ? folder
              : (folder.equals("/") ? "" : folder) + "/" + base;
      Tree.Status status = status(c, tree, folder, found, ref, path);
      if (!status.isDirectory() && (base.isEmpty() || base.equals("."))) {
        throw new Failure.Internal("lstat " + path + ": not a directory");
      }
      return new Opened(
          c,
          tree,
          found,
          new PathStat(
              name(wanted),
              status.size(),
              status.mode(),
              Instant.ofEpochSecond(status.seconds(), status.nanos()),
              status.isLink() ? canonical(tree, found) : ""));
    } catch (Errno e) {
      tree.close();
      throw new Failure.Internal("could not look at " + path + ": " + e.getMessage(), e);
    } catch (RuntimeException e) {
      tree.close();
      throw e;
    }
  }

  private static String required(String path) {
    if (path.isEmpty()) {
      throw new Failure.InvalidRequest("bad parameter: pathcannot be empty"); // Docker's text
    }
    return path;
  }

  private Tree.Status status(
      Container c, Tree tree, String folder, String found, String ref, String path) throws Errno {
    Optional<Tree.Status> above = statusOf(tree, folder);
    if (above.isPresent() && !above.get().isDirectory()) {
      throw new Failure.Internal("lstat " + path + ": not a directory");
    }
    if (isKernels(c, folder)) {
      throw missing(ref, path);
    }
    return statusOf(tree, found).orElseThrow(() -> missing(ref, path));
  }

  private static Optional<Tree.Status> statusOf(Tree tree, String path) throws Errno {
    return tree.status(path.equals("/") ? "/" : path);
  }

  private static Failure missing(String ref, String path) {
    return new Failure.NotFound("Could not find the file " + path + " in container " + ref);
  }

  /// True for what the kernel shows under /proc, /sys and /dev, unless the user mounted there.
  private static boolean isKernels(Container c, String path) {
    return KERNEL.stream().anyMatch(k -> path.equals(k) || path.startsWith(k + "/"))
        && c.spec().mounts().stream().noneMatch(m -> within(path, m.target()));
  }

  private static boolean within(String path, String folder) {
    return path.equals(folder) || path.startsWith(folder.equals("/") ? "/" : folder + "/");
  }

  /// With one leading slash and without `..`; a slash or `/.` at the end stays, as it has a
  /// meaning.
  static String absolute(String path) {
    Deque<String> parts = new ArrayDeque<>();
    for (String part : path.split("/")) {
      if (part.equals("..")) {
        parts.pollLast();
      } else if (!part.isEmpty() && !part.equals(".")) {
        parts.addLast(part);
      }
    }
    String clean = "/" + String.join("/", parts);
    if (path.equals(".") || path.endsWith("/.")) {
      return clean.equals("/") ? "/." : clean + "/.";
    }
    return path.endsWith("/") && !clean.equals("/") ? clean + "/" : clean;
  }

  private static String name(String absolute) {
    String text = absolute.endsWith("/") ? absolute.substring(0, absolute.length() - 1) : absolute;
    return text.isEmpty() ? "/" : text.substring(text.lastIndexOf('/') + 1);
  }

  /// Where `path` leads when all links are followed; parts that do not exist stay as they are.
  static String canonical(Tree tree, String path) throws Errno {
    Deque<String> rest = new ArrayDeque<>(List.of(path.split("/")));
    String at = "";
    int links = 0;
    while (!rest.isEmpty()) {
      String part = rest.pop();
      if (part.isEmpty() || part.equals(".")) {
        continue;
      }
      if (part.equals("..")) {
        at = at.isEmpty() ? "" : at.substring(0, at.lastIndexOf('/'));
        continue;
      }
      String next = at + "/" + part;
      Optional<Tree.Status> status = tree.status(next);
      if (status.isPresent() && status.get().isLink()) {
        if (++links > MAX_LINKS) {
          throw new Failure.Internal("lstat " + path + ": too many levels of symbolic links");
        }
        String target = tree.readLink(next);
        at = target.startsWith("/") ? "" : at;
        List.of(target.split("/")).reversed().forEach(rest::push);
      } else {
        at = next;
      }
    }
    return at.isEmpty() ? "/" : at;
  }

  // ---- into the container

  /// How to unpack.
  ///
  /// @param keepKinds refuse to replace a folder by something else and the other way round
  /// @param asUser the container's user shall own what comes
  public record Extraction(boolean keepKinds, boolean asUser) {}

  /// Unpacks `archive` into the folder `path` of the container.
  public void extract(String ref, String path, InputStream archive, Extraction how) {
    Container c = engine.require(ref);
    String wanted = absolute(required(path));
    c.verbs.lock(); // nobody starts it while its layers are mounted here
    try (Tree tree = view(c, true)) {
      String folder = canonical(tree, wanted);
      Tree.Status status = statusOf(tree, folder).orElseThrow(() -> missing(ref, path));
      if (!status.isDirectory()) {
        throw new Failure.InvalidRequest("extraction point is not a directory");
      }
      refuseReadOnly(c, folder);
      new TarUnpack(tree, folder, how.keepKinds(), how.asUser() ? owner(c, tree) : Optional.empty())
          .unpack(archive, new FreeSpace(engine.options().dataRoot(), "the archive"));
      engine.publish(c, "extract-to-dir", Map.of());
    } catch (IOException e) {
      throw new Failure.Internal("could not unpack into " + path + ": " + e.getMessage(), e);
    } finally {
      forgetVolatile(c);
      c.verbs.unlock();
    }
  }

  private static void refuseReadOnly(Container c, String folder) {
    Optional<ContainerSpec.Mount> mount =
        c.spec().mounts().stream()
            .filter(m -> within(folder, m.target()))
            .max(Comparator.comparingInt(m -> m.target().length()));
    boolean seen =
        mount.isPresent()
            && (!mount.get().kind().equals("tmpfs") || c.state() instanceof ContainerState.Live);
    if (seen && mount.get().readOnly()) {
      throw new Failure.InvalidRequest("mounted volume is marked read-only");
    }
    if (!seen && c.spec().readonlyRoot()) {
      throw new Failure.InvalidRequest("container rootfs is marked read-only");
    }
  }

  private static Optional<TarUnpack.Owner> owner(Container c, Tree tree) {
    if (c.spec().user().isEmpty()) {
      return Optional.empty();
    }
    Users.Found found = Users.in(tree).find(c.spec().user(), List.of());
    return Optional.of(new TarUnpack.Owner(found.user().uid(), found.user().gid()));
  }

  // ---- export

  /// The container's root file system without its volumes, to be packed by [Exported#pack].
  public Exported export(String ref) {
    Container c = engine.require(ref);
    return new Exported(c, root(c));
  }

  /// A root file system, held open.
  public final class Exported implements AutoCloseable {
    private final Container container;
    private final Tree tree;

    private Exported(Container container, Tree tree) {
      this.container = container;
      this.tree = tree;
    }

    public void pack(OutputStream out) throws IOException {
      try (TarWriter tar = new TarWriter(out)) {
        new TarPack(tree, tar, p -> false).children("/", "");
      }
      engine.publish(container, "export", Map.of());
    }

    @Override
    public void close() {
      tree.close();
    }
  }

  // ---- looks at a container

  private Tree root(Container c) {
    try {
      return c.state() instanceof ContainerState.Live live
          ? Tree.of(DetachedMounts.ofProcess(live.pid(), false))
          : Tree.of(DetachedMounts.of(overlay(c, false), List.of()));
    } catch (Errno e) {
      throw unseen(c, e);
    }
  }

  private static Failure unseen(Container c, Errno e) {
    return new Failure.Internal(
        "could not open the files of container " + c.id() + ": " + e.getMessage(), e);
  }

  private Tree view(Container c, boolean write) {
    try {
      if (c.state() instanceof ContainerState.Live live) {
        return Tree.of(DetachedMounts.ofProcess(live.pid(), true));
      }
      List<DetachedMounts.Bind> binds = binds(c);
      if (!write && c.state() instanceof ContainerState.Created && !binds.isEmpty()) {
        makeMountPoints(c, binds);
      }
      return Tree.of(DetachedMounts.of(overlay(c, write), binds));
    } catch (Errno e) {
      throw unseen(c, e);
    }
  }

  /// A container that never ran has no folders yet for its volumes to be seen at.
  private void makeMountPoints(Container c, List<DetachedMounts.Bind> binds) throws Errno {
    c.verbs.lock();
    try {
      if (c.state() instanceof ContainerState.Created) {
        DetachedMounts.of(overlay(c, true), binds).close();
      }
    } finally {
      forgetVolatile(c);
      c.verbs.unlock();
    }
  }

  private DetachedMounts.Overlay overlay(Container c, boolean write) {
    Snapshots.Writable own = engine.snapshots().container(c.id());
    List<Path> lowers =
        new ArrayList<>(
            engine.snapshots().lowers(c.spec().layers().stream().map(Digest::parse).toList()));
    if (lowers.isEmpty()) {
      lowers.add(engine.emptyLayer());
    }
    if (!write) {
      lowers.addFirst(own.upper());
      return new DetachedMounts.Overlay(lowers, null, null, own.target());
    }
    forgetVolatile(c);
    return new DetachedMounts.Overlay(lowers, own.upper(), own.work(), own.target());
  }

  private void forgetVolatile(Container c) {
    if (c.state() instanceof ContainerState.Live) {
      return;
    }
    engine.snapshots().container(c.id()).forgetVolatile();
  }

  private List<DetachedMounts.Bind> binds(Container c) {
    List<DetachedMounts.Bind> binds = new ArrayList<>();
    for (String name : List.of("hostname", "hosts", "resolv.conf")) {
      Path file = c.folder().resolve(name);
      if (Files.exists(file)) {
        binds.add(new DetachedMounts.Bind(file, "/etc/" + name));
      }
    }
    binds.addAll(engine.volumes().places(c));
    binds.sort(Comparator.comparingInt(b -> Path.of(b.target()).getNameCount()));
    return binds;
  }
}
