package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.engine.logs.LogIntake;
import dev.gantry.engine.shipping.LogDrivers;
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
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
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
  private final ConcurrentMap<String, Container> containers = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, String> names = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, Exec> execs = new ConcurrentHashMap<>();
  private final Random random = new Random();
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

  /// Makes a container known that an engine before this one made.
  void add(Container c) {
    containers.put(c.id(), c);
    names.put(c.name(), c.id());
  }

  Snapshots snapshots() {
    return snapshots;
  }

  Runtime runtime() {
    return runtime;
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

  /// Tells that a container's volumes come into use or go out of it.
  void publishVolumes(Container c, String action) {
    volumes
        .inUse(c)
        .forEach(
            (mount, name) -> {
              Map<String, String> attributes = new HashMap<>();
              attributes.put("container", c.id());
              attributes.put("driver", "local");
              if (action.equals("mount")) {
                attributes.put("destination", mount.target());
                attributes.put("propagation", mount.propagation());
                attributes.put("read/write", Boolean.toString(!mount.readOnly()));
              }
              events.publish("volume", action, name, attributes);
            });
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

  void publishNetwork(Container c, String action) {
    String mode = c.spec().modes().network();
    if (mode.startsWith("container:")) {
      return;
    }
    List<String> on =
        c.attachment()
            .map(a -> a.endpoints().stream().map(dev.gantry.network.Endpoint::network).toList())
            .orElse(List.of(mode));
    for (String network : on) {
      try {
        var n = networks.find(network);
        events.publish(
            "network",
            action,
            n.id(),
            Map.of("container", c.id(), "name", n.name(), "type", n.driver()));
      } catch (Failure.NotFound e) {
        continue; // removed in the meantime
      }
    }
  }

  void releaseNetwork(Container c) {
    networks.release(c.id());
    c.attached(null);
  }

  // ---- finding containers

  /// All containers, the newest first.
  public List<Container> list() {
    return containers.values().stream()
        .sorted(java.util.Comparator.comparing(Container::created).reversed())
        .toList();
  }

  /// Finds a container by id, name, or the beginning of its id.
  public Optional<Container> find(String text) {
    Container byId = containers.get(text);
    if (byId != null) {
      return Optional.of(byId);
    }
    String name = text.startsWith("/") ? text.substring(1) : text;
    String id = names.get(name);
    if (id != null) {
      return Optional.ofNullable(containers.get(id));
    }
    if (text.isEmpty()) {
      return Optional.empty();
    }
    List<Container> matches =
        containers.values().stream().filter(c -> c.id().startsWith(text)).toList();
    if (matches.size() > 1) {
      throw new Failure.InvalidRequest("multiple IDs found with provided prefix: " + text);
    }
    return matches.stream().findFirst();
  }

  /// As [#find], with Docker's error where there is none.
  public Container require(String text) {
    return find(text).orElseThrow(() -> new Failure.NotFound("No such container: " + text));
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
    RuntimeSpecs.check(wanted.security());
    LogDrivers.check(wanted.logging().driver(), wanted.logging().options());
    String id = Ids.next();
    String name = reserve(wantedName, id);
    try {
      ContainerSpec spec =
          wanted.hostname().isEmpty() ? withHostname(wanted, RuntimeSpecs.hostname(id)) : wanted;
      List<Volumes.Fresh> fresh = new ArrayList<>();
      for (ContainerSpec.Mount m : spec.mounts()) {
        if (m.kind().equals("volume") && m.source().isEmpty()) {
          fresh.add(volumes.anonymous(labels(m), options(m)));
        } else if (m.kind().equals("volume") && volumes.find(m.source()).isEmpty()) {
          String volume = volumes.create(m.source(), labels(m), options(m)).name();
          events.publish("volume", "create", volume, Map.of("driver", "local"));
        }
      }
      snapshots.create(id);
      mark(snapshots.container(id).upper().resolve(".dockerenv"));
      Container c =
          new Container(
              id,
              name,
              Instant.now(),
              spec,
              new ContainerState.Created(0, ""),
              options.dataRoot().resolve("containers").resolve(id),
              fresh.stream().map(Volumes.Fresh::name).toList());
      Files.createDirectories(c.folder());
      List<Change> made = new ArrayList<>(List.of(Change.put(TABLE, id, c.record())));
      fresh.forEach(volume -> made.add(volume.change()));
      journal.note(made.toArray(Change[]::new));
      fresh.forEach(v -> events.publish("volume", "create", v.name(), Map.of("driver", "local")));
      containers.put(id, c);
      publish(c, "create", Map.of());
      return c;
    } catch (IOException e) {
      names.remove(name, id);
      throw new Failure.Internal("could not create the container: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      names.remove(name, id);
      throw e;
    }
  }

  /// By this file programs see that they are in a container.
  private static void mark(Path file) throws IOException {
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
  }

  private static @Nullable Map<String, String> labels(ContainerSpec.Mount m) {
    ContainerSpec.VolumeWish wish = m.volume();
    return wish == null ? null : wish.labels();
  }

  private static @Nullable Map<String, String> options(ContainerSpec.Mount m) {
    ContainerSpec.VolumeWish wish = m.volume();
    return wish == null ? null : wish.options();
  }

  /// The volumes that `c` owns if its mounts become those of `spec`: one that has its place still
  /// stays, for a new place one is made. What has no place any more is kept as a volume of nobody.
  List<String> anonymousVolumes(Container c, ContainerSpec spec) {
    Map<String, String> there = new HashMap<>();
    volumes.inUse(c).forEach((mount, name) -> there.put(mount.target(), name));
    List<String> names = new ArrayList<>();
    for (ContainerSpec.Mount m : spec.mounts()) {
      if (m.kind().equals("volume") && m.source().isEmpty()) {
        String old = there.get(m.target());
        names.add(
            old != null && c.anonymousVolumes().contains(old)
                ? old
                : volumes.create("", null, null).name());
      }
    }
    return names;
  }

  /// Stops `c`, whose verb lock the caller holds, and starts it again as it is to be now.
  void restartInPlace(Container c) {
    endForRestart(c, c.spec().stopTimeout(), c.spec().stopSignal(), "stop");
    c.stopping(false);
    new StartContainer(this).start(c);
    publish(c, "restart", Map.of());
  }

  private void endForRestart(Container c, int seconds, int signal, String by) {
    c.staying(true);
    try {
      stopLive(c, seconds, signal, by);
    } finally {
      c.staying(false);
    }
  }

  private static ContainerSpec withHostname(ContainerSpec s, String hostname) {
    return s.with(json -> json.put("hostname", hostname));
  }

  private String reserve(Optional<String> wanted, String id) {
    if (wanted.isPresent() && !wanted.get().isEmpty()) {
      String name = wanted.get().startsWith("/") ? wanted.get().substring(1) : wanted.get();
      take(name, id);
      return name;
    }
    for (int attempt = 0; ; attempt++) {
      String name = Names.random(random, attempt);
      if (names.putIfAbsent(name, id) == null) {
        return name;
      }
    }
  }

  private void take(String name, String id) {
    if (!name.matches("[a-zA-Z0-9][a-zA-Z0-9_.-]+")) {
      throw new Failure.InvalidRequest(
          "Invalid container name (" + name + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    }
    String owner = names.putIfAbsent(name, id);
    if (owner != null) {
      // the real CLI shows this text, and scripts look for "is already in use"
      throw new Failure.Conflict(
          "Conflict. The container name \"/"
              + name
              + "\" is already in use by container \""
              + owner
              + "\". You have to remove (or rename) that container to be able to reuse that name.");
    }
  }

  private void takeNew(String name, String id) {
    String prefix = "Error when allocating new name: ";
    try {
      take(name, id);
    } catch (Failure.Conflict e) {
      throw new Failure.Conflict(prefix + e.text(), null, e);
    } catch (Failure.InvalidRequest e) {
      // with the slash that Docker's daemon keeps in front of names
      throw new Failure.InvalidRequest(prefix + e.text().replace("(", "(/"), null, e);
    }
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
      takeNew(name, c.id());
      c.rename(name);
      networks.rename(c.id(), name).ifPresent(c::attached);
      names.remove(old, c.id());
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
    Container c = require(ref);
    c.verbs.lock();
    try {
      if (!(c.state() instanceof ContainerState.Live)) {
        if (c.state() instanceof ContainerState.Restarting restarting) {
          new EndOfRun(this, c).callOff(restarting);
          publish(c, "stop", Map.of());
          return;
        }
        throw new Failure.NotModified("container " + c.id() + " is already stopped");
      }
      stopLive(c, timeout.orElse(c.spec().stopTimeout()), signal.orElse(c.spec().stopSignal()));
    } finally {
      c.verbs.unlock();
    }
  }

  /// Ends every container that lives, side by side: its own stop signal, and SIGKILL after at most
  /// `limit`.
  public void stopAll(Duration limit) {
    List<Thread> stops =
        list().stream()
            .filter(c -> c.state() instanceof ContainerState.Live)
            .map(
                c ->
                    Thread.ofVirtual()
                        .start(
                            () -> {
                              c.verbs.lock();
                              try {
                                int own = c.spec().stopTimeout();
                                int most = (int) limit.toSeconds();
                                if (c.state() instanceof ContainerState.Live) {
                                  stopLive(
                                      c,
                                      own < 0 ? most : Math.min(own, most),
                                      c.spec().stopSignal());
                                }
                              } finally {
                                c.verbs.unlock();
                              }
                            }))
            .toList();
    for (Thread stop : stops) {
      try {
        stop.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private void stopLive(Container c, int seconds, int signal) {
    stopLive(c, seconds, signal, "stop");
  }

  private void stopLive(Container c, int seconds, int signal, String by) {
    c.stopping(true);
    c.announceStop();
    signal(c, signal, by);
    if (c.state() instanceof ContainerState.Paused) {
      thaw(c);
    }
    if (seconds >= 0 && !ends(c, seconds * 1000L)) {
      signal(c, 9, by.equals("stop") ? "stop-timeout" : by);
    }
    ends(c, Long.MAX_VALUE / 2);
  }

  private boolean ends(Container c, long millis) {
    long deadline = System.nanoTime() + Math.min(millis, Long.MAX_VALUE / 2_000_000) * 1_000_000L;
    synchronized (c) {
      while (c.state() instanceof ContainerState.Live) {
        long left = (deadline - System.nanoTime()) / 1_000_000L;
        if (left <= 0) {
          return false;
        }
        try {
          c.wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new Failure.Cancelled("interrupted while waiting for " + c.id());
        }
      }
    }
    return true;
  }

  private void signal(Container c, int signal, String by) {
    try {
      Optional<RunningProcess> process = c.process();
      if (process.isPresent()) {
        c.sent(signal, by);
        if (!c.spec().autoRemove()) {
          note(c); // an engine after this one knows whose wish the end was
        }
        process.get().signal(signal);
        publish(c, "kill", Map.of("signal", Integer.toString(signal)));
      }
    } catch (IOException e) {
      throw new Failure.Internal("Cannot kill container: " + c.id() + ": " + e.getMessage(), e);
    }
  }

  public void kill(String ref, int signal) {
    Container c = require(ref);
    if (c.state() instanceof ContainerState.Restarting restarting
        && (signal == 9 || signal == c.spec().stopSignal())) {
      c.verbs.lock();
      try {
        if (c.state() == restarting) {
          new EndOfRun(this, c).callOff(restarting);
          return;
        }
      } finally {
        c.verbs.unlock();
      }
    }
    if (!(c.state() instanceof ContainerState.Live)) {
      throw new Failure.Conflict(
          "cannot kill container: " + ref + ": container " + c.id() + " is not running");
    }
    if (signal == 9 || signal == c.spec().stopSignal()) {
      c.stopping(true);
    }
    signal(c, signal, "user");
    if (c.state() instanceof ContainerState.Paused) {
      thaw(c);
    }
    if (signal == 9) {
      ends(c, 10_000);
    }
  }

  /// Does with an unhealthy container what its check says: `kill` (the restart policy decides what
  /// follows), `stop` or `restart`.
  void unhealthy(Container c, String action) {
    c.verbs.lock();
    try {
      if (!(c.state() instanceof ContainerState.Running)) {
        return;
      }
      switch (action) {
        case "kill" -> {
          signal(c, 9, "health");
          ends(c, 10_000);
        }
        case "stop" -> stopLive(c, c.spec().stopTimeout(), c.spec().stopSignal(), "health");
        case "restart" -> {
          endForRestart(c, c.spec().stopTimeout(), c.spec().stopSignal(), "health");
          c.stopping(false);
          c.countRestart(c.restartCount() + 1, 0);
          new StartContainer(this).start(c);
          publish(c, "restart", Map.of());
        }
        default -> {}
      }
    } catch (Failure e) {
      System.getLogger("gantryd")
          .log(System.Logger.Level.WARNING, "unhealthy container " + c.id() + ": " + e.text());
    } finally {
      c.verbs.unlock();
    }
  }

  public void restart(String ref, Optional<Integer> timeout, Optional<Integer> signal) {
    Container c = require(ref);
    c.verbs.lock();
    try {
      if (c.state() instanceof ContainerState.Live) {
        endForRestart(
            c,
            timeout.orElse(c.spec().stopTimeout()),
            signal.orElse(c.spec().stopSignal()),
            "stop");
      }
      c.stopping(false);
      c.countRestart(0, 0);
      new StartContainer(this).start(c);
      publish(c, "restart", Map.of());
    } finally {
      c.verbs.unlock();
    }
  }

  public void pause(String ref) {
    Container c = require(ref);
    c.verbs.lock();
    try {
      if (c.state() instanceof ContainerState.Paused) {
        throw new Failure.Conflict("Container " + c.id() + " is already paused");
      }
      refuseRestarting(c);
      if (!(c.state() instanceof ContainerState.Running running)) {
        throw new Failure.Conflict("container " + c.id() + " is not running");
      }
      cgroups.freeze(cgroup(c), true);
      HealthMonitor.stop(c);
      c.become(new ContainerState.Paused(running.pid(), running.startedAt()));
      note(c);
      publish(c, "pause", Map.of());
    } catch (IOException e) {
      throw new Failure.Internal("cannot pause container " + c.id() + ": " + e.getMessage(), e);
    } finally {
      c.verbs.unlock();
    }
  }

  public void unpause(String ref) {
    Container c = require(ref);
    c.verbs.lock();
    try {
      if (!(c.state() instanceof ContainerState.Paused)) {
        throw new Failure.Conflict("Container " + c.id() + " is not paused");
      }
      thaw(c);
    } finally {
      c.verbs.unlock();
    }
  }

  private void thaw(Container c) {
    if (!(c.state() instanceof ContainerState.Paused paused)) {
      return;
    }
    try {
      cgroups.freeze(cgroup(c), false);
    } catch (IOException e) {
      throw new Failure.Internal("cannot unpause container " + c.id() + ": " + e.getMessage(), e);
    }
    c.become(new ContainerState.Running(paused.pid(), paused.startedAt()));
    note(c);
    publish(c, "unpause", Map.of());
    HealthMonitor.start(this, c, false);
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

  /// Kills what still lives in the container's control group.
  void killRest(Container c) {
    // without a pid namespace of its own the first process's end does not end the others
    for (int attempt = 0; attempt < 50; attempt++) {
      List<Integer> rest = cgroups.processes(cgroup(c));
      if (rest.isEmpty()) {
        return;
      }
      for (int pid : rest) {
        try (var p = dev.gantry.kernel.PidFd.open(pid)) {
          p.signal(9);
        } catch (IOException e) {
          continue; // it has gone by itself
        }
      }
      sleep(attempt < 5 ? 1 : 20);
    }
  }

  void autoRemove(Container c) {
    Thread.ofVirtual()
        .name("remove-" + Ids.shorten(c.id()))
        .start(
            () -> {
              try {
                remove(c.id(), true, true);
              } catch (Failure.NotFound | Failure.Conflict e) {
                return; // somebody was faster
              }
            });
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// Removes what a run leaves outside the container's own folders.
  void removeRuntimeState(Container c) {
    String group = cgroup(c);
    if (!cgroups.remove(group)) {
      Thread.ofVirtual()
          .name("cgroup-" + Ids.shorten(c.id()))
          .start(
              () -> {
                for (int i = 0; i < 100 && !cgroups.remove(group); i++) {
                  sleep(20);
                }
              });
    }
    Path state = stateDirectory(c.id());
    try (var files = Files.list(state)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(state);
    } catch (IOException e) {
      return; // there is none
    }
  }

  // ---- remove

  /// Removes a container and, with `withVolumes`, the volumes that were made for it alone.
  public void remove(String ref, boolean force, boolean withVolumes) {
    Container c = require(ref);
    c.verbs.lock();
    try {
      switch (c.state()) {
        case ContainerState.Live l -> {
          if (!force) {
            String what =
                l instanceof ContainerState.Paused
                    ? "container is paused and must be unpaused first"
                    : "container is running: stop the container before removing or force remove";
            throw new Failure.Conflict("cannot remove container \"" + c.name() + "\": " + what);
          }
          c.stopping(true);
          if (l instanceof ContainerState.Paused) {
            thaw(c);
          }
          signal(c, 9, "remove");
          if (!ends(c, 30_000)) {
            throw new Failure.Internal("container " + c.id() + " does not end");
          }
        }
        case ContainerState.Restarting r -> {
          if (!force) {
            throw new Failure.Conflict(
                "cannot remove container \""
                    + c.name()
                    + "\": container is restarting: stop the container before removing or force remove");
          }
          c.stopping(true);
        }
        case ContainerState.Removing r ->
            throw new Failure.Conflict(
                "removal of container " + c.name() + " is already in progress");
        default -> {}
      }
      discard(c, withVolumes);
    } finally {
      c.verbs.unlock();
    }
  }

  /// Takes away all that there is of a container that does not run.
  void discard(Container c, boolean withVolumes) {
    if (containers.get(c.id()) == null) {
      throw new Failure.NotFound("No such container: " + c.id());
    }
    int code = c.state() instanceof ContainerState.Exited e ? e.exitCode() : 0;
    c.become(new ContainerState.Removing(Instant.EPOCH, Instant.EPOCH, code));
    if (Files.exists(stateDirectory(c.id()))) { // else the end of its last run took all that away
      removeRuntimeState(c);
    }
    // one record: a kill in between leaves neither a volume without its container nor the reverse
    List<Change> gone = new ArrayList<>(List.of(Change.remove(TABLE, c.id())));
    List<Volumes.Volume> own = withVolumes ? ownVolumes(c) : List.of();
    own.forEach(volume -> gone.add(volumes.removal(volume)));
    journal.note(gone.toArray(Change[]::new));
    c.takeWaiting().forEach(Listener::notStarted);
    Shipping.end(c);
    c.closeLog();
    snapshots.remove(c.id());
    snapshots.discard(c.folder());
    for (Volumes.Volume volume : own) {
      volumes.deleteFiles(volume);
      events.publish("volume", "destroy", volume.name(), Map.of("driver", "local"));
    }
    containers.remove(c.id());
    names.remove(c.name(), c.id());
    publish(c, "destroy", Map.of());
    c.become(new ContainerState.Dead(""));
  }

  /// The volumes that were made for `c` and that nobody else uses.
  private List<Volumes.Volume> ownVolumes(Container c) {
    return c.anonymousVolumes().stream()
        .filter(v -> containers.values().stream().noneMatch(o -> o != c && uses(o, v)))
        .flatMap(v -> volumes.find(v).stream())
        .toList();
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
    for (Container c : containers.values()) {
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
