package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.FdPassing;
import dev.gantry.kernel.MemFd;
import dev.gantry.kernel.PidFd;
import dev.gantry.kernel.Poller;
import dev.gantry.kernel.Spawn;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.RunningProcess.MonitorMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Runs containers itself: compiles a launch plan and lets gantry-shim execute it.
///
/// The shim runs from a sealed copy in memory, so that no container can overwrite it
/// (CVE-2019-5736). Thread-safe; launches run side by side.
public final class BuiltInRuntime implements Runtime {
  static final String SOCKET = "monitor.sock";
  static final String EXIT_FILE = "exit";

  private static final int PLAN_FD = 3;
  private static final int ENGINE_FD = 4;
  private static final int ECANCELED = 125;
  private static final int HIGH = 192;
  // a monitor that has taken the connection answers at once, on however busy a machine
  private static final long REATTACH_NANOS = 30_000_000_000L;

  private final Fd shim;
  private final Fd nothing;
  private final Machine machine;

  private BuiltInRuntime(Fd shim, Fd nothing, Machine machine) {
    this.shim = shim;
    this.nothing = nothing;
    this.machine = machine;
  }

  /// Uses the shim at `shimPath`.
  public static BuiltInRuntime open(Path shimPath, CgroupLayout cgroups) {
    try (Fd low = MemFd.sealed("gantry-shim", Files.readAllBytes(shimPath), true)) {
      // executed by its number, which must not be one that the child gets something else under
      Fd sealed = low.duplicateAbove(HIGH);
      return new BuiltInRuntime(sealed, Fd.open("/dev/null", Fd.O_RDWR), Machine.of(cgroups));
    } catch (IOException e) {
      throw new Failure.Unavailable(
          "the program gantry-shim cannot be used: " + e.getMessage() + "; ./dev build makes it",
          e);
    }
  }

  Machine machine() {
    return machine;
  }

  @Override
  public RunningProcess launch(Launch launch) throws LaunchFailure {
    LaunchPlan plan = PlanCompiler.compile(launch, machine);
    RuntimeSpec.Process process = launch.spec().process();
    if (process == null) {
      throw new Failure.InvalidRequest("no process to run in " + launch.id());
    }
    try (LaunchQuestions questions =
        LaunchQuestions.of(
            launch.spec(), pid -> state(launch.id(), pid, launch.stateDirectory()))) {
      return run(plan, launch.id(), process, engineStreams(), questions);
    }
  }

  /// What hooks and listeners of the engine's own containers hear.
  private static OciState state(String id, int pid, Path folder) {
    return new OciState(
        RuntimeSpec.VERSION,
        id,
        pid,
        folder.toString(),
        "",
        Instant.now().toString(),
        0,
        "",
        List.of(),
        Map.of());
  }

  /// Starts a container for another engine: the process has this process's own streams.
  RunningProcess launch(
      Launch launch, LaunchPlan plan, Handover handover, LaunchQuestions questions)
      throws LaunchFailure {
    RuntimeSpec.Process process = launch.spec().process();
    if (process == null) {
      throw new Failure.InvalidRequest("no process to run in " + launch.id());
    }
    return run(plan, launch.id(), process, callersStreams(handover), questions);
  }

  /// As above, for an exec.
  RunningProcess exec(ExecLaunch exec, Handover handover, OciState container) throws LaunchFailure {
    LaunchPlan plan = ExecCompiler.compile(exec, machine, handover);
    return exec(plan, exec, callersStreams(handover), container);
  }

  private RunningProcess exec(
      LaunchPlan plan, ExecLaunch exec, Map<Integer, Fd> fds, OciState container)
      throws LaunchFailure {
    fds.put(ExecCompiler.CONTAINER, exec.container().fd());
    String name = "an exec in process " + exec.container().pid();
    try (LaunchQuestions questions = new LaunchQuestions(null, exec.seccomp(), pid -> container)) {
      return run(plan, name, exec.process(), fds, questions);
    }
  }

  private Map<Integer, Fd> engineStreams() {
    Map<Integer, Fd> fds = new TreeMap<>();
    for (int i = 0; i < 3; i++) {
      fds.put(i, nothing);
    }
    return fds;
  }

  private static Map<Integer, Fd> callersStreams(Handover handover) {
    Map<Integer, Fd> fds = new TreeMap<>();
    for (int i = 0; i < 3; i++) {
      fds.put(i, Fd.adopt(i));
    }
    for (int i = 0; i < handover.passedDescriptors(); i++) {
      fds.put(MonitorPlan.PASSED + i, Fd.adopt(3 + i));
    }
    return fds;
  }

  @Override
  public RunningProcess exec(ExecLaunch exec) throws LaunchFailure {
    LaunchPlan plan = ExecCompiler.compile(exec, machine);
    Path group = Path.of(exec.cgroup());
    return exec(
        plan,
        exec,
        engineStreams(),
        state(String.valueOf(group.getFileName()), exec.container().pid(), group));
  }

