package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.json.Json;
import dev.gantry.kernel.DetachedMounts;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.TreeRemoval;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.DockerDefaults;
import dev.gantry.store.Journal;
import dev.gantry.store.Journal.Change;
import dev.gantry.store.Snapshots;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Named and anonymous folders that outlive containers (the `local` driver). Thread-safe.
public final class Volumes {
  /// @param givenLabels null if the request had none, which is not the same as no labels
  /// @param givenOptions of the driver, likewise
  /// @param anonymous made for one container, removed with it
  /// @param snapshotOf the volume whose files it has kept, if it is a snapshot, which nobody
  ///   changes
  public record Volume(
      String name,
      Path mountpoint,
      Instant created,
      @Nullable Map<String, String> givenLabels,
      @Nullable Map<String, String> givenOptions,
      boolean anonymous,
      @Nullable String snapshotOf) {
    public Map<String, String> labels() {
      return givenLabels == null ? Map.of() : givenLabels;
    }

    /// `type`, `device` and `o`, as mount(8) takes them; empty for a folder of ours.
    public Map<String, String> options() {
      return givenOptions == null ? Map.of() : givenOptions;
    }
  }

  private static final String TABLE = "volumes";
  private static final String REMOVING = "removing";

  private final Path folder;
  private final Journal journal;
  private final Snapshots snapshots;
  private final VolumeMounts mounts = new VolumeMounts();
  private final Set<String> filling = new HashSet<>();

  Volumes(Path folder, Journal journal, Snapshots snapshots) {
    this.folder = folder;
    this.snapshots = snapshots;
    this.journal = journal;
  }

  /// The volume `name`, made if there is none.
  ///
  /// @param labels null for none given, as `options`
  public synchronized Volume create(
      @Nullable String wanted,
      @Nullable Map<String, String> labels,
      @Nullable Map<String, String> options) {
    boolean anonymous = wanted == null || wanted.isEmpty();
    String name = wanted == null || wanted.isEmpty() ? Ids.next() : wanted;
    Optional<Volume> there = find(name);
    if (there.isPresent()) {
      return there.get();
    }
    checkName(name);
    if (filling.contains(name)) {
      throw new Failure.Conflict("create " + name + ": a volume of that name is being made");
    }
    VolumeMounts.check(name, options == null ? Map.of() : options);
    try {
      Files.createDirectories(folder.resolve(name).resolve("_data"));
    } catch (IOException e) {
      throw new Failure.Internal("could not make the volume " + name + ": " + e.getMessage(), e);
    }
    Json.JsonObject record = record(anonymous, labels, options);
    journal.commit(Change.put(TABLE, name, record));
    return read(name, record);
  }

  private static void checkName(String name) {
    if (name.length() == 1) {
      throw new Failure.InvalidRequest(
          "create "
              + name
              + ": volume name is too short, names should be at least two alphanumeric characters");
    }
    if (!name.matches("[a-zA-Z0-9][a-zA-Z0-9_.-]+")) {
      throw new Failure.InvalidRequest(
          "create "
              + name
              + ": \""
              + name
              + "\" includes invalid characters for a local volume name, only"
              + " \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory,"
              + " use absolute path");
    }
  }

  /// Writes the files of a new volume.
  @FunctionalInterface
  interface Filler {
    void fill(Path data) throws IOException;
  }

  /// A new volume with what `filler` writes. Nobody sees it before it is full; a failure or the end
  /// of the engine on the way leaves nothing of it.
  Volume filled(
      String name, Map<String, String> labels, @Nullable String snapshotOf, Filler filler) {
    checkName(name);
    Path own = folder.resolve(name);
    synchronized (this) {
      if (find(name).isPresent() || Files.exists(own) || !filling.add(name)) {
        throw new Failure.Conflict("a volume named \"" + name + "\" is there already");
      }
    }
    try {
      Files.createDirectories(own.resolve("_data"));
      Files.write(own.resolve(REMOVING), new byte[0]);
      filler.fill(own.resolve("_data"));
      Json.JsonObject record = record(false, labels, null);
      if (snapshotOf != null) {
        record.put("SnapshotOf", snapshotOf);
      }
      journal.commit(Change.put(TABLE, name, record));
      Files.deleteIfExists(own.resolve(REMOVING));
      return read(name, record);
    } catch (IOException e) {
      throw new Failure.Internal("could not fill the volume " + name + ": " + e.getMessage(), e);
    } finally {
      if (find(name).isEmpty()) {
        discard(own);
      }
      synchronized (this) {
        filling.remove(name);
      }
    }
  }

  private static void discard(Path unfinished) {
    try {
      new ProcessLessDelete(unfinished).run();
    } catch (IOException e) {
      return; // the next start of the engine sees its mark
    }
  }

  /// Has `volume` mounted, if it is to be mounted, until [#leave] with the same `user`.
  void enter(Volume volume, String user) {
    mounts.acquire(volume, user);
  }

