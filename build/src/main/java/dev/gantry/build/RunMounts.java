package dev.gantry.build;

import dev.gantry.base.Ids;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.RunMount;
import dev.gantry.engine.LayerFiles;
import dev.gantry.json.Json;
import dev.gantry.kernel.DetachedMounts;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.HostMounts;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// What `RUN --mount` puts into a container: folders, files and sockets on this machine to bind
/// there. Whatever was made for it goes with [#close].
///
/// Layers and the context are mounted, not copied; where the program may write, what it writes goes
/// into a folder that is thrown away. Secrets are in memory only: on a tmpfs of this step.
final class RunMounts implements AutoCloseable {
  private static final Map<Path, ReentrantLock> LOCKS = new ConcurrentHashMap<>();
  private static final int MOST_SECRET = 500 * 1024;

  private final StageBuild stage;
  private final List<RunMount> wanted;
  private final Origin origin;
  private @Nullable Path folder;
  private final List<ReentrantLock> held = new ArrayList<>();
  private final List<Path> caches = new ArrayList<>();
  private final Set<String> targets = new HashSet<>();
  private final List<Path> mounted = new ArrayList<>();
  private final List<AgentSocket> sockets = new ArrayList<>();
  private final Map<String, String> environment = new LinkedHashMap<>();
  private Optional<Path> memory = Optional.empty();

  RunMounts(StageBuild stage, List<RunMount> wanted, Origin origin) {
    this.stage = stage;
    this.wanted = wanted;
    this.origin = origin;
  }

  /// For what this step alone needs; a step from the cache needs none.
  private Path folder() throws IOException {
    if (folder == null) {
      folder = Files.createTempDirectory(stage.run().builder().folder(), "run-");
    }
    return folder;
  }

  /// What of it decides the result: the files bound, not what a cache holds or a secret is.
  List<String> ingredients() throws BuildFailure, IOException {
    List<String> all = new ArrayList<>();
    for (RunMount m : wanted) {
      all.add("mount " + m + " " + (m.kind().equals("bind") ? bound(m) : ""));
    }
    return all;
  }

  private String bound(RunMount m) throws BuildFailure, IOException {
    Source source = source(m);
    try (Tree tree = stage.run().sources().open(source)) {
      Fingerprint.Result print = stage.run().sources().fingerprint(source, tree, real(tree, m));
      if (source.mountable() instanceof Source.Mountable.Folder) {
        stage.madeFrom(print.newest());
      }
      return print.digest().toString();
    }
  }

  private Source source(RunMount m) throws BuildFailure {
    return source(stage.run(), stage.index(), m, origin);
  }

  private static Source source(BuildRun run, int stage, RunMount m, Origin origin)
      throws BuildFailure {
    return m.from().isEmpty()
        ? run.request().context()
        : run.sources().named(m.from(), stage, origin);
  }

  private String real(Tree tree, RunMount m) throws BuildFailure, Errno {
    return real(tree, m, source(m), origin);
  }

  private static String real(Tree tree, RunMount m, Source source, Origin origin)
      throws BuildFailure, Errno {
    String path = LayerFiles.resolve(tree, "/" + m.source());
    if (tree.status(path).isEmpty()) {
      throw new BuildFailure(source.failure(m.source()), origin);
    }
    return path;
  }

  /// Brings here what a mount of stage `stage` needs, and hashes what is bound, so that its step
  /// finds it.
  static void bring(BuildRun run, int stage, RunMount m, Origin origin)
      throws BuildFailure, IOException {
    Source source = source(run, stage, m, origin);
    if (m.kind().equals("bind")) {
      try (Tree tree = run.sources().open(source)) {
        Fingerprint.Result ignored =
            run.sources().fingerprint(source, tree, real(tree, m, source, origin));
      }
    }
  }

  /// As `Mounts` of the Docker API.
  Json.JsonArray mounts() throws BuildFailure, IOException {
    Map<RunMount, Path> folders = new IdentityHashMap<>();
    // in one order for all, lest two steps wait for each other's caches for ever
    for (RunMount m : wanted.stream().sorted(Comparator.comparing(this::cacheName)).toList()) {
      if (m.kind().equals("cache")) {
        folders.put(m, cache(m));
      }
    }
    Json.JsonArray mounts = Json.array();
    for (RunMount m : wanted) {
      switch (m.kind()) {
        case "bind" -> mounts.add(bind(place(m), m.target(), m.readOnly()));
        case "cache" ->
            mounts.add(bind(Objects.requireNonNull(folders.get(m)), m.target(), m.readOnly()));
        case "tmpfs" -> {
          targets.add(target(m));
          Json.JsonObject tmpfs = Json.object().put("Type", "tmpfs").put("Target", target(m));
          if (m.size() > 0) {
            tmpfs.put("TmpfsOptions", Json.object().put("SizeBytes", m.size()));
          }
          mounts.add(tmpfs);
        }
        case "secret" -> secret(m).ifPresent(mounts::add);
        default -> agent(m).ifPresent(mounts::add);
      }
    }
    return mounts;
  }

