package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.FdPassing;
import dev.gantry.kernel.MemFd;
import dev.gantry.kernel.PidFd;
import dev.gantry.kernel.Spawn;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.RunningProcess.MonitorMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
  private static final int CONTAINER_FD = 5;
  private static final int HIGH = 192;

  private final Fd shim;
  private final Fd nothing;
  private final CgroupLayout cgroups;

  private BuiltInRuntime(Fd shim, Fd nothing, CgroupLayout cgroups) {
    this.shim = shim;
    this.nothing = nothing;
    this.cgroups = cgroups;
  }

  /// Uses the shim at `shimPath`.
  public static BuiltInRuntime open(Path shimPath, CgroupLayout cgroups) {
    try (Fd low = MemFd.sealed("gantry-shim", Files.readAllBytes(shimPath), true)) {
      // executed by its number, which must not be one that the child gets something else under
      Fd sealed = low.duplicateAbove(HIGH);
      return new BuiltInRuntime(sealed, Fd.open("/dev/null", Fd.O_RDWR), cgroups);
    } catch (IOException e) {
      throw new Failure.Unavailable(
          "the program gantry-shim cannot be used: " + e.getMessage() + "; ./dev build makes it",
          e);
    }
  }

  @Override
  public RunningProcess launch(Launch launch) throws LaunchFailure {
    LaunchPlan plan = PlanCompiler.compile(launch, cgroups);
    RuntimeSpec.Process process = launch.spec().process();
    if (process == null) {
      throw new Failure.InvalidRequest("no process to run in " + launch.id());
    }
    return run(plan, launch.id(), process, engineStreams());
  }

  /// Starts a container for another engine: the process has this process's own streams.
  RunningProcess launch(Launch launch, Handover handover) throws LaunchFailure {
    LaunchPlan plan = PlanCompiler.compile(launch, cgroups, handover);
    RuntimeSpec.Process process = launch.spec().process();
    if (process == null) {
      throw new Failure.InvalidRequest("no process to run in " + launch.id());
    }
    return run(plan, launch.id(), process, callersStreams(handover));
  }

  /// As above, for an exec.
  RunningProcess exec(ExecLaunch exec, Handover handover) throws LaunchFailure {
    LaunchPlan plan = PlanCompiler.compile(exec, cgroups, handover);
    Map<Integer, Fd> fds = callersStreams(handover);
    fds.put(CONTAINER_FD, exec.container().fd());
    return run(plan, "an exec in process " + exec.container().pid(), exec.process(), fds);
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
      fds.put(PlanCompiler.PASSED + i, Fd.adopt(3 + i));
    }
    return fds;
  }

  @Override
  public RunningProcess exec(ExecLaunch exec) throws LaunchFailure {
    LaunchPlan plan = PlanCompiler.compile(exec, cgroups);
    Map<Integer, Fd> fds = engineStreams();
    fds.put(CONTAINER_FD, exec.container().fd());
    return run(plan, "an exec in process " + exec.container().pid(), exec.process(), fds);
  }

  private RunningProcess run(
      LaunchPlan plan, String name, RuntimeSpec.Process process, Map<Integer, Fd> fds)
      throws LaunchFailure {
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
    return awaitReady(plan, name, process, ends[0], monitor);
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
      LaunchPlan plan, String name, RuntimeSpec.Process process, Fd connection, int monitor)
      throws LaunchFailure {
    Reaper.reap(monitor);
    try {
      dev.gantry.kernel.Poller.shared().awaitReadable(connection);
      FdPassing.Message message = FdPassing.receive(connection, MonitorMessage.SIZE);
      if (message.bytes().length == 0) {
        throw new LaunchFailure(
            LaunchFailure.Kind.SETUP, "could not start " + name + ": its monitor ended early", 0);
      }
      MonitorMessage answer = MonitorMessage.decode(message.bytes());
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
    } catch (LaunchFailure e) {
      connection.close();
      throw e;
    }
  }

  static LaunchFailure failure(
      LaunchPlan plan, RuntimeSpec.Process process, MonitorMessage answer) {
    if (plan.isExecute(answer.index())) {
      String command = process.args().getFirst();
      return LaunchFailure.command(command, !command.contains("/"), answer.error());
    }
    return new LaunchFailure(
        LaunchFailure.Kind.SETUP,
        "could not " + plan.textOf(answer.index()) + ": " + Errno.describe(answer.error()),
        answer.error());
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
      if (!dev.gantry.kernel.Poller.shared().awaitReadable(connection, 5_000_000_000L)) {
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
