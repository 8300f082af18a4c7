package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Compiles the start of a further process in a running container into a launch plan. The pidfd of
/// the container's first process is inherited as descriptor [#CONTAINER].
public final class ExecCompiler {
  static final int CONTAINER = 5;

  private ExecCompiler() {}

  /// The plan that starts `exec`.
  public static LaunchPlan compile(ExecLaunch exec, Machine machine) {
    return compile(exec, machine, null);
  }

  /// As above, on behalf of another engine, with the caller's own streams.
  static LaunchPlan compile(ExecLaunch exec, Machine machine, @Nullable Handover handover) {
    LaunchPlan plan = new LaunchPlan();
    MonitorPlan monitor = new MonitorPlan(plan, handover);
    RuntimeSpec.Process process = exec.process();
    Unsupported.check(process);
    monitor.protect(CONTAINER);
    Argument listener =
        exec.stateDirectory() == null ? null : listen(plan, monitor, exec.stateDirectory());
    Argument container = number(CONTAINER);
    CgroupPlan cgroup = new CgroupPlan(plan, machine.cgroups(), exec.cgroup());
    List<Argument> tasks = cgroup.openTasks();
    Optional<Argument> unified = cgroup.openUnified();
    MonitorPlan.Streams streams = monitor.streams(process.terminal(), exec.openStdin());
    monitor.openPipes();
    plan.call(
        "enter the container's process tree",
        Syscalls.SETNS,
        container,
        number(NamespacePlan.NEWPID));
    Argument.Pointer pidfdPlace = plan.reserve(8);
    LaunchPlan.Step fork = NamespacePlan.child(plan, pidfdPlace, unified);
    Argument pid = fork.result();

    Argument pidfd = plan.special("hold the process", Special.LOAD32, pidfdPlace).result();
    monitor.closeChildsEnds(streams);
    monitor.close(container);
    Argument master = process.terminal() ? monitor.fetchTerminal(pidfd) : null;
    monitor.letGoOn();
    if (SeccompProfiles.notifies(exec.seccomp())) {
      monitor.handListener(pidfd, pid);
    }
    monitor.awaitProgram("start the program", false);
    List<Argument> stdio = master != null ? List.of(master) : streams.monitorsEnds();
    monitor.watch(listener, null, pidfd, pid, stdio, streams.input() != null, false);

    fork.targetNext(2);
    monitor.becomeChild(streams);
    plan.call("begin a session", Syscalls.SETSID);
    ProcessPlan last =
        new ProcessPlan(
            plan, process, exec.has("user") ? machine.allCapabilities() : machine.capabilities());
    RuntimeSpec.CpuAffinity affinity = process.execCPUAffinity();
    last.affinity(affinity == null ? null : affinity.initial());
    cgroup.join(tasks);
    last.affinity(affinity == null ? null : affinity.last());
    plan.call(
        "enter the container", Syscalls.SETNS, container, number(NamespacePlan.entered(exec)));
    monitor.close(container);
    ProcessPlan.appArmor(process)
        .ifPresent(
            profile -> {
              ProcFiles proc = ProcFiles.open(plan);
              proc.appArmor(profile);
              proc.close();
            });
    if (exec.has("user")) {
      NamespacePlan.becomeRoot(plan);
    }
    Argument slave = process.terminal() ? terminal(plan, monitor, process) : null;
    String cwd = process.cwd().isEmpty() ? "/" : process.cwd();
    plan.call(LaunchFailure.WORKING_DIRECTORY + cwd, Syscalls.CHDIR, plan.string(cwd));
    last.limits();
    last.scheduling();
    last.keyring("_ses.exec");
    monitor.waitForMonitor();
    last.standardStreams(
        streams.standard(slave), slave != null, streams != MonitorPlan.Streams.NONE);
    monitor.passDescriptors();
    last.identity();
    last.confine(exec.seccomp()).ifPresent(monitor::giveListener);
    last.closeOnExec(monitor.passedDescriptors());
    last.execute();
    return plan;
  }

  private static Argument listen(LaunchPlan plan, MonitorPlan monitor, Path folder) {
    plan.call("enter " + folder, Syscalls.CHDIR, plan.string(folder.toString()));
    return monitor.listen();
  }

  private static Argument terminal(
      LaunchPlan plan, MonitorPlan monitor, RuntimeSpec.Process process) {
    String what = "open a terminal in the container";
    Argument master =
        plan.call(
                what,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string("/dev/pts/ptmx"),
                number(Fd.O_RDWR | Fd.O_NOCTTY | Fd.O_CLOEXEC),
                number(0))
            .result();
    Argument slave = monitor.openTerminal(master, process.consoleSize(), what);
    monitor.say("hand over the terminal");
    return slave;
  }
}
