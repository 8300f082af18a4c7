package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.RunMount;
import dev.gantry.engine.LayerFiles;
import dev.gantry.json.Json;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/// What `RUN --mount` puts into a container: folders and files on the host to bind there. Whatever
/// was made for it goes with [#close].
final class RunMounts implements AutoCloseable {
  private static final Map<Path, ReentrantLock> LOCKS = new ConcurrentHashMap<>();

  private final StageBuild stage;
  private final List<RunMount> wanted;
  private final Origin origin;
  private final Path folder;
  private final List<ReentrantLock> held = new ArrayList<>();
  private final Map<String, String> environment = new LinkedHashMap<>();

  RunMounts(StageBuild stage, List<RunMount> wanted, Origin origin) throws IOException {
    this.stage = stage;
    this.wanted = wanted;
    this.origin = origin;
    this.folder = Files.createTempDirectory(stage.run().builder().folder(), "run-");
  }

  /// What of it decides the result: the files bound, not what a cache holds.
  List<String> ingredients() throws BuildFailure, IOException {
    List<String> all = new ArrayList<>();
    for (RunMount m : wanted) {
      String content = "";
      if (m.kind().equals("bind")) {
        try (Tree tree = source(m).open()) {
          content = Fingerprint.of(tree, real(tree, m), source(m)).toString();
        }
      }
      all.add("mount " + m + " " + content);
    }
    return all;
  }

  private Source source(RunMount m) throws BuildFailure {
    return m.from().isEmpty()
        ? stage.run().request().context()
        : stage.run().source(m.from(), stage.index(), origin);
  }

  private String real(Tree tree, RunMount m) throws BuildFailure, Errno {
    String path = LayerFiles.resolve(tree, "/" + m.source());
    if (tree.status(path).isEmpty()) {
      throw new BuildFailure(source(m).failure(m.source()), origin);
    }
    return path;
  }

  /// As `Mounts` of the Docker API.
  Json.JsonArray mounts() throws IOException {
    Json.JsonArray mounts = Json.array();
    try {
      for (RunMount m : wanted) {
        switch (m.kind()) {
          case "bind" -> mounts.add(bind(copied(m), m.target(), m.readOnly()));
          case "cache" -> mounts.add(bind(cache(m), target(m), m.readOnly()));
          case "tmpfs" -> {
            Json.JsonObject tmpfs = Json.object().put("Type", "tmpfs").put("Target", target(m));
            if (m.size() > 0) {
              tmpfs.put("TmpfsOptions", Json.object().put("SizeBytes", m.size()));
            }
            mounts.add(tmpfs);
          }
          default -> {
            if (m.required()) {
              throw new Failure.InvalidRequest(
                  m.kind() + " " + m.id() + ": not found, and this way of building has none");
            }
          }
        }
      }
    } catch (BuildFailure e) {
      throw new Failure.InvalidRequest(e.text(), null, e);
    }
    return mounts;
  }

  private String target(RunMount m) {
    return stage.config().resolve(m.target());
  }

  private Json.JsonObject bind(Path source, String target, boolean readOnly) {
    return Json.object()
        .put("Type", "bind")
        .put("Source", source.toString())
        .put("Target", stage.config().resolve(target))
        .put("ReadOnly", readOnly);
  }

  /// A copy of the files, so that whatever the program does to them is gone with it.
  private Path copied(RunMount m) throws BuildFailure, IOException {
    Path copy = folder.resolve("bind-" + Ids.next().substring(0, 8));
    try (Tree tree = source(m).open()) {
      return TreeCopy.to(tree, real(tree, m), source(m), copy);
    }
  }

  /// The folder of a cache, which outlives the build.
  private Path cache(RunMount m) throws BuildFailure, IOException {
    String id = m.id().isEmpty() ? target(m) : m.id();
    Digest name =
        Digest.of((id + "\0" + m.from() + "\0" + m.source()).getBytes(StandardCharsets.UTF_8));
    if (m.sharing().equals("private")) {
      Path own = folder.resolve("cache-" + Ids.next().substring(0, 8));
      make(own, m);
      return own;
    }
    Path shared = stage.run().builder().folder().resolve("caches").resolve(name.hex());
    if (m.sharing().equals("locked")) {
      ReentrantLock lock = LOCKS.computeIfAbsent(shared, p -> new ReentrantLock());
      lock.lock();
      held.add(lock);
    }
    if (!Files.isDirectory(shared)) {
      Files.createDirectories(shared.resolveSibling("."));
      make(shared, m);
    }
    return shared;
  }

  private void make(Path cache, RunMount m) throws BuildFailure, IOException {
    if (!m.from().isEmpty()) {
      try (Tree tree = source(m).open()) {
        Path ignored = TreeCopy.to(tree, real(tree, m), source(m), cache);
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

  /// More of the program's environment.
  Map<String, String> environment() {
    return environment;
  }

  /// A file with that content that lives as long as the program.
  Path file(String content, int mode) throws IOException {
    Path file = folder.resolve("file-" + Ids.next().substring(0, 8));
    Files.writeString(file, content);
    Files.setPosixFilePermissions(
        file, PosixFilePermissions.fromString(mode == 0755 ? "rwxr-xr-x" : "r--------"));
    return file;
  }

  @Override
  public void close() {
    held.forEach(ReentrantLock::unlock);
    try (Tree tree = Tree.open(folder.resolveSibling(".").toString())) {
      tree.remove("/" + folder.getFileName());
    } catch (Errno e) {
      System.getLogger("gantryd").log(System.Logger.Level.WARNING, "could not remove " + folder, e);
    }
  }
}
