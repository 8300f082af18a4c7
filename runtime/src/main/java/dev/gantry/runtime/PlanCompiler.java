package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.base.Failure;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.NetlinkSetup;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Compiles an OCI configuration into a launch plan. This file is the flow of a start; namespaces,
/// mounts, control groups, hooks and the process have their own, and [ExecCompiler] is that of an
/// exec.
///
/// Two processes run the plan: the monitor from the top, and from the fork on the child, which
/// becomes the container's first process:
///
/// ```
/// monitor                                     child
/// socket, control groups, pipes, namespaces
/// fork ─────────────────────────────────────► session, control groups, joined namespaces
/// hold the mount namespace
/// map the ids, a byte ───────────────────────►│ root, mounts, devices          (user namespace)
/// fetch the terminal  ◄── four bytes ─────────┤ terminal
/// ask the engine for its hooks ◄── four bytes ┤                                (hooks)
/// a byte ────────────────────────────────────►│ hooks, change of root
/// connect the network, a byte ───────────────►│ network inside, user, capabilities, filter
/// wait for the error pipe to close ◄───────────┴ execute
/// report, watch
/// ```
public final class PlanCompiler {
  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  private static final int LAST_INHERITED = 4;

  private final LaunchPlan plan = new LaunchPlan();
  private final @Nullable Handover handover;
  private final MonitorPlan monitor;

  private final Launch launch;
  private final RuntimeSpec spec;
  private final RuntimeSpec.Process process;
  private final RuntimeSpec.Linux linux;
  private final NamespacePlan namespaces;
  private final CgroupPlan cgroup;
  private final boolean userNamespace;
  private final RootPlan root;
  private final MountPlan mounts;
  private final DevicePlan nodes;
  private final HiddenPaths hidden;
  private final HookPlan hooks;
  private final ProcessPlan last;
  private final NetDevicePlan devices;
  private final String group;

  private PlanCompiler(Launch launch, Machine machine, @Nullable Handover handover) {
    CgroupLayout layout = machine.cgroups();
    this.launch = launch;
    this.handover = handover;
    this.monitor = new MonitorPlan(plan, handover);
    this.spec = launch.spec();
    RuntimeSpec.Linux linuxOf = spec.linux();
    RuntimeSpec.Process processOf = spec.process();
    if (linuxOf == null || processOf == null) {
      throw new Failure.InvalidRequest(
          "the configuration of " + launch.id() + " has no linux or no process section");
    }
    this.linux = linuxOf;
    this.process = processOf;
    Unsupported.check(spec);
    Sysctls.check(spec);
    this.namespaces = new NamespacePlan(plan, linux);
    String path = linux.cgroupsPath();
    this.group = path == null ? "/gantry/" + launch.id() : path;
    this.cgroup = new CgroupPlan(plan, layout, group);
    this.userNamespace = namespaces.has("user");
    MountSteps steps = new MountSteps(plan);
    this.root = new RootPlan(plan, steps, linux, launch.rootfs());
    this.mounts = new MountPlan(plan, steps, spec, linux, layout, group, userNamespace);
    this.nodes = new DevicePlan(plan, steps, spec, linux);
    this.hidden = new HiddenPaths(plan, steps, linux);
    this.last =
        new ProcessPlan(
            plan,
            process,
            namespaces.has("user") ? machine.allCapabilities() : machine.capabilities());
    this.hooks = new HookPlan(plan, spec.hooks(), () -> last.confine(linux.seccomp()));
    this.devices = new NetDevicePlan(plan, linux, namespaces);
  }

  /// The plan that starts `launch`.
  public static LaunchPlan compile(Launch launch, Machine machine) {
    return new PlanCompiler(launch, machine, null).container();
  }

  /// The plan of a start on behalf of another engine, with the caller's own streams.
  static LaunchPlan compile(Launch launch, Machine machine, Handover handover) {
    return new PlanCompiler(launch, machine, handover).container();
  }

