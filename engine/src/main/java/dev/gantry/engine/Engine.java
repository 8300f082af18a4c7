package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.engine.logs.LogIntake;
import dev.gantry.images.Images;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.TreeRemoval;
import dev.gantry.network.Attachment;
import dev.gantry.network.Networks;
import dev.gantry.oci.Digest;
import dev.gantry.runtime.BuiltInRuntime;
import dev.gantry.runtime.ExitStatus;
import dev.gantry.runtime.RunningProcess;
import dev.gantry.runtime.Runtime;
import dev.gantry.store.ContentStore;
import dev.gantry.store.Journal;
import dev.gantry.store.Journal.Change;
import dev.gantry.store.Snapshots;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/// The container engine. It opens its state, takes up the containers that outlived the engine
/// before it, and offers the verbs. Closing it leaves every container running. Thread-safe.
public final class Engine implements AutoCloseable {
  static final String TABLE = "containers";

  private final EngineOptions options;
  private final Journal journal;
  private final Snapshots snapshots;
  private final Images images;
  private final Runtime runtime;
  private final Networks networks;
  private final Volumes volumes;
  private final SocketChecks socketChecks = new SocketChecks();
  private final Events events;
  private final CgroupLayout cgroups = CgroupLayout.detected();
  private final Containers containers = new Containers();
  private final ConcurrentMap<String, Exec> execs = new ConcurrentHashMap<>();
  private final Instant openedAt = Instant.now();
  private volatile boolean closed;

  private Engine(EngineOptions options, Journal journal, Runtime runtime, Networks networks) {
    this.options = options;
    this.journal = journal;
    this.runtime = runtime;
    this.networks = networks;
    this.events = Events.open(options.execRoot().resolve("events"));
    this.snapshots = Snapshots.open(options.dataRoot().resolve("overlay"));
    this.images =
        new Images(journal, ContentStore.open(options.dataRoot().resolve("content")), snapshots);
    images.keepLayersOf(this::layersOfContainers);
    this.volumes = new Volumes(options.dataRoot().resolve("volumes"), journal, snapshots);
  }

  /// Makes the engine's networks from its journal, when that is open.
  @FunctionalInterface
  public interface NetworksOpener {
    Networks open(Journal journal);
  }

  /// Opens the engine and takes up what runs.
  public static Engine open(EngineOptions options, NetworksOpener networks) {
    Journal journal = Journal.open(options.dataRoot().resolve("state"));
    try {
      Files.createDirectories(options.execRoot().resolve("containers"));
      Files.createDirectories(options.dataRoot().resolve("containers"));
    } catch (IOException e) {
      journal.close();
      throw new Failure.Internal("could not open " + options.execRoot() + ": " + e.getMessage(), e);
    }
    Engine engine =
        new Engine(
            options,
            journal,
            BuiltInRuntime.open(options.shim(), CgroupLayout.detected()),
            networks.open(journal));
    new RestoreContainers(engine, journal).restore();
    return engine;
  }

  // ---- what verbs work with

  public EngineOptions options() {
    return options;
  }

  public Images images() {
    return images;
  }

  public Events events() {
    return events;
  }

  public Networks networks() {
    return networks;
  }

  public Volumes volumes() {
    return volumes;
  }

  SocketChecks socketChecks() {
    return socketChecks;
  }

  Snapshots snapshots() {
    return snapshots;
  }

  Runtime runtime() {
    return runtime;
  }

  Journal journal() {
    return journal;
  }

  CgroupLayout cgroups() {
    return cgroups;
  }

  /// The control group of a container.
  String cgroup(Container c) {
    String parent = c.spec().cgroupParent();
    String folder = parent == null || parent.isEmpty() ? options.cgroupParent() : parent;
    return (folder.startsWith("/") ? folder : "/" + folder) + "/" + c.id();
  }

  Path stateDirectory(String id) {
    return options.execRoot().resolve("containers").resolve(id);
  }