  private String target(RunMount m) {
    return stage.config().resolve(m.target());
  }

  private Json.JsonObject bind(Path source, String target, boolean readOnly) {
    targets.add(stage.config().resolve(target));
    return Json.object()
        .put("Type", "bind")
        .put("Source", source.toString())
        .put("Target", stage.config().resolve(target))
        .put("ReadOnly", readOnly);
  }

  // ---- files of the context, a stage or an image

  /// Where on this machine the mount's files are.
  private Path place(RunMount m) throws BuildFailure, IOException {
    Source source = source(m);
    String real;
    try (Tree tree = stage.run().sources().open(source)) {
      real = real(tree, m);
    }
    List<Path> lowers =
        switch (source.mountable()) {
          case Source.Mountable.Folder f -> List.of(f.path());
          case Source.Mountable.Layers l ->
              stage.run().builder().engine().layerFiles().lowers(l.diffIds());
        };
    Path root =
        m.readOnly() && lowers.size() == 1 ? lowers.getFirst() : overlay(lowers, m.readOnly());
    return real.equals("/") ? root : root.resolve(real.substring(1));
  }

  private Path overlay(List<Path> layers, boolean readOnly) throws IOException {
    List<Path> lowers = new ArrayList<>(layers);
    Path own = Files.createDirectory(folder().resolve("overlay-" + mounted.size()));
    Path target = Files.createDirectory(own.resolve("root"));
    Path empty = Files.createDirectory(own.resolve("empty"));
    while (lowers.size() < (readOnly ? 2 : 1)) {
      lowers.add(empty);
    }
    DetachedMounts.onHost(
        readOnly
            ? new DetachedMounts.Overlay(lowers, null, null, target)
            : new DetachedMounts.Overlay(
                lowers,
                Files.createDirectory(own.resolve("upper")),
                Files.createDirectory(own.resolve("work")),
                target));
    mounted.add(target);
    return target;
  }

  // ---- caches

  private String cacheId(RunMount m) {
    return m.id().isEmpty() ? target(m) : m.id();
  }

  private String cacheName(RunMount m) {
    String group = stage.run().request().arguments().getOrDefault("BUILDKIT_CACHE_MOUNT_NS", "");
    return Digest.of(
            (group + "\0" + cacheId(m) + "\0" + m.from() + "\0" + m.source())
                .getBytes(StandardCharsets.UTF_8))
        .hex();
  }