  private LaunchPlan container() {
    monitor.protect(hooks.needsState() ? HookPlan.CREATED : LAST_INHERITED);
    plan.call(
        "enter " + launch.stateDirectory(),
        Syscalls.CHDIR,
        plan.string(launch.stateDirectory().toString()));
    Argument listener = handover == null ? monitor.listen() : null;
    Argument gate = monitor.openFifo(Handover.GATE);
    Argument result = monitor.openFifo(Handover.RESULT);
    cgroup.create(linux.resources());
    List<Argument> tasks = cgroup.openTasks();
    Optional<Argument> unified = cgroup.openUnified();
    MonitorPlan.Streams streams = monitor.streams(process.terminal(), launch.openStdin());
    monitor.openPipes();
    namespaces.open();
    hooks.prepare();
    if (userNamespace) {
      root.prepare();
    }
    mounts.prepare();
    if (userNamespace) {
      nodes.prepare();
    }

    Argument.Pointer pidfd = plan.reserve(8);
    LaunchPlan.Step fork = namespaces.fork(pidfd, unified);
    tasks.forEach(monitor::close);
    unified.ifPresent(monitor::close);
    watch(listener, streams, pidfd, fork.result());

    fork.targetNext(2);
    monitor.becomeChild(streams);
    plan.call("begin a session", Syscalls.SETSID);
    cgroup.join(tasks);
    enter();
    Argument slave = fileSystems();
    changeRoot();
    last.limits();
    last.scheduling();
    last.machine(linux);
    last.keyring("_ses." + launch.id());
    monitor.waitForMonitor();
    containerNetwork(launch.network());
    devices.configure();
    // before the gate: the caller may read its own end of our streams until all copies are closed
    last.standardStreams(
        streams.standard(slave), slave != null, streams != MonitorPlan.Streams.NONE);
    become(gate, result);
    return plan;
  }

  // ---- the monitor

  private void watch(
      @Nullable Argument listener,
      MonitorPlan.Streams streams,
      Argument.Pointer pidfdPlace,
      Argument pid) {
    Argument pidfd = plan.special("hold the process", Special.LOAD32, pidfdPlace).result();
    monitor.closeChildsEnds(streams);
    root.closePrepared();
    mounts.closePrepared();
    nodes.closePrepared();
    hooks.closeState();
    Argument namespace = holdMounts(pid);
    if (namespaces.isOwn("user")) {
      namespaces.map(pid);
      outside(pid, streams);
      monitor.letGoOn();
    }
    devices.move(pid);
    namespaces.closeJoined();
    hostNetwork(launch.network(), pid);
    Argument master = process.terminal() ? monitor.fetchTerminal(pidfd) : null;
    if (hooks.asks()) {
      monitor.awaitChild("set up the container");
      monitor.ask("run the hooks of the engine", LaunchQuestions.HOOKS, pid);
      monitor.letGoOn();
    }
    monitor.letGoOn();
    boolean gate = handover != null && handover.gate();
    if (SeccompProfiles.notifies(linux.seccomp())) {
      monitor.handListener(pidfd, pid);
    }
    monitor.awaitProgram("start the container's program", gate);
    List<Argument> stdio = master != null ? List.of(master) : streams.monitorsEnds();
    monitor.watch(
        listener, namespace, pidfd, pid, stdio, streams.input() != null, handover == null);
  }

  /// The mount namespace must outlive the process: the overlay is synced when its last reference
  /// goes, and the exit is to be reported before that.
  private Argument holdMounts(Argument pid) {
    String hold = "hold the mount namespace";
    Argument.Pointer path = NamespacePlan.processFile(plan, pid, "ns/mnt");
    LaunchPlan.Step open =
        plan.call(
                hold,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                path,
                number(Fd.O_RDONLY | Fd.O_CLOEXEC),
                number(0))
            .tolerate(1, Errno.ENOENT, Errno.ESRCH);
    Argument namespace = open.result();
    // a child that has failed already has none: its own failure is the one to report
    LaunchPlan.Step held = plan.special(hold, Special.JUMP, number(0));
    monitor.awaitFailure(hold);
    held.targetNext(0);
    return namespace;
  }

  /// What a child without the host's rights cannot do to itself.
  private void outside(Argument pid, MonitorPlan.Streams streams) {
    if (!process.terminal()) {
      last.giveStreams(streams, linux.uidMappings());
    }
    last.limits(pid);
    Integer score = process.oomScoreAdj();
    if (score != null) {
      NamespacePlan.write(
          plan,
          NamespacePlan.processFile(plan, pid, "oom_score_adj"),
          Integer.toString(score),
          "set the OOM score to " + score,
          Errno.EACCES,
          Errno.EPERM);
    }
  }

  private void hostNetwork(NetlinkSetup network, Argument pid) {
    if (network.hostMessages().isEmpty()) {
      return;
    }
    String what = "connect the container's network";
    Argument socket = netlinkSocket(plan, what);
    for (NetlinkSetup.HostMessage message : network.hostMessages()) {
      Argument.Pointer bytes = plan.bytes(message.bytes());
      for (int offset : message.pidOffsets()) {
        plan.special(what, Special.STORE32, LaunchPlan.behind(bytes, offset), pid);
      }
      plan.special(what, Special.NETLINK, socket, bytes, number(message.bytes().length), number(1));
    }
    monitor.close(socket);
  }