  private RunningProcess run(
      LaunchPlan plan,
      String name,
      RuntimeSpec.Process process,
      Map<Integer, Fd> fds,
      LaunchQuestions questions)
      throws LaunchFailure {
    fds.putAll(questions.inherited());
    Fd[] ends;
    int monitor;
    try {
      ends = FdPassing.pair();
    } catch (Errno e) {
      throw new LaunchFailure(
          LaunchFailure.Kind.SETUP, "could not start " + name + ": " + e.getMessage(), e.number());
    }
    try (Fd theirs = ends[1];
        Fd file = MemFd.sealed("plan", plan.encode(), false)) {
      monitor = spawn(fds, file, theirs);
    } catch (Errno e) {
      ends[0].close();
      throw new LaunchFailure(
          LaunchFailure.Kind.SETUP, "could not start " + name + ": " + e.getMessage(), e.number());
    }
    return awaitReady(plan, name, process, ends[0], monitor, questions);
  }

  /// The targets of posix_spawn's dup actions must not be sources of later ones: all sources are
  /// moved above the targets first.
  private int spawn(Map<Integer, Fd> given, Fd plan, Fd engine) throws Errno {
    Map<Integer, Fd> fds = new TreeMap<>();
    try {
      for (Map.Entry<Integer, Fd> fd : given.entrySet()) {
        fds.put(fd.getKey(), fd.getValue().duplicateAbove(HIGH));
      }
      fds.put(PLAN_FD, plan.duplicateAbove(HIGH));
      fds.put(ENGINE_FD, engine.duplicateAbove(HIGH));
      return Spawn.start(shim.procPath(), List.of("gantry-shim"), List.of(), fds);
    } finally {
      fds.values().forEach(Fd::close);
    }
  }

  private RunningProcess awaitReady(
      LaunchPlan plan,
      String name,
      RuntimeSpec.Process process,
      Fd connection,
      int monitor,
      LaunchQuestions questions)
      throws LaunchFailure {
    Reaper.reap(monitor);
    try {
      FdPassing.Message message = next(connection, name);
      MonitorMessage answer = MonitorMessage.decode(message.bytes());
      while (answer.type() == LaunchQuestions.HOOKS || answer.type() == LaunchQuestions.LISTENER) {
        answer(questions, connection, answer, message.fds());
        message = next(connection, name);
        answer = MonitorMessage.decode(message.bytes());
      }
      if (answer.type() == MonitorMessage.FAILED) {
        throw failure(plan, process, answer);
      }
      List<Fd> fds = message.fds();
      for (Fd fd : fds) {
        fd.setNonBlocking(true);
      }
      return new RunningProcess(
          PidFd.adopt(answer.pid(), fds.getFirst()),
          connection,
          fds.subList(1, fds.size()),
          answer.index() == 0,
          null);
    } catch (IOException e) {
      connection.close();
      throw new LaunchFailure(
          LaunchFailure.Kind.SETUP, "could not start " + name + ": " + e.getMessage(), 0);
    } catch (LaunchFailure | RuntimeException e) {
      connection.close();
      throw e;
    }
  }

  private static FdPassing.Message next(Fd connection, String name)
      throws IOException, LaunchFailure {
    Poller.shared().awaitReadable(connection);
    FdPassing.Message message = FdPassing.receive(connection, MonitorMessage.SIZE);
    if (message.bytes().length == 0) {
      throw new LaunchFailure(
          LaunchFailure.Kind.SETUP, "could not start " + name + ": its monitor ended early", 0);
    }
    return message;
  }

  private static void answer(
      LaunchQuestions questions, Fd connection, MonitorMessage question, List<Fd> fds)
      throws IOException {
    try {
      questions.answer(question.type(), question.pid(), fds);
      MonitorMessage.answer(connection, 0);
    } catch (IOException | RuntimeException e) {
      MonitorMessage.answer(connection, ECANCELED);
      throw e;
    } finally {
      fds.forEach(Fd::close);
    }
  }

  static LaunchFailure failure(
      LaunchPlan plan, RuntimeSpec.Process process, MonitorMessage answer) {
    if (plan.isExecute(answer.index())) {
      String command = process.args().getFirst();
      return LaunchFailure.command(command, !command.contains("/"), answer.error());
    }
    return LaunchFailure.step(plan.textOf(answer.index()), answer.error());
  }

  @Override
  public Optional<RunningProcess> reattach(Path stateDirectory) {
    Fd connection;
    try {
      connection = FdPassing.connect(stateDirectory.resolve(SOCKET).toString());
    } catch (Errno e) {
      return Optional.empty();
    }
    try {
      MonitorMessage.ask(connection, MonitorMessage.ATTACH, 0);
      if (!Poller.shared().awaitReadable(connection, REATTACH_NANOS)) {
        connection.close();
        return Optional.empty();
      }
      FdPassing.Message message = FdPassing.receive(connection, MonitorMessage.SIZE);
      MonitorMessage status = MonitorMessage.decode(message.bytes());
      List<Fd> fds = message.fds();
      for (Fd fd : fds) {
        fd.setNonBlocking(true);
      }
      return Optional.of(
          new RunningProcess(
              PidFd.adopt(status.pid(), fds.getFirst()),
              connection,
              fds.subList(1, fds.size()),
              status.index() == 0,
              status.alive() ? null : status.exit()));
    } catch (IOException e) {
      connection.close();
      return Optional.empty();
    }
  }

  @Override
  public Optional<ExitStatus> exitRecord(Path stateDirectory) {
    try {
      return Optional.of(
          MonitorMessage.decode(Files.readAllBytes(stateDirectory.resolve(EXIT_FILE))).exit());
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
