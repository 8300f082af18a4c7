package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Undo;
import dev.gantry.engine.shipping.LogDestination;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.NetlinkSetup;
import dev.gantry.network.Networks;
import dev.gantry.oci.Digest;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.Launch;
import dev.gantry.runtime.LaunchFailure;
import dev.gantry.runtime.Rootfs;
import dev.gantry.runtime.RunningProcess;
import dev.gantry.runtime.Sysctls;
import dev.gantry.store.Snapshots;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Starts a container: files, network, launch, and then the watch over its end.
final class StartContainer {
  private static final String REFUSED =
      "failed to create task for container: failed to create shim task: OCI runtime create failed:"
          + " runc create failed: ";
  private static final String RUNTIME_ERROR =
      REFUSED + "unable to start container process: error during container init: ";

  private final Engine engine;
  private final List<String> environment;

  StartContainer(Engine engine) {
    this(engine, List.of());
  }

  /// @param environment more variables for this run alone
  StartContainer(Engine engine, List<String> environment) {
    this.engine = engine;
    this.environment = List.copyOf(environment);
  }

  /// Starts `c`, whose verb lock the caller holds.
  void start(Container c) {
    switch (c.state()) {
      case ContainerState.Startable s -> {}
      case ContainerState.Restarting r -> {}
      case ContainerState.Running r ->
          throw new Failure.NotModified("container " + c.id() + " is already running");
      case ContainerState.Paused p ->
          throw new Failure.Conflict("cannot start a paused container, try unpause instead");
      case ContainerState.Removing r ->
          throw new Failure.Conflict("container is marked for removal and cannot be started");
      case ContainerState.Dead d ->
          throw new Failure.Conflict("container is marked for removal and cannot be started");
    }
    Instant before = Instant.now();
    try (Undo undo = new Undo()) {
      Net network = undo.on(attach(c), n -> engine.releaseNetwork(c));
      List<LegacyLinks.Link> links = LegacyLinks.of(engine, c);
      if (!c.spec().modes().network().startsWith("container:")) {
        new NetworkFiles(engine).write(c, network.attachment(), links);
      }
      undo.on(() -> engine.volumes().release(c));
      Optional<LogDestination> destination = Shipping.open(c);
      undo.on(() -> destination.ifPresent(LogDestination::close));
      List<String> more = new ArrayList<>(LegacyLinks.environment(c, links));
      more.addAll(environment);
      Launch launch = launch(c, network, more);
      undo.on(() -> new RunRemains(engine).remove(c));
      RunningProcess process = undo.on(engine.runtime().launch(launch), StartContainer::kill);
      Output output = new Output(process, streams(process), engine.intake(c), c.takeWaiting());
      c.run(process, output);
      c.takeSent();
      c.attached(network.attachment().orElse(null));
      c.become(new ContainerState.Running(process.pid(), Instant.now()));
      engine.note(c);
      undo.commit();
      network.attachment().ifPresent(a -> engine.networks().started(c.id(), process.pid()));
      destination.ifPresent(d -> Shipping.start(c, d)); // first: no line may be rotated away before
      output.start();
      new UseEvents(engine).volumes(c, "mount");
      new UseEvents(engine).networks(c, "connect");
      engine.publish(c, "start", Map.of());
      HealthMonitor.start(engine, c, true);
      engine.watch(c, process, output);
    } catch (LaunchFailure e) {
      throw failed(c, e, before);
    } catch (Failure e) {
      refused(c, e);
      throw e;
    }
  }

  private static void kill(RunningProcess process) throws IOException {
    process.signal(9);
    process.close();
  }