  void leave(Volume volume, String user) {
    mounts.release(volume, user);
  }

  private static Json.JsonObject record(
      boolean anonymous,
      @Nullable Map<String, String> labels,
      @Nullable Map<String, String> options) {
    return Json.object()
        .put("Created", Instant.now().toString())
        .put("Anonymous", anonymous)
        .put("Labels", labels == null ? Json.NULL : Json.strings(labels))
        .put("Options", options == null ? Json.NULL : Json.strings(options));
  }

  /// A volume that is there when `change` is on record, which its container's record brings along.
  record Fresh(String name, Change change) {}

  /// Makes the folder of a volume for one container.
  Fresh anonymous(@Nullable Map<String, String> labels, @Nullable Map<String, String> options)
      throws IOException {
    String name = Ids.next();
    VolumeMounts.check(name, options == null ? Map.of() : options);
    Files.createDirectories(folder.resolve(name).resolve("_data"));
    return new Fresh(name, Change.put(TABLE, name, record(true, labels, options)));
  }

  /// What removes the volume from the records; [#deleteFiles] is to follow. Its folder is marked:
  /// if we are killed in between, the next start knows that its files are not wanted any more.
  Change removal(Volume volume) {
    try {
      Files.write(folder.resolve(volume.name()).resolve(REMOVING), new byte[0]);
    } catch (IOException e) {
      // there is no folder, or no room: then its files may outlive a crash
    }
    return Change.remove(TABLE, volume.name());
  }

  /// Deletes, soon, the files of a volume that is no longer on record.
  void deleteFiles(Volume volume) {
    mounts.settle(volume);
    try {
      new ProcessLessDelete(folder.resolve(volume.name())).run();
    } catch (IOException e) {
      throw new Failure.Internal(
          "could not remove the volume " + volume.name() + ": " + e.getMessage(), e);
    }
  }

  /// Deletes what a crash has left: files of removed volumes, and folders made for a volume that
  /// never came on record. A folder that holds anything is left alone.
  void sweep() {
    try (var children = Files.list(folder)) {
      for (Path child : children.toList()) {
        String name = child.getFileName().toString();
        if (name.startsWith(".removed-")) {
          ProcessLessDelete.inBackground(child);
        } else if (Files.exists(child.resolve(REMOVING))) {
          settleRemoval(child, name);
        } else if (name.matches("[0-9a-f]{64}") && find(name).isEmpty()) {
          // a kill between the two may have left one without the other
          for (Path folderOfNobody : List.of(child.resolve("_data"), child)) {
            boolean ignored = folderOfNobody.toFile().delete();
          }
        }
      }
    } catch (IOException e) {
      return; // not made yet
    }
  }

  /// A removal that a kill cut off: it is carried on if it had come on record, else forgotten.
  private void settleRemoval(Path child, String name) throws IOException {
    if (find(name).isEmpty()) {
      new ProcessLessDelete(child).run();
    } else {
      Files.deleteIfExists(child.resolve(REMOVING));
    }
  }

  private Volume read(String name, Json.JsonObject record) {
    return new Volume(
        name,
        folder.resolve(name).resolve("_data"),
        Instant.parse(record.string("Created", Instant.EPOCH.toString())),
        map(record, "Labels"),
        map(record, "Options"),
        record.bool("Anonymous", false),
        record.string("SnapshotOf").orElse(null));
  }

  private static @Nullable Map<String, String> map(Json.JsonObject record, String key) {
    return record.object(key).isPresent() ? record.stringMap(key) : null;
  }

  public Optional<Volume> find(String name) {
    return journal.get(TABLE, name).map(r -> read(name, r));
  }

  public List<Volume> list() {
    List<Volume> volumes = new ArrayList<>();
    journal.table(TABLE).forEach((name, record) -> volumes.add(read(name, record)));
    return volumes;
  }

  /// Removes a volume that no container uses.
  public synchronized void remove(String name) {
    Volume volume =
        find(name).orElseThrow(() -> new Failure.NotFound("get " + name + ": no such volume"));
    journal.commit(removal(volume));
    deleteFiles(volume);
  }

  private record ProcessLessDelete(Path tree) {
    void run() throws IOException {
      Path trash = tree.resolveSibling(".removed-" + Ids.next());
      if (!Files.exists(tree)) {
        return;
      }
      Files.move(tree, trash);
      inBackground(trash);
    }

    static void inBackground(Path trash) {
      Thread.ofPlatform().daemon().name("remove-volume").start(() -> delete(trash));
    }

    private static void delete(Path tree) {
      try {
        TreeRemoval.remove(tree);
      } catch (Errno e) {
        return; // the next start of the engine tries again
      }
    }
  }