  /// The folder of a cache, which outlives the build.
  private Path cache(RunMount m) throws BuildFailure, IOException {
    String id = cacheId(m);
    CacheMounts mounts = stage.run().builder().mounts();
    Path shared = mounts.use(cacheName(m), id);
    caches.add(shared);
    ReentrantLock lock = LOCKS.computeIfAbsent(shared, p -> new ReentrantLock());
    if (m.sharing().equals("private") && (lock.isHeldByCurrentThread() || !lock.tryLock())) {
      Path own = folder().resolve("cache-" + Ids.next().substring(0, 8));
      make(own, m); // somebody else has it
      return own;
    }
    if (!m.sharing().equals("private")) {
      try (var _ = stage.run().cancellation().waiting()) {
        lock.lockInterruptibly(); // another build may have it for long
      } catch (InterruptedException e) {
        throw Builder.cancelled();
      }
    }
    try {
      if (!Files.isDirectory(shared)) {
        Files.createDirectories(shared.resolveSibling("."));
        Path fresh = folder().resolve("cache-" + Ids.next().substring(0, 8));
        make(fresh, m);
        Files.move(fresh, shared, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (BuildFailure | IOException | RuntimeException e) {
      lock.unlock();
      throw e;
    }
    if (m.sharing().equals("shared")) {
      lock.unlock();
    } else {
      held.add(lock);
    }
    return shared;
  }

  private void make(Path cache, RunMount m) throws BuildFailure, IOException {
    if (!m.from().isEmpty()) {
      try (Tree tree = stage.run().sources().open(source(m))) {
        String real = real(tree, m);
        if (!tree.status(real).map(Tree.Status::isDirectory).orElse(false)) {
          throw new BuildFailure("a cache's source must be a folder: " + m.source(), origin);
        }
        Path ignored = TreeCopy.to(tree, real, cache);
      }
    }
    Files.createDirectories(cache);
    int mode = m.mode() < 0 ? 0755 : m.mode();
    try (Tree tree = Tree.open(cache.resolveSibling(".").toString())) {
      String path = "/" + cache.getFileName();
      tree.setOwner(path, m.uid(), m.gid());
      tree.setMode(path, mode);
    }
  }

  // ---- secrets and agents

  private Optional<Json.JsonObject> secret(RunMount m) throws BuildFailure, IOException {
    String id = m.id();
    if (id.isEmpty()) {
      id = m.source().isEmpty() ? m.target() : m.source();
      id = id.substring(id.lastIndexOf('/') + 1);
    }
    if (id.isEmpty()) {
      throw new BuildFailure("one of source, target required", origin);
    }
    Optional<byte[]> content = stage.run().client().secret(id);
    if (content.isEmpty()) {
      if (m.required()) {
        throw new BuildFailure("secret " + id + ": not found", origin);
      }
      return Optional.empty();
    }
    if (content.get().length > MOST_SECRET) {
      throw new BuildFailure("secret " + id + " is larger than 500 KiB", origin);
    }
    if (!m.environment().isEmpty()) {
      environment.put(m.environment(), new String(content.get(), StandardCharsets.UTF_8));
      if (m.target().isEmpty()) {
        return Optional.empty();
      }
    }
    String target = m.target().isEmpty() ? "/run/secrets/" + id : m.target();
    int mode = m.mode() < 0 ? 0400 : m.mode();
    return Optional.of(bind(inMemory(content.get(), mode, m.uid(), m.gid()), target, true));
  }

  private Path inMemory(byte[] content, int mode, long uid, long gid) throws IOException {
    if (memory.isEmpty()) {
      Path place = Files.createDirectory(folder().resolve("memory"));
      HostMounts.mount(
          "tmpfs",
          place,
          "tmpfs",
          HostMounts.Options.parse(List.of("nosuid", "nodev", "mode=0700")));
      mounted.add(place);
      memory = Optional.of(place);
    }
    String name = "/" + Ids.next().substring(0, 12);
    try (Tree tree = Tree.open(memory.get().toString())) {
      try (Fd file = tree.createFile(name, 0600)) {
        for (int at = 0; at < content.length; ) {
          at += file.write(content, at, content.length - at);
        }
      }
      tree.setOwner(name, uid, gid);
      tree.setMode(name, mode);
    }
    return memory.get().resolve(name.substring(1));
  }

  private Optional<Json.JsonObject> agent(RunMount m) throws BuildFailure, IOException {
    String id = m.id().isEmpty() ? "default" : m.id();
    Optional<BuildClient.Agent> agent = stage.run().client().agent(id);
    if (agent.isEmpty()) {
      if (m.required()) {
        throw new BuildFailure("no SSH key \"" + id + "\" forwarded from the client", origin);
      }
      return Optional.empty();
    }
    Path place = folder().resolve("agent-" + sockets.size());
    String target = m.target().isEmpty() ? "/run/buildkit/ssh_agent." + sockets.size() : m.target();
    sockets.add(AgentSocket.listen(place, agent.get()));
    try (Tree tree = Tree.open(folder().toString())) {
      String name = "/" + place.getFileName();
      tree.setOwner(name, m.uid(), m.gid());
      tree.setMode(name, m.mode() < 0 ? 0600 : m.mode());
    }
    environment.putIfAbsent("SSH_AUTH_SOCK", stage.config().resolve(target));
    return Optional.of(bind(place, target, false));
  }

  /// What the runtime has to make to mount on, with the folders above it.
  Set<String> stubs() throws IOException {
    Set<String> stubs = new HashSet<>();
    try (Tree below = stage.files()) {
      for (String target : targets) {
        String path = LayerFiles.resolve(below, target);
        while (path.length() > 1 && below.status(path).isEmpty()) {
          stubs.add(path);
          path = path.substring(0, path.lastIndexOf('/'));
        }
      }
    }
    return stubs;
  }

  /// More of the program's environment, which is to be stored nowhere.
  Map<String, String> environment() {
    return environment;
  }

  /// A file with that content that lives as long as the program.
  Path file(String content, int mode) throws IOException {
    String name = "/file-" + Ids.next().substring(0, 8);
    Path file = folder().resolve(name.substring(1));
    Files.writeString(file, content);
    try (Tree tree = Tree.open(folder().toString())) {
      tree.setMode(name, mode);
    }
    return file;
  }

  @Override
  public void close() {
    held.forEach(ReentrantLock::unlock);
    caches.forEach(stage.run().builder().mounts()::done);
    sockets.forEach(AgentSocket::close);
    for (Path place : mounted.reversed()) {
      try {
        HostMounts.unmount(place);
      } catch (Errno e) {
        System.getLogger("gantryd").log(System.Logger.Level.WARNING, "could not unmount", e);
        return; // rather leave the folder than remove what is mounted there
      }
    }
    if (folder != null) {
      Builder.remove(folder);
    }
  }
}