  /// A failed start leaves the container as it was, with the code and the text of the failure.
  private Failure failed(Container c, LaunchFailure e, Instant before) {
    c.takeWaiting().forEach(Listener::notStarted);
    int code =
        switch (e.kind()) {
          case COMMAND_NOT_FOUND -> 127;
          case COMMAND_NOT_EXECUTABLE -> 126;
          case SETUP -> 128;
        };
    String text = RUNTIME_ERROR + reason(c, e);
    c.died(EndOfRun.judged(c, EndOfRun.unborn(code, e.text())));
    ContainerState next =
        switch (c.state()) {
          case ContainerState.Exited x ->
              new ContainerState.Exited(code, x.startedAt(), before, false, text);
          case ContainerState.Restarting r ->
              new ContainerState.Exited(code, r.startedAt(), before, false, text);
          default -> new ContainerState.Created(code, text);
        };
    c.become(next);
    engine.note(c);
    new UseEvents(engine).networks(c, "disconnect");
    if (c.spec().autoRemove()) {
      new RemoveContainer(engine).afterItsRun(c);
    }
    return code == 128 ? new Failure.Internal(text, e) : new Failure.InvalidRequest(text, null, e);
  }

  /// The kernel says of a folder that it may not be executed; people want to know that it is one.
  private String reason(Container c, LaunchFailure e) {
    String program = c.spec().command().getFirst();
    boolean folder =
        e.kind() == LaunchFailure.Kind.COMMAND_NOT_EXECUTABLE
            && e.errno() == Errno.EACCES
            && program.startsWith("/")
            && engine.layers(c).lowers().stream()
                .map(layer -> layer.resolve(program.substring(1)))
                .filter(path -> Files.exists(path, LinkOption.NOFOLLOW_LINKS))
                .findFirst()
                .filter(path -> Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))
                .isPresent();
    return folder ? e.text().replace("permission", "is a directory: permission") : e.text();
  }

  /// A start that failed before anything was launched: a port in use, an unknown network or user.
  private void refused(Container c, Failure e) {
    c.takeWaiting().forEach(Listener::notStarted);
    c.died(EndOfRun.judged(c, EndOfRun.unborn(128, e.text())));
    ContainerState next =
        switch (c.state()) {
          case ContainerState.Created x -> new ContainerState.Created(128, e.text());
          case ContainerState.Exited x ->
              new ContainerState.Exited(
                  failure(x.exitCode()), x.startedAt(), x.finishedAt(), x.oomKilled(), e.text());
          case ContainerState.Restarting r ->
              new ContainerState.Exited(
                  failure(r.exitCode()), r.startedAt(), r.finishedAt(), false, e.text());
          default -> c.state();
        };
    c.become(next);
    engine.note(c);
    new UseEvents(engine).networks(c, "disconnect");
    if (c.spec().autoRemove()) {
      new RemoveContainer(engine).afterItsRun(c);
    }
  }

  /// What failed does not look as if it had ended well.
  private static int failure(int exitCode) {
    return exitCode == 0 ? 128 : exitCode;
  }

  static List<Output.Stream> streams(RunningProcess process) {
    List<Output.Stream> streams = new ArrayList<>();
    process.terminal().ifPresent(fd -> streams.add(new Output.Stream("stdout", fd, true)));
    process.stdout().ifPresent(fd -> streams.add(new Output.Stream("stdout", fd, false)));
    process.stderr().ifPresent(fd -> streams.add(new Output.Stream("stderr", fd, false)));
    return streams;
  }

  // ---- network

  /// What the container has on networks; nothing in the modes host, none and container.
  private record Net(
      java.util.Optional<dev.gantry.network.Attachment> attachment,
      NetlinkSetup setup,
      String namespace) {}

  /// Who joins another container's network is called as that one is.
  private void takeHostname(Container c, Container other) {
    String hostname = other.spec().hostname();
    if (!c.spec().hostname().equals(hostname)) {
      c.update(
          c.spec()
              .with(
                  json ->
                      json.put("hostname", hostname).put("domainname", other.spec().domainname())));
    }
  }

  private Container other(String id) {
    return engine
        .find(id)
        .orElseThrow(
            () ->
                new Failure.NotFound(
                    "joining network namespace of container: No such container: " + id));
  }

  private Net attach(Container c) {
    String mode = c.spec().modes().network();
    if (mode.startsWith("container:")) {
      takeHostname(c, other(mode.substring(10)));
    }
    if (mode.equals("host") || mode.equals("none") || mode.startsWith("container:")) {
      // a namespace of its own has at least its loopback
      return new Net(
          java.util.Optional.empty(), mode.equals("none") ? Loopback.SETUP : NetlinkSetup.NONE, "");
    }
    Networks.Attached attached = engine.networks().attach(NetworkFiles.request(c));
    return new Net(
        java.util.Optional.of(attached.attachment()), NetlinkSetup.NONE, attached.namespace());
  }

  // ---- the launch

  private Launch launch(Container c, Net network, List<String> linked) {
    ContainerSpec spec = c.spec();
    Snapshots.Writable own = engine.snapshots().container(c.id());
    List<Path> lowers =
        new ArrayList<>(
            engine.snapshots().lowers(spec.layers().stream().map(Digest::parse).toList()));
    List<Path> whole = new ArrayList<>(lowers);
    whole.addFirst(own.upper());
    if (lowers.isEmpty()) {
      lowers.add(engine.emptyLayer());
    }
    Users.Found user = new Users(whole).find(spec.user(), spec.additionalGroups());
    List<RuntimeSpec.Mount> mounts = new ArrayList<>();
    String network0 = spec.modes().network();
    Path files =
        network0.startsWith("container:")
            ? engine.require(network0.substring(10)).folder()
            : c.folder();
    for (String name : List.of("hostname", "hosts", "resolv.conf")) {
      mounts.add(
          RuntimeSpec.Mount.of(
              "/etc/" + name, "bind", files.resolve(name).toString(), "rbind", "rprivate"));
    }
    if (spec.init()) {
      mounts.add(
          RuntimeSpec.Mount.of(
              "/sbin/docker-init", "bind", engine.options().init().toString(), "bind", "ro"));
    }
    mounts.addAll(engine.volumes().mounts(c, whole));
    Path state = engine.stateDirectory(c.id());
    try {
      Files.createDirectories(state);
      own.forgetVolatile();
    } catch (IOException e) {
      throw new Failure.Internal(
          "could not prepare container " + c.id() + ": " + e.getMessage(), e);
    }
    RuntimeSpec plain =
        RuntimeSpecs.of(
            new RuntimeSpecs.Start(
                c,
                user,
                mounts,
                joined(spec, network),
                sharedMemory(spec),
                engine.cgroup(c),
                linked));
    RuntimeSpec config = DeviceRequests.inject(plain, spec, engine.options().cdiFolders());
    try {
      Sysctls.check(config);
    } catch (Failure e) {
      throw new Failure.Internal(REFUSED + e.text(), e);
    }
    return new Launch(
        c.id(),
        config,
        new Rootfs.Overlay(lowers, own.upper(), own.work(), own.target(), spec.autoRemove()),
        state,
        network.setup(),
        spec.openStdin());
  }

  private Map<String, String> joined(ContainerSpec spec, Net network) {
    Map<String, String> paths = new LinkedHashMap<>();
    if (!network.namespace().isEmpty()) {
      paths.put("network", network.namespace());
    }
    join(paths, "network", "net", spec.modes().network());
    join(paths, "pid", "pid", spec.modes().pid());
    join(paths, "ipc", "ipc", spec.modes().ipc());
    return paths;
  }

  private void join(Map<String, String> paths, String type, String file, String mode) {
    if (mode.startsWith("container:")) {
      Container other = engine.require(mode.substring(10));
      if (!(other.state() instanceof ContainerState.Live live)) {
        if (type.equals("ipc")) {
          throw new Failure.Conflict(
              "failed to join IPC namespace: container " + other.id() + " is not running");
        }
        throw new Failure.Conflict(
            "cannot join "
                + (type.equals("network")
                    ? "network namespace of"
                    : type.toUpperCase(java.util.Locale.ROOT) + " of")
                + " a non running container: "
                + other.id());
      }
      paths.put(type, "/proc/" + live.pid() + "/ns/" + file);
    }
  }

  private @Nullable Path sharedMemory(ContainerSpec spec) {
    String mode = spec.modes().ipc();
    if (mode.equals("host")) {
      return Path.of("/dev/shm");
    }
    if (mode.startsWith("container:")
        && engine.require(mode.substring(10)).state() instanceof ContainerState.Live live) {
      return Path.of("/proc/" + live.pid() + "/root/dev/shm");
    }
    return null;
  }
}