  /// The OCI mounts of a container's binds, volumes and tmpfs, sorted so that parents come first.
  ///
  /// @param layers the container's layers from top to bottom, for what volumes take over from the
  ///   image
  List<RuntimeSpec.Mount> mounts(Container c, List<Path> layers) {
    List<RuntimeSpec.Mount> mounts = new ArrayList<>();
    int anonymous = 0;
    for (ContainerSpec.Mount m : c.spec().mounts()) {
      switch (m.kind()) {
        case "tmpfs" -> {
          List<String> options = new ArrayList<>(List.of("noexec", "nosuid", "nodev"));
          for (String option : m.options()) {
            options.remove("no" + option);
            options.add(option);
          }
          mounts.add(
              new RuntimeSpec.Mount(
                  m.target(), "tmpfs", "tmpfs", List.copyOf(options), List.of(), List.of()));
        }
        case "volume" -> {
          String name = m.source().isEmpty() ? c.anonymousVolumes().get(anonymous++) : m.source();
          Volume volume = create(name, null, null);
          this.mounts.acquire(volume, c.id());
          boolean kept = volume.snapshotOf() != null;
          if (!m.noCopy() && m.subpath() == null && !kept) {
            CopyUp.copy(layers, m.target(), volume.mountpoint());
          }
          mounts.add(bind(m, volume.mountpoint(), m.readOnly() || kept));
        }
        case "image" -> mounts.add(image(m));
        default -> {
          Path source = Path.of(m.source());
          if (!Files.exists(source) && m.makeSource()) {
            try {
              Files.createDirectories(source);
            } catch (IOException e) {
              throw new Failure.Internal(
                  "error while creating mount source path '" + source + "': " + e.getMessage(), e);
            }
          }
          mounts.add(bind(m, source, m.readOnly()));
        }
      }
    }
    mounts.sort(java.util.Comparator.comparingInt(m -> Path.of(m.destination()).getNameCount()));
    return mounts;
  }

  /// The volumes of a container, by mount.
  Map<ContainerSpec.Mount, String> inUse(Container c) {
    Map<ContainerSpec.Mount, String> used = new java.util.LinkedHashMap<>();
    int anonymous = 0;
    for (ContainerSpec.Mount m : c.spec().mounts()) {
      if (m.kind().equals("volume")) {
        used.put(m, m.source().isEmpty() ? c.anonymousVolumes().get(anonymous++) : m.source());
      }
    }
    return used;
  }

  /// Where a container's volumes and bound folders are on this machine; what is not there yet is
  /// left out.
  List<DetachedMounts.Bind> places(Container c) {
    List<DetachedMounts.Bind> places = new ArrayList<>();
    int anonymous = 0;
    for (ContainerSpec.Mount m : c.spec().mounts()) {
      switch (m.kind()) {
        case "volume" -> {
          String name = m.source().isEmpty() ? c.anonymousVolumes().get(anonymous++) : m.source();
          find(m.subpath() == null ? name : "")
              .ifPresent(v -> places.add(new DetachedMounts.Bind(v.mountpoint(), m.target())));
        }
        case "bind" -> {
          if (Files.exists(Path.of(m.source()))) {
            places.add(new DetachedMounts.Bind(Path.of(m.source()), m.target()));
          }
        }
        default -> {} // a tmpfs is there only while the container runs
      }
    }
    return places;
  }

  /// What `c` has had mounted for its volumes is needed no longer.
  void release(Container c) {
    inUse(c).values().forEach(name -> find(name).ifPresent(v -> mounts.release(v, c.id())));
  }

  /// `c` has outlived the engine before: its volumes are mounted still.
  void resume(Container c) {
    inUse(c).values().forEach(name -> find(name).ifPresent(v -> mounts.acquire(v, c.id())));
  }

  /// Takes away the mounts that nobody uses who has outlived the engine before.
  void settle() {
    list().forEach(mounts::settle);
  }

  /// An image's layers, read-only.
  private RuntimeSpec.Mount image(ContainerSpec.Mount m) {
    List<Path> lowers =
        snapshots.lowers(m.options().stream().map(dev.gantry.oci.Digest::parse).toList());
    if (lowers.size() == 1) {
      return bind(m, lowers.getFirst(), true);
    }
    List<String> options = new ArrayList<>(List.of("ro"));
    lowers.forEach(l -> options.add("lowerdir+=" + l));
    return new RuntimeSpec.Mount(m.target(), "overlay", "overlay", options, List.of(), List.of());
  }

  private static RuntimeSpec.Mount bind(ContainerSpec.Mount m, Path source, boolean readOnly) {
    List<String> options = new ArrayList<>();
    options.add("none".equals(m.recursion()) ? "bind" : "rbind");
    if (readOnly) {
      options.add("ro");
      if (m.recursion() == null) {
        options.add("rro");
      }
    }
    options.add(m.propagation().isEmpty() ? "rprivate" : m.propagation());
    String subpath = m.subpath();
    if (subpath != null) {
      options.add(DockerDefaults.SUBPATH + subpath);
    }
    return new RuntimeSpec.Mount(
        m.target(), "bind", source.toString(), options, List.of(), List.of());
  }
}
