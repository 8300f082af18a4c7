package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.FdPassing;
import dev.gantry.kernel.NamedPipes;
import dev.gantry.kernel.NetlinkSetup;
import dev.gantry.kernel.PidFd;
import dev.gantry.kernel.Poller;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The containers of the OCI command line: one folder each below `root` (runtime.md#operations).
///
/// Our process ends after each command. A container's first process then belongs to the caller's
/// subreaper, which sees its exit; nothing of ours stays but the folder.
final class OciContainers {
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9_+.-]{1,1024}");
  private static final Duration LEAVE = Duration.ofSeconds(10);
  private static final int SIGKILL = 9;

  private final Path root;
  private final BuiltInRuntime runtime;
  private final CgroupLayout cgroups;
  private final boolean systemd;

  OciContainers(Path root, BuiltInRuntime runtime, CgroupLayout cgroups, boolean systemd) {
    this.root = root;
    this.runtime = runtime;
    this.cgroups = cgroups;
    this.systemd = systemd;
  }

  /// What a start needs beside the bundle.
  record Creation(
      String id,
      Path bundle,
      Optional<Path> pidFile,
      Optional<String> consoleSocket,
      int passedDescriptors,
      boolean gate,
      boolean stays) {}

  /// Makes the container; with a gate its program waits for [#start].
  RunningProcess create(Creation creation) throws LaunchFailure, IOException {
    Path bundle = creation.bundle().toAbsolutePath().normalize();
    RuntimeSpec spec = OciBundle.read(bundle);
    Path folder = newFolder(creation.id());
    boolean made = false;
    try {
      if (creation.gate()) {
        NamedPipes.make(folder.resolve(Handover.GATE).toString(), 0600);
        NamedPipes.make(folder.resolve(Handover.RESULT).toString(), 0600);
      }
      String cgroup = OciBundle.cgroup(spec, creation.id(), systemd);
      RuntimeSpec absolute = OciBundle.absolute(spec, bundle, cgroup);
      Files.writeString(folder.resolve(OciState.CONFIGURATION), absolute.toJson());
      Path rootfs = OciBundle.rootfs(spec, bundle);
      Launch launch =
          new Launch(
              creation.id(),
              absolute,
              new Rootfs.Directory(rootfs),
              folder,
              NetlinkSetup.NONE,
              false);
      Handover handover =
          new Handover(creation.gate(), creation.stays(), creation.passedDescriptors());
      LaunchPlan plan = PlanCompiler.compile(launch, runtime.machine(), handover);
      String created = Instant.now().toString();
      IntFunction<OciState> stateOf =
          pid ->
              new OciState(
                  RuntimeSpec.VERSION,
                  creation.id(),
                  pid,
                  bundle.toString(),
                  rootfs.toString(),
                  created,
                  OciState.startTimeOf(pid).orElse(0L),
                  cgroup,
                  plan.steps().stream().map(LaunchPlan.Step::text).toList(),
                  spec.annotations());
      RunningProcess process;
      try (LaunchQuestions questions = LaunchQuestions.of(spec, stateOf)) {
        process = runtime.launch(launch, plan, handover, questions);
      }
      try {
        stateOf.apply(process.pid()).save(folder);
        sendTerminal(process, creation.consoleSocket());
        if (creation.pidFile().isPresent()) {
          writePid(creation.pidFile().get(), process.pid());
        }
        made = true;
        return process;
      } catch (IOException | RuntimeException e) {
        process.signal(SIGKILL);
        throw e;
      }
    } finally {
      if (!made) {
        clear(OciBundle.cgroup(spec, creation.id(), systemd));
        deleteFolder(folder);
      }
    }
  }

  private Path newFolder(String id) throws IOException {
    Path folder = folder(id);
    Files.createDirectories(root);
    try {
      return Files.createDirectory(folder);
    } catch (FileAlreadyExistsException e) {
      throw new Failure.Conflict("container with given ID already exists: " + id, null, e);
    }
  }

  private Path folder(String id) {
    if (!ID.matcher(id).matches() || id.equals(".") || id.equals("..")) {
      throw new Failure.InvalidRequest("invalid container ID: " + id);
    }
    return root.resolve(id);
  }

  /// Gives the terminal's master to whoever listens on `socket`.
  private static void sendTerminal(RunningProcess process, Optional<String> socket)
      throws IOException {
    Optional<Fd> terminal = process.terminal();
    if (terminal.isEmpty() || socket.isEmpty()) {
      return;
    }
    try (Fd connection = FdPassing.connectStream(socket.get())) {
      terminal.get().setNonBlocking(false);
      FdPassing.send(
          connection, "/dev/ptmx".getBytes(StandardCharsets.UTF_8), List.of(terminal.get()));
    }
  }

  private static void writePid(Path file, int pid) throws IOException {
    Path draft = file.resolveSibling("." + file.getFileName() + ".new");
    Files.writeString(draft, Integer.toString(pid));
    Files.move(draft, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
  }

  /// Lets a created container's program run; its failure is that of the start.
  void start(String id) throws LaunchFailure, IOException {
    Path folder = folder(id);
    OciState state = OciState.read(folder);
    OciState.Status status = status(state);
    if (status != OciState.Status.CREATED) {
      throw new Failure.Conflict(
          status == OciState.Status.STOPPED
              ? "cannot start a container that has stopped"
              : "cannot start an already running container");
    }
    RuntimeSpec spec = configuration(folder);
    try (Fd result =
            Fd.open(folder.resolve(Handover.RESULT).toString(), Fd.O_RDONLY | Fd.O_NONBLOCK);
        Fd gate = Fd.open(folder.resolve(Handover.GATE).toString(), Fd.O_WRONLY | Fd.O_NONBLOCK)) {
      gate.writeFully(new byte[] {'g'});
      byte[] answer = new byte[8];
      Poller.shared().awaitReadable(result);
      int read = result.read(answer, 0, answer.length);
      Files.deleteIfExists(folder.resolve(Handover.GATE));
      if (read == answer.length) {
        throw failure(state, spec, ByteBuffer.wrap(answer).order(ByteOrder.nativeOrder()));
      }
    }
    new OciHooks(spec.hooks()).afterStart(state);
  }

  private static LaunchFailure failure(OciState state, RuntimeSpec spec, ByteBuffer answer) {
    int step = answer.getInt();
    int errno = answer.getInt();
    RuntimeSpec.Process process = spec.process();
    String text =
        step >= 0 && step < state.steps().size() ? state.steps().get(step) : "run the launch plan";
    if (process != null && text.startsWith("execute ")) {
      String command = process.args().getFirst();
      return LaunchFailure.command(command, !command.contains("/"), errno);
    }
    return LaunchFailure.step(text, errno);
  }

  /// What comes after a start that waited for nothing.
  void started(String id) throws IOException {
    new OciHooks(configuration(id).hooks()).afterStart(state(id));
  }

  RuntimeSpec configuration(Path folder) throws IOException {
    try {
      return RuntimeSpec.parse(Files.readString(folder.resolve(OciState.CONFIGURATION)));
    } catch (NoSuchFileException e) {
      throw OciState.missing(folder, e);
    }
  }

  RuntimeSpec configuration(String id) throws IOException {
    return configuration(folder(id));
  }

  OciState state(String id) {
    return OciState.read(folder(id));
  }

  OciState.Status status(OciState state) {
    if (!state.isAlive()) {
      return OciState.Status.STOPPED;
    }
    if (Files.exists(folder(state.id()).resolve(Handover.GATE))) {
      return OciState.Status.CREATED;
    }
    return isFrozen(state) ? OciState.Status.PAUSED : OciState.Status.RUNNING;
  }

  private boolean isFrozen(OciState state) {
    try {
      Path freezer = cgroups.hierarchies().get("freezer");
      Path unified = cgroups.unified();
      String group = state.cgroup().substring(1);
      if (freezer != null) {
        return !Files.readString(freezer.resolve(group).resolve("freezer.state")).startsWith("T");
      }
      return unified != null
          && Files.readString(unified.resolve(group).resolve("cgroup.freeze")).startsWith("1");
    } catch (IOException e) {
      return false; // no such group: nothing is frozen
    }
  }

  List<OciState> all() throws IOException {
    List<OciState> states = new ArrayList<>();
    try (var folders = Files.list(root)) {
      for (Path folder : folders.sorted().toList()) {
        if (Files.exists(folder.resolve(OciState.FILE))) {
          states.add(OciState.read(folder));
        }
      }
    } catch (NoSuchFileException e) {
      return List.of(); // nothing was ever made here
    }
    return states;
  }

  /// Sends a signal to the first process, or with `all` to every one in the container's group.
  void kill(String id, int signal, boolean all) throws Errno {
    OciState state = state(id);
    if (all) {
      cgroups.processes(state.cgroup()).forEach(pid -> signal(pid, signal));
      return;
    }
    if (!state.isAlive()) {
      throw new Failure.Conflict("container not running");
    }
    try (PidFd process = PidFd.open(state.pid())) {
      if (state.isAlive()) {
        process.signal(signal);
      }
    }
  }

  private static void signal(int pid, int signal) {
    try (PidFd process = PidFd.open(pid)) {
      process.signal(signal);
    } catch (Errno e) {
      return; // it ended meanwhile
    }
  }

  /// Removes what is left of a stopped container; `force` stops it first and does not mind one that
  /// is gone.
  void delete(String id, boolean force) throws IOException {
    Path folder = folder(id);
    if (force && !Files.exists(folder)) {
      return;
    }
    if (!Files.exists(folder.resolve(OciState.FILE)) && Files.isDirectory(folder)) {
      deleteFolder(folder); // an interrupted create
      return;
    }
    OciState state = OciState.read(folder);
    OciState.Status status = status(state);
    if (status != OciState.Status.STOPPED) {
      if (!force && status != OciState.Status.CREATED) {
        throw new Failure.Conflict(
            "cannot delete container " + id + " that is not stopped: " + status);
      }
      signal(state.pid(), SIGKILL);
    }
    clear(state.cgroup());
    RuntimeSpec spec = configuration(folder);
    deleteFolder(folder);
    new OciHooks(spec.hooks()).afterStop(state);
  }

  /// Ends what is left in the group and removes it.
  private void clear(String cgroup) {
    Instant end = Instant.now().plus(LEAVE);
    while (!cgroups.remove(cgroup) && Instant.now().isBefore(end)) {
      cgroups.processes(cgroup).forEach(pid -> signal(pid, SIGKILL));
      try {
        cgroups.freeze(cgroup, false);
      } catch (IOException e) {
        continue; // it is being removed
      } finally {
        java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
      }
    }
  }

  private static void deleteFolder(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(folder);
  }

  void freeze(String id, boolean frozen) throws IOException {
    OciState state = state(id);
    OciState.Status status = status(state);
    OciState.Status wanted = frozen ? OciState.Status.RUNNING : OciState.Status.PAUSED;
    if (status != wanted && !(frozen && status == OciState.Status.CREATED)) {
      throw new Failure.Conflict("container " + id + " is " + status + ", not " + wanted);
    }
    cgroups.freeze(state.cgroup(), frozen);
  }

  List<Integer> processes(String id) {
    return cgroups.processes(state(id).cgroup());
  }

  /// Writes new limits into the container's groups.
  void update(String id, RuntimeSpec.Resources resources) {
    CgroupLimits.update(cgroups, state(id).cgroup(), resources);
  }

  /// Runs a further process in a container.
  RunningProcess exec(
      String id,
      RuntimeSpec.Process process,
      Handover handover,
      Optional<Path> pidFile,
      Optional<String> consoleSocket)
      throws LaunchFailure, IOException {
    OciState state = state(id);
    OciState.Status status = status(state);
    if (status == OciState.Status.STOPPED) {
      throw new Failure.Conflict("cannot exec in a stopped container");
    }
    if (status == OciState.Status.PAUSED) {
      throw new Failure.Conflict("cannot exec in a paused container");
    }
    RuntimeSpec.Linux linux = configuration(id).linux();
    Set<String> namespaces =
        linux == null
            ? Set.of()
            : linux.namespaces().stream()
                .map(RuntimeSpec.Namespace::type)
                .collect(Collectors.toSet());
    try (PidFd container = PidFd.open(state.pid())) {
      RunningProcess running =
          runtime.exec(
              new ExecLaunch(
                  container,
                  process,
                  linux == null ? null : linux.seccomp(),
                  state.cgroup(),
                  namespaces,
                  false),
              handover,
              state);
      sendTerminal(running, consoleSocket);
      if (pidFile.isPresent()) {
        writePid(pidFile.get(), running.pid());
      }
      return running;
    }
  }

  CgroupLayout cgroups() {
    return cgroups;
  }
}