  Path emptyLayer() {
    Path folder = options.dataRoot().resolve("overlay/empty");
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new Failure.Internal("could not make " + folder, e);
    }
    return folder;
  }

  /// What a run's output goes through into the log; null where none is kept.
  @Nullable LogIntake intake(Container c) {
    if (c.spec().logging().driver().equals("none")) {
      return null;
    }
    return LogIntake.open(
        c.log(),
        stateDirectory(c.id()),
        LogAttributes.of(c),
        what -> System.err.println("container " + Ids.shorten(c.id()) + ": " + what));
  }

  void note(Container c) {
    // what is being removed has no record any more, whoever still speaks of it; under one lock with
    // the change of state, so that this record is never written behind its removal
    synchronized (c) {
      if (!(c.state() instanceof ContainerState.Removing
          || c.state() instanceof ContainerState.Dead)) {
        journal.note(Change.put(TABLE, c.id(), c.record()));
      }
    }
  }

  /// Notes the container as it will be.
  void note(Container c, ContainerState next) {
    journal.note(Change.put(TABLE, c.id(), c.record(next)));
  }

  boolean isClosed() {
    return closed;
  }

  Instant openedAt() {
    return openedAt;
  }

  void forgetExecs(Container c) {
    c.execs.keySet().forEach(execs::remove);
    c.execs.clear();
  }

  /// An exec that was the engine's own: nobody will ask for it.
  void forget(Exec exec) {
    execs.remove(exec.id());
    exec.container().execs.remove(exec.id());
  }

  void publish(Container c, String action, Map<String, String> more) {
    Map<String, String> attributes = new HashMap<>(c.attributes());
    attributes.putAll(more);
    events.publish("container", action, c.id(), attributes);
  }

  /// Tells of something that a face did to an image.
  public void publishImage(String action, String id, Map<String, String> attributes) {
    events.publish("image", action, id, attributes);
  }

  /// Tells of something that a face did to a network or volume.
  public void publishEvent(String type, String action, String id, Map<String, String> attributes) {
    events.publish(type, action, id, attributes);
  }

  /// True if the container has `volume`, whether it runs or not.
  public boolean uses(Container c, String volume) {
    return c.anonymousVolumes().contains(volume)
        || c.spec().mounts().stream()
            .anyMatch(m -> m.kind().equals("volume") && m.source().equals(volume));
  }

  /// Connects a container to a further network.
  public void connect(Container c, dev.gantry.network.EndpointRequest endpoint) {
    new NetworkMembership(this).connect(c, endpoint);
  }

  /// Takes a legacy link away from the container that has it.
  public void unlink(Container c, String alias) {
    LegacyLinks.remove(this, c, alias);
  }

  /// Takes a container off a network (name or id).
  public void disconnect(Container c, String network) {
    new NetworkMembership(this).disconnect(c, network);
  }

  void releaseNetwork(Container c) {
    networks.release(c.id());
    c.attached(null);
  }

  // ---- finding containers

  Containers containers() {
    return containers;
  }

  /// All containers, the newest first.
  public List<Container> list() {
    return containers.list();
  }

  /// Finds a container by id, name, or the beginning of its id.
  public Optional<Container> find(String text) {
    return containers.find(text);
  }

  /// As [#find], with Docker's error where there is none.
  public Container require(String text) {
    return containers.require(text);
  }

  /// Where a container's files are.
  ///
  /// @param lowers the image's layers, the top one first
  /// @param upper what the container has written
  /// @param merged where the whole is mounted, in the container's own mount namespace
  public record Layers(List<Path> lowers, Path upper, Path work, Path merged) {}

  public Layers layers(Container c) {
    Snapshots.Writable own = snapshots.container(c.id());
    List<Path> lowers =
        snapshots.lowers(c.spec().layers().stream().map(dev.gantry.oci.Digest::parse).toList());
    return new Layers(List.copyOf(lowers), own.upper(), own.work(), own.target());
  }

  // ---- create, rename

  /// Makes a container that does not run yet. It is durable when this returns.
  public Container create(ContainerSpec wanted, Optional<String> wantedName) {
    return new CreateContainer(this).create(wanted, wantedName);
  }

  public void rename(String ref, String newName) {
    Container c = require(ref);
    String name = newName.startsWith("/") ? newName.substring(1) : newName;
    if (name.isEmpty()) {
      throw new Failure.InvalidRequest("Neither old nor new names may be empty");
    }
    c.verbs.lock();
    try {
      String old = c.name();
      if (old.equals(name)) {
        throw new Failure.InvalidRequest(
            "Renaming a container with the same name as its current name");
      }
      containers.rename(c, name);
      networks.rename(c.id(), name).ifPresent(c::attached);
      containers.free(old, c.id());
      note(c);
      publish(c, "rename", Map.of("oldName", "/" + old));
    } finally {
      c.verbs.unlock();
    }
  }

  // ---- start, stop, kill, pause

  public void start(String ref) {
    start(ref, List.of());
  }

  /// Starts a container.
  ///
  /// @param environment more variables for this run alone, `NAME=value`: they are stored nowhere
  public void start(String ref, List<String> environment) {
    Container c = require(ref);
    c.verbs.lock();
    try {
      if (c.state() instanceof ContainerState.Restarting) {
        throw new Failure.NotModified("container " + c.id() + " is already running");
      }
      c.stopping(false);
      c.countRestart(0, 0);
      new StartContainer(this, environment).start(c);
    } finally {
      c.verbs.unlock();
    }
  }

  /// Asks the container to end and makes it end after `timeout` seconds (-1: never; empty: its
  /// own).
  public void stop(String ref, Optional<Integer> timeout, Optional<Integer> signal) {
    new StopContainer(this).stop(ref, timeout, signal);
  }

  /// Ends every container that lives, side by side: its own stop signal, and SIGKILL after at most
  /// `limit`.
  public void stopAll(Duration limit) {
    new StopContainer(this).stopAll(limit);
  }

  public void kill(String ref, int signal) {
    new StopContainer(this).kill(ref, signal);
  }

  public void restart(String ref, Optional<Integer> timeout, Optional<Integer> signal) {
    new StopContainer(this).restart(ref, timeout, signal);
  }

  public void pause(String ref) {
    new PauseContainer(this).pause(ref);
  }

  public void unpause(String ref) {
    new PauseContainer(this).unpause(ref);
  }

  public void resize(String ref, int rows, int columns) {
    Container c = require(ref);
    try {
      c.requireProcess().resize(rows, columns);
      publish(
          c,
          "resize",
          Map.of("height", Integer.toString(rows), "width", Integer.toString(columns)));
    } catch (IOException e) {
      throw new Failure.Internal("could not resize container " + c.id() + ": " + e.getMessage(), e);
    }
  }

  /// The processes of a container, as this machine numbers them.
  public List<Integer> processes(Container c) {
    refuseRestarting(c);
    if (!(c.state() instanceof ContainerState.Live)) {
      throw new Failure.Conflict("container " + c.id() + " is not running");
    }
    publish(c, "top", Map.of());
    return cgroups.processes(cgroup(c));
  }

  static void refuseRestarting(Container c) {
    if (c.state() instanceof ContainerState.Restarting) {
      throw new Failure.Conflict(
          "Container " + c.id() + " is restarting, wait until the container is running");
    }
  }

  // ---- the end of a run

  /// Waits for the end of `process` and brings the container to its next state.
  void watch(Container c, RunningProcess process, Output output) {
    Thread.ofVirtual()
        .name("container-" + Ids.shorten(c.id()))
        .start(
            () -> {
              try {
                ExitStatus exit = process.awaitExit();
                if (!closed) {
                  new EndOfRun(this, c).of(process, output, exit);
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  // ---- remove

  /// Removes a container and, with `withVolumes`, the volumes that were made for it alone.
  public void remove(String ref, boolean force, boolean withVolumes) {
    new RemoveContainer(this).remove(ref, force, withVolumes);
  }

  static void deleteFolder(Path folder) {
    try {
      TreeRemoval.remove(folder);
    } catch (Errno e) {
      return; // swept at the next start
    }
  }

  // ---- execs

  void add(Exec exec) {
    execs.put(exec.id(), exec);
    exec.container().execs.put(exec.id(), exec);
  }

  public Exec requireExec(String id) {
    Exec exec = execs.get(id);
    if (exec == null) {
      throw new Failure.NotFound("No such exec instance: " + id);
    }
    return exec;
  }

  public Execs execs() {
    return new Execs(this);
  }

  public Attach attach() {
    return new Attach(this);
  }

  /// Explains ends of containers.
  public Why why() {
    return new Why(this);
  }

  /// What the container uses now; empty when nothing runs.
  public Optional<Statistics.Sample> statistics(Container c) {
    return Statistics.of(this, c);
  }

  /// Reads what the container uses again and again.
  public Statistics.Watch watch(Container c) {
    return new Statistics.Watch(this, c, true);
  }

  /// Changes a container's specification, at once where it runs.
  public void update(String ref, java.util.function.UnaryOperator<ContainerSpec> change) {
    new UpdateContainer(this).update(require(ref), change);
  }

  /// Copies files in and out.
  public ContainerFiles files() {
    return new ContainerFiles(this);
  }

  /// A folder of the engine's data for the part called `name`.
  public Path folder(String name) {
    Path folder = options.dataRoot().resolve(name);
    try {
      return Files.createDirectories(folder);
    } catch (IOException e) {
      throw new Failure.Internal("could not make " + folder + ": " + e.getMessage(), e);
    }
  }

  /// Snapshots, clones and archives of volumes.
  public VolumeCopies volumeCopies() {
    return new VolumeCopies(this);
  }

  /// Files of images without a container.
  public LayerFiles layerFiles() {
    return new LayerFiles(this);
  }

  /// What containers have changed, and images of it.
  public ContainerChanges changes() {
    return new ContainerChanges(this);
  }

  // ---- start and end of the engine

  private Set<Digest> layersOfContainers() {
    Set<Digest> chains = new HashSet<>();
    for (Container c : containers.all()) {
      chains.addAll(Images.chains(c.spec().layers().stream().map(Digest::parse).toList()));
      for (ContainerSpec.Mount m : c.spec().mounts()) {
        if (m.kind().equals("image")) {
          chains.addAll(Images.chains(m.options().stream().map(Digest::parse).toList()));
        }
      }
    }
    return chains;
  }

  /// Ends the engine. Containers go on.
  @Override
  public void close() {
    closed = true;
    socketChecks.close();
    networks.close();
    events.close();
    journal.close();
  }

  /// What a container has on its networks.
  public Optional<Attachment> attachment(Container c) {
    return c.attachment();
  }
}