  static Argument netlinkSocket(LaunchPlan plan, String what) {
    return plan.call(
            what, Syscalls.SOCKET, number(AF_NETLINK), number(SOCK_RAW | Fd.O_CLOEXEC), number(0))
        .result();
  }

  // ---- the child

  private void enter() {
    if (namespaces.isOwn("cgroup")) {
      plan.call(
          "enter a control group namespace", Syscalls.UNSHARE, number(NamespacePlan.NEWCGROUP));
    }
    namespaces.joinRest();
    if (namespaces.isOwn("user")) {
      monitor.waitForMonitor();
    }
    root.mount();
    if (namespaces.has("user")) {
      NamespacePlan.becomeRoot(plan);
    }
  }

  /// Everything that is mounted, up to the terminal, whose slave is returned.
  private @Nullable Argument fileSystems() {
    mounts.make();
    nodes.make();
    Argument slave = null;
    if (process.terminal()) {
      slave = nodes.terminal(monitor, process.consoleSize());
      nodes.console(slave);
      monitor.say("hand over the terminal");
    }
    Integer score = process.oomScoreAdj();
    boolean scores = score != null && !namespaces.has("user");
    Optional<String> profile = ProcessPlan.appArmor(process);
    if (scores || profile.isPresent() || !linux.sysctl().isEmpty()) {
      ProcFiles proc = ProcFiles.open(plan);
      proc.sysctls(linux);
      if (score != null && scores) {
        // lowering it needs CAP_SYS_RESOURCE, which an engine in a container may lack
        proc.write(
            "self/oom_score_adj",
            score.toString(),
            "set the OOM score to " + score,
            Errno.EACCES,
            Errno.EPERM);
      }
      profile.ifPresent(proc::appArmor);
      proc.close();
    }
    return slave;
  }

  private void changeRoot() {
    if (hooks.asks()) {
      monitor.say("say that all is mounted");
      monitor.waitForMonitor();
      hooks.createContainer();
    }
    hidden.readonlyPaths();
    hidden.maskedPaths();
    root.pivot();
    names();
    root.workingDirectory(process.cwd().isEmpty() ? "/" : process.cwd());
    RuntimeSpec.Root configured = spec.root();
    if (configured != null && configured.readonly()) {
      root.makeReadOnly();
    }
  }

  /// From root with all rights to the program.
  private void become(@Nullable Argument gate, @Nullable Argument result) {
    RuntimeSpec.Seccomp seccomp = linux.seccomp();
    boolean notifies = SeccompProfiles.notifies(seccomp);
    if (notifies) {
      // whoever listens must be there before the program starts, so before the gate
      monitor.passDescriptors();
      last.identity();
      last.confine(seccomp).ifPresent(monitor::giveListener);
    }
    if (gate != null && result != null) {
      last.lookUp();
      monitor.waitAtGate(gate, result);
    }
    if (!notifies) {
      monitor.passDescriptors();
      last.identity();
      hooks.startContainer();
      last.confine(seccomp);
    }
    last.closeOnExec(monitor.passedDescriptors());
    last.execute();
  }

  private void names() {
    String host = spec.hostname();
    String domain = spec.domainname();
    if (!namespaces.has("uts")) {
      return;
    }
    if (host != null && !host.isEmpty()) {
      plan.call(
          "set the host name " + host,
          Syscalls.SETHOSTNAME,
          plan.string(host),
          number(host.getBytes(StandardCharsets.UTF_8).length));
    }
    if (domain != null && !domain.isEmpty()) {
      plan.call(
          "set the domain name " + domain,
          Syscalls.SETDOMAINNAME,
          plan.string(domain),
          number(domain.getBytes(StandardCharsets.UTF_8).length));
    }
  }

  private void containerNetwork(NetlinkSetup network) {
    if (network.containerMessages().isEmpty() || !namespaces.isOwn("network")) {
      return;
    }
    String what = "configure the network inside the container";
    Argument socket = netlinkSocket(plan, what);
    int size = network.containerMessages().stream().mapToInt(m -> m.length).sum();
    byte[] batch = new byte[size];
    int at = 0;
    for (byte[] message : network.containerMessages()) {
      System.arraycopy(message, 0, batch, at, message.length);
      at += message.length;
    }
    plan.special(
        what,
        Special.NETLINK,
        socket,
        plan.bytes(batch),
        number(size),
        number(network.containerMessages().size()));
    monitor.close(socket);
  }
}
