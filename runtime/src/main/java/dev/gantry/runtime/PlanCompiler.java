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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Compiles an OCI configuration into a launch plan. This file is the flow of a start; mounts,
/// control groups and the process have their own.
///
/// Two processes run the plan: the monitor from the top, and from the fork on the child, which
/// becomes the container's first process:
///
/// ```
/// monitor                                     child
/// socket, control groups, pipes
/// fork ─────────────────────────────────────► session, control groups, mounts, root
/// hold the mount namespace                    terminal
/// fetch the terminal  ◄── a byte ─────────────┤
/// connect the network, a byte ───────────────►│ network inside, user, capabilities, filter
/// wait for the error pipe to close ◄───────────┴ execute
/// report, watch
/// ```
public final class PlanCompiler {
  private static final int CLONE_NEWTIME = 0x80;
  private static final int CLONE_NEWNS = 0x20000;
  private static final int CLONE_NEWCGROUP = 0x2000000;
  private static final int CLONE_NEWUTS = 0x4000000;
  private static final int CLONE_NEWIPC = 0x8000000;
  private static final int CLONE_NEWUSER = 0x10000000;
  private static final int CLONE_NEWPID = 0x20000000;
  private static final int CLONE_NEWNET = 0x40000000;
  private static final int CLONE_PIDFD = 0x1000;
  private static final long CLONE_INTO_CGROUP = 0x200000000L;
  private static final int SIGCHLD = 17;
  private static final int PR_SET_DUMPABLE = 4;
  private static final int AF_UNIX = 1;
  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  private static final int SOCK_SEQPACKET = 5;
  private static final int LAST_INHERITED = 4;
  private static final int MASTER = 900;
  private static final int PIPE_SIZE = 1 << 20;
  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int EPROTO = 71;
  private static final int ESRCH = 3;
  private static final int HIGH = 500;

  /// Where the caller's descriptors for the program are until it is executed.
  static final int PASSED = 100;

  private static final Map<String, Integer> NAMESPACES = new LinkedHashMap<>();

  static {
    NAMESPACES.put("user", CLONE_NEWUSER);
    NAMESPACES.put("mount", CLONE_NEWNS);
    NAMESPACES.put("pid", CLONE_NEWPID);
    NAMESPACES.put("network", CLONE_NEWNET);
    NAMESPACES.put("ipc", CLONE_NEWIPC);
    NAMESPACES.put("uts", CLONE_NEWUTS);
    NAMESPACES.put("cgroup", CLONE_NEWCGROUP);
    NAMESPACES.put("time", CLONE_NEWTIME);
  }

  /// A pipe's ends as slots.
  private record Pipe(Argument read, Argument write) {}

  private final LaunchPlan plan = new LaunchPlan();
  private final CgroupLayout cgroups;
  private final @Nullable Handover handover;

  private PlanCompiler(CgroupLayout cgroups, @Nullable Handover handover) {
    this.cgroups = cgroups;
    this.handover = handover;
  }

  /// The plan that starts `launch`.
  public static LaunchPlan compile(Launch launch, CgroupLayout cgroups) {
    Sysctls.check(launch.spec());
    return new PlanCompiler(cgroups, null).container(launch);
  }

  /// The plan of a start on behalf of another engine, with the caller's own streams.
  static LaunchPlan compile(Launch launch, CgroupLayout cgroups, Handover handover) {
    Sysctls.check(launch.spec());
    return new PlanCompiler(cgroups, handover).container(launch);
  }

  /// As above, of an exec.
  static LaunchPlan compile(ExecLaunch exec, CgroupLayout cgroups, Handover handover) {
    return new PlanCompiler(cgroups, handover).exec(exec);
  }

  /// The plan that starts `exec`. The pidfd of the container's first process is inherited as
  /// descriptor 5.
  public static LaunchPlan compile(ExecLaunch exec, CgroupLayout cgroups) {
    return new PlanCompiler(cgroups, null).exec(exec);
  }

  /// The types of namespaces that a configuration may name.
  static List<String> namespaceTypes() {
    return List.copyOf(NAMESPACES.keySet());
  }

  // ---- a container

  private LaunchPlan container(Launch launch) {
    RuntimeSpec spec = launch.spec();
    RuntimeSpec.Linux linux = spec.linux();
    RuntimeSpec.Process process = spec.process();
    if (linux == null || process == null) {
      throw new Failure.InvalidRequest(
          "the configuration of " + launch.id() + " has no linux or no process section");
    }
    Map<String, @Nullable String> namespaces = namespaces(linux);
    if (!namespaces.containsKey("mount")) {
      throw new Failure.InvalidRequest("a container needs a mount namespace");
    }
    if (namespaces.containsKey("user")) {
      throw new Failure.Unsupported(
          "user namespaces are not supported by the built-in runtime yet");
    }
    protect(LAST_INHERITED);
    keepPassedDescriptors();
    plan.call(
        "enter " + launch.stateDirectory(),
        Syscalls.CHDIR,
        plan.string(launch.stateDirectory().toString()));
    Argument listener = handover == null ? listen() : null;
    Argument gate = openFifo(Handover.GATE);
    Argument result = openFifo(Handover.RESULT);
    String cgroupPath = linux.cgroupsPath();
    String group = cgroupPath == null ? "/gantry/" + launch.id() : cgroupPath;
    CgroupPlan cgroup = new CgroupPlan(plan, cgroups, group);
    cgroup.create(linux.resources());
    List<Argument> tasks = cgroup.openTasks();
    Optional<Argument> unified = cgroup.openUnified();
    boolean terminal = process.terminal();
    Streams streams = terminal || handover != null ? Streams.NONE : streams(launch.openStdin());
    Pipe errors = pipe("make the error pipe");
    Pipe go = pipe("make the start pipe");
    Map<String, Argument> joined = openNamespaces(namespaces);
    joinBeforeFork(joined);

    Argument.Pointer pidfd = plan.reserve(8);
    long flags = CLONE_PIDFD;
    for (Map.Entry<String, @Nullable String> n : namespaces.entrySet()) {
      boolean own = n.getValue() == null;
      if (own && !n.getKey().equals("cgroup") && !n.getKey().equals("time")) {
        flags |= NAMESPACES.getOrDefault(n.getKey(), 0);
      }
    }
    LaunchPlan.Step fork = fork(flags, pidfd, unified);
    Argument pid = fork.result();
    tasks.forEach(this::close);
    unified.ifPresent(this::close);
    monitor(launch, listener, streams, errors, go, pidfd, pid);

    fork.targetNext(2);
    child(
        launch,
        spec,
        process,
        linux,
        group,
        cgroup,
        tasks,
        streams,
        errors,
        go,
        joined,
        namespaces,
        gate,
        result);
    return plan;
  }

  /// The gate's and the result's fifo of a container that is started later; opened for both
  /// directions, so that opening never waits and reading never ends.
  private @Nullable Argument openFifo(String name) {
    if (handover == null || !handover.gate()) {
      return null;
    }
    String what = "open " + name;
    Argument low =
        plan.call(
                what,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(name),
                number(Fd.O_RDWR | Fd.O_CLOEXEC | Fd.O_NOFOLLOW),
                number(0))
            .result();
    Argument high =
        plan.call(what, Syscalls.FCNTL, low, number(F_DUPFD_CLOEXEC), number(HIGH)).result();
    close(low);
    return high;
  }

  /// Descriptors that the caller passes on to the program wait above [#PASSED].
  private void keepPassedDescriptors() {
    if (handover == null) {
      return;
    }
    int passed = handover.passedDescriptors();
    if (passed > 0) {
      plan.call(
          "close inherited descriptors",
          Syscalls.CLOSE_RANGE,
          number(PASSED + passed),
          number(0xffffffffL),
          number(0));
    }
  }

  private void passDescriptors() {
    int passed = handover == null ? 0 : handover.passedDescriptors();
    for (int i = 0; i < passed; i++) {
      plan.call(
          "pass on a descriptor", Syscalls.DUP3, number(PASSED + i), number(3 + i), number(0));
    }
  }

  private static Map<String, @Nullable String> namespaces(RuntimeSpec.Linux linux) {
    Map<String, @Nullable String> result = new LinkedHashMap<>();
    for (RuntimeSpec.Namespace n : linux.namespaces()) {
      if (!NAMESPACES.containsKey(n.type())) {
        throw new Failure.InvalidRequest("unknown namespace type " + n.type());
      }
      if (result.containsKey(n.type())) {
        throw new Failure.InvalidRequest("the namespace " + n.type() + " is named twice");
      }
      String path = n.path();
      result.put(n.type(), path == null || path.isEmpty() ? null : path);
    }
    return result;
  }

  /// Nobody may look into the helper while it holds the host's rights (CVE-2016-9962), and it keeps
  /// nothing open that it was not given.
  private void protect(int lastInherited) {
    plan.call(
        "protect the helper",
        Syscalls.PRCTL,
        number(PR_SET_DUMPABLE),
        number(0),
        number(0),
        number(0),
        number(0));
    plan.call(
        "close inherited descriptors",
        Syscalls.CLOSE_RANGE,
        number(lastInherited + 1),
        number(handover != null && handover.passedDescriptors() > 0 ? PASSED - 1 : 0xffffffffL),
        number(0));
  }

  private Argument listen() {
    String what = "listen on the monitor's socket";
    Argument socket =
        plan.call(
                what,
                Syscalls.SOCKET,
                number(AF_UNIX),
                number(SOCK_SEQPACKET | Fd.O_CLOEXEC),
                number(0))
            .result();
    byte[] name = BuiltInRuntime.SOCKET.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    byte[] address = new byte[2 + name.length + 1];
    address[0] = AF_UNIX;
    System.arraycopy(name, 0, address, 2, name.length);
    // an earlier run's, if the container is started again
    for (String old : List.of(BuiltInRuntime.SOCKET, BuiltInRuntime.EXIT_FILE)) {
      plan.call(what, Syscalls.UNLINKAT, number(Fd.AT_FDCWD), plan.string(old), number(0))
          .tolerate(0, Errno.ENOENT);
    }
    plan.call(what, Syscalls.BIND, socket, plan.bytes(address), number(address.length));
    plan.call(what, Syscalls.LISTEN, socket, number(4));
    return socket;
  }

  private Pipe pipe(String what) {
    Argument.Pointer ends = plan.reserve(8);
    plan.call(what, Syscalls.PIPE2, ends, number(Fd.O_CLOEXEC));
    return new Pipe(
        plan.special(what, Special.LOAD32, ends).result(),
        plan.special(what, Special.LOAD32, LaunchPlan.behind(ends, 4)).result());
  }

  /// The process's standard streams; `input` is null where it is /dev/null.
  private record Streams(@Nullable Pipe input, @Nullable Pipe output, @Nullable Pipe error) {
    static final Streams NONE = new Streams(null, null, null);

    List<Argument> monitorsEnds() {
      List<Argument> ends = new ArrayList<>();
      if (input != null) {
        ends.add(input.write());
      }
      if (output != null) {
        ends.add(output.read());
      }
      if (error != null) {
        ends.add(error.read());
      }
      return ends;
    }

    List<Argument> childsEnds() {
      List<Argument> ends = new ArrayList<>();
      if (input != null) {
        ends.add(input.read());
      }
      if (output != null) {
        ends.add(output.write());
      }
      if (error != null) {
        ends.add(error.write());
      }
      return ends;
    }
  }

  private Streams streams(boolean openStdin) {
    Streams streams =
        new Streams(
            openStdin ? pipe("make the standard input pipe") : null,
            pipe("make the standard output pipe"),
            pipe("make the standard error pipe"));
    // what is written while no engine listens waits here
    for (Pipe p : new @Nullable Pipe[] {streams.output(), streams.error()}) {
      if (p != null) {
        plan.call("enlarge a pipe", Syscalls.FCNTL, p.read(), number(1031), number(PIPE_SIZE))
            .tolerate(0, Errno.EPERM);
      }
    }
    return streams;
  }

  private Map<String, Argument> openNamespaces(Map<String, @Nullable String> namespaces) {
    Map<String, Argument> opened = new LinkedHashMap<>();
    namespaces.forEach(
        (type, path) -> {
          if (path != null) {
            opened.put(
                type,
                plan.call(
                        "open the " + type + " namespace " + path,
                        Syscalls.OPENAT,
                        number(Fd.AT_FDCWD),
                        plan.string(path),
                        number(Fd.O_RDONLY | Fd.O_CLOEXEC),
                        number(0))
                    .result());
          }
        });
    return opened;
  }

  /// A pid namespace is entered by children only.
  private void joinBeforeFork(Map<String, Argument> joined) {
    Argument pid = joined.get("pid");
    if (pid != null) {
      join("pid", pid);
    }
  }

  private void join(String type, Argument fd) {
    plan.call(
        "join the " + type + " namespace",
        Syscalls.SETNS,
        fd,
        number(NAMESPACES.getOrDefault(type, 0)));
  }

  private LaunchPlan.Step fork(
      long flags, Argument.Pointer pidfd, Optional<Argument> unifiedCgroup) {
    // struct clone_args
    Argument.Pointer arguments =
        plan.words(
            number(flags | (unifiedCgroup.isPresent() ? CLONE_INTO_CGROUP : 0)),
            pidfd,
            number(0),
            number(0),
            number(SIGCHLD),
            number(0),
            number(0),
            number(0),
            number(0),
            number(0),
            number(0));
    unifiedCgroup.ifPresent(
        fd ->
            plan.special(
                "choose the control group", Special.STORE32, LaunchPlan.behind(arguments, 80), fd));
    return plan.special(
        "clone the container's first process", Special.FORK, arguments, number(88), number(0));
  }

  private void monitor(
      Launch launch,
      @Nullable Argument listener,
      Streams streams,
      Pipe errors,
      Pipe go,
      Argument.Pointer pidfdPlace,
      Argument pid) {
    Argument pidfd = plan.special("hold the process", Special.LOAD32, pidfdPlace).result();
    streams.childsEnds().forEach(this::close);
    close(errors.write());
    close(go.read());
    // The mount namespace must outlive the process: the overlay is synced when its last reference
    // goes, and the exit is to be reported before that.
    Argument.Pointer path = plan.reserve(64);
    String hold = "hold the mount namespace";
    plan.special(hold, Special.FORMAT, path, plan.string("/proc/"), pid, plan.string("/ns/mnt"));
    LaunchPlan.Step open =
        plan.call(
                hold,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                path,
                number(Fd.O_RDONLY | Fd.O_CLOEXEC),
                number(0))
            .tolerate(1, Errno.ENOENT, ESRCH);
    Argument namespace = open.result();
    // a child that has failed already has none: its own failure is the one to report
    LaunchPlan.Step held = plan.special(hold, Special.JUMP, number(0));
    plan.special(hold, Special.WAIT_EXEC, errors.read());
    held.targetNext(0);
    RuntimeSpec.Process process = launch.spec().process();
    boolean terminal = process != null && process.terminal();
    hostNetwork(launch.network(), pid);
    Argument master = terminal ? fetchTerminal(pidfd, errors) : null;
    plan.call("let the process go on", Syscalls.WRITE, go.write(), plan.string("g"), number(1));
    close(go.write());
    LaunchPlan.Step wait =
        plan.special("start the container's program", Special.WAIT_EXEC, errors.read());
    if (handover != null && handover.gate()) {
      wait.tolerate(0, EPROTO); // the child's word that it stands at the gate
    }
    close(errors.read());
    List<Argument> stdio = master != null ? List.of(master) : streams.monitorsEnds();
    watch(listener, namespace, pidfd, pid, stdio, streams.input() != null, handover == null);
  }

  /// Waits for the child's byte that says "open", then takes the descriptor over.
  private Argument fetchTerminal(Argument pidfd, Pipe errors) {
    String what = "fetch the container's terminal";
    Argument.Pointer word = plan.reserve(8);
    // the child sends eight zero bytes here; a real failure sends its index and error
    plan.special(what, Special.WAIT_EXEC, errors.read()).tolerate(0, 71);
    plan.special(what, Special.STORE32, word, number(0));
    return plan.call(what, Syscalls.PIDFD_GETFD, pidfd, number(MASTER), number(0)).result();
  }

  private void hostNetwork(NetlinkSetup network, Argument pid) {
    if (network.hostMessages().isEmpty()) {
      return;
    }
    String what = "connect the container's network";
    Argument socket = netlinkSocket(what);
    for (NetlinkSetup.HostMessage message : network.hostMessages()) {
      Argument.Pointer bytes = plan.bytes(message.bytes());
      for (int offset : message.pidOffsets()) {
        plan.special(what, Special.STORE32, LaunchPlan.behind(bytes, offset), pid);
      }
      plan.special(what, Special.NETLINK, socket, bytes, number(message.bytes().length), number(1));
    }
    close(socket);
  }

  private Argument netlinkSocket(String what) {
    return plan.call(
            what, Syscalls.SOCKET, number(AF_NETLINK), number(SOCK_RAW | Fd.O_CLOEXEC), number(0))
        .result();
  }

  /// Reports to the engine and stays as the monitor.
  private void watch(
      @Nullable Argument listener,
      @Nullable Argument namespace,
      Argument pidfd,
      Argument pid,
      List<Argument> stdio,
      boolean hasStdin,
      boolean linger) {
    String what = "report to the engine";
    Argument.Pointer fds = plan.reserve(4 * (1 + stdio.size()));
    plan.special(what, Special.STORE32, fds, pidfd);
    for (int i = 0; i < stdio.size(); i++) {
      plan.special(what, Special.STORE32, LaunchPlan.behind(fds, 4 + 4 * i), stdio.get(i));
    }
    plan.special(
        what, Special.READY, number(1 + stdio.size()), fds, pid, number(hasStdin ? 0 : -1));
    if (handover != null && !handover.stays()) {
      plan.special("leave the process to the caller", Special.EXIT, number(0));
      return;
    }
    // struct monitor
    Argument.Pointer state = plan.reserve(72);
    int at = 0;
    for (@Nullable Argument field :
        new @Nullable Argument[] {
          pidfd,
          pid,
          listener,
          namespace,
          null,
          null,
          number(hasStdin ? 0 : -1),
          number(stdio.size())
        }) {
      store(state, at, field);
      at += 4;
    }
    for (int i = 0; i < 4; i++) {
      store(state, at + 4 * i, i < stdio.size() ? stdio.get(i) : null);
    }
    if (listener != null) {
      store(state, 48, number(plan.string(BuiltInRuntime.EXIT_FILE).offset()));
      store(state, 56, number(plan.string(BuiltInRuntime.EXIT_FILE + ".new").offset()));
    } else {
      store(state, 48, number(0));
      store(state, 56, number(0));
    }
    store(state, 64, number(linger ? 1 : 0));
    plan.special("watch the process", Special.MONITOR, state);
  }

  private void store(Argument.Pointer place, int offset, @Nullable Argument value) {
    plan.special(
        "prepare to watch the process",
        Special.STORE32,
        LaunchPlan.behind(place, offset),
        value == null ? number(0xffffffffL) : value);
  }

  private void child(
      Launch launch,
      RuntimeSpec spec,
      RuntimeSpec.Process process,
      RuntimeSpec.Linux linux,
      String group,
      CgroupPlan cgroup,
      List<Argument> tasks,
      Streams streams,
      Pipe errors,
      Pipe go,
      Map<String, Argument> joined,
      Map<String, @Nullable String> namespaces,
      @Nullable Argument gate,
      @Nullable Argument result) {
    plan.special("report failures to the monitor", Special.REPORT_TO, errors.write());
    // the monitor's ends: the start pipe must show its end if the monitor dies
    close(go.write());
    close(errors.read());
    streams.monitorsEnds().forEach(this::close);
    plan.call("begin a session", Syscalls.SETSID);
    cgroup.join(tasks);
    if (isOwn(namespaces, "cgroup")) {
      plan.call("enter a control group namespace", Syscalls.UNSHARE, number(CLONE_NEWCGROUP));
    }
    for (String type : List.of("network", "ipc", "uts", "cgroup", "time", "mount")) {
      Argument fd = joined.get(type);
      if (fd != null) {
        join(type, fd);
      }
    }
    MountPlan mounts = new MountPlan(plan, spec, launch.rootfs(), cgroups, group, false);
    mounts.mounts();
    mounts.devices();
    Argument procfs = mounts.detachedProc();
    Argument slave = null;
    if (process.terminal()) {
      RuntimeSpec.ConsoleSize size = process.consoleSize();
      slave = mounts.terminal(MASTER, size == null ? new RuntimeSpec.ConsoleSize(0, 0) : size);
      mounts.console(slave);
      plan.call(
          "hand over the terminal",
          Syscalls.WRITE,
          errors.write(),
          plan.words(number(-1L)),
          number(4));
    }
    mounts.sysctls(procfs);
    oomScore(mounts, procfs, process);
    mounts.readonlyPaths();
    mounts.maskedPaths();
    mounts.pivot();
    names(spec, namespaces);
    mounts.workingDirectory(process.cwd().isEmpty() ? "/" : process.cwd());
    RuntimeSpec.Root root = spec.root();
    if (root != null && root.readonly()) {
      mounts.readonlyRoot();
    }
    ProcessPlan last = new ProcessPlan(plan, process);
    last.limits();
    last.scheduling();
    last.keyring("_ses." + launch.id());
    plan.special("wait for the monitor", Special.WAIT_BYTE, go.read());
    containerNetwork(launch.network(), namespaces);
    // before the gate: the caller may read its own end of our streams until all copies are closed
    last.standardStreams(childStreams(streams, slave), slave != null);
    if (gate != null && result != null) {
      last.lookUp();
      waitAtGate(errors, gate, result);
    }
    passDescriptors();
    last.identity(linux.seccomp());
    last.closeOnExec(handover == null ? 0 : handover.passedDescriptors());
    last.execute();
  }

  /// Everything is ready: the caller hears so, and the program waits for its start. From here on
  /// failures go to whoever starts it.
  private void waitAtGate(Pipe errors, Argument gate, Argument result) {
    plan.call(
        "say that all is ready",
        Syscalls.WRITE,
        errors.write(),
        plan.words(number(-1L)),
        number(4));
    plan.special("report failures to the starter", Special.REPORT_TO, result);
    close(errors.write());
    plan.special("wait for the start", Special.WAIT_BYTE, gate);
    close(gate);
  }

  private static boolean isOwn(Map<String, @Nullable String> namespaces, String type) {
    return namespaces.containsKey(type) && namespaces.get(type) == null;
  }

  private static List<Argument> childStreams(Streams streams, @Nullable Argument slave) {
    if (slave != null) {
      return List.of(slave, slave, slave);
    }
    Pipe input = streams.input();
    Pipe output = streams.output();
    Pipe error = streams.error();
    return List.of(
        input == null ? number(0) : input.read(),
        output == null ? number(1) : output.write(),
        error == null ? number(2) : error.write());
  }

  private void oomScore(MountPlan mounts, Argument procfs, RuntimeSpec.Process process) {
    Integer score = process.oomScoreAdj();
    if (score != null) {
      // lowering it needs CAP_SYS_RESOURCE, which an engine in a container may lack
      mounts
          .writeProc(
              procfs,
              "self/oom_score_adj",
              Integer.toString(score),
              "set the OOM score to " + score)
          .tolerate(0, Errno.EACCES, Errno.EPERM);
    }
  }

  private void names(RuntimeSpec spec, Map<String, @Nullable String> namespaces) {
    String host = spec.hostname();
    String domain = spec.domainname();
    if (!namespaces.containsKey("uts")) {
      return;
    }
    if (host != null && !host.isEmpty()) {
      plan.call(
          "set the host name " + host,
          Syscalls.SETHOSTNAME,
          plan.string(host),
          number(host.getBytes(java.nio.charset.StandardCharsets.UTF_8).length));
    }
    if (domain != null && !domain.isEmpty()) {
      plan.call(
          "set the domain name " + domain,
          Syscalls.SETDOMAINNAME,
          plan.string(domain),
          number(domain.getBytes(java.nio.charset.StandardCharsets.UTF_8).length));
    }
  }

  private void containerNetwork(NetlinkSetup network, Map<String, @Nullable String> namespaces) {
    if (network.containerMessages().isEmpty() || !isOwn(namespaces, "network")) {
      return;
    }
    String what = "configure the network inside the container";
    Argument socket = netlinkSocket(what);
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
    close(socket);
  }

  // ---- an exec

  private LaunchPlan exec(ExecLaunch exec) {
    RuntimeSpec.Process process = exec.process();
    protect(LAST_INHERITED + 1);
    keepPassedDescriptors();
    Argument container = number(LAST_INHERITED + 1);
    CgroupPlan cgroup = new CgroupPlan(plan, cgroups, exec.cgroup());
    List<Argument> tasks = cgroup.openTasks();
    Optional<Argument> unified = cgroup.openUnified();
    boolean terminal = process.terminal();
    Streams streams = terminal || handover != null ? Streams.NONE : streams(exec.openStdin());
    Pipe errors = pipe("make the error pipe");
    Pipe go = pipe("make the start pipe");
    plan.call(
        "enter the container's process tree", Syscalls.SETNS, container, number(CLONE_NEWPID));
    Argument.Pointer pidfdPlace = plan.reserve(8);
    LaunchPlan.Step fork = fork(CLONE_PIDFD, pidfdPlace, unified);
    Argument pid = fork.result();

    Argument pidfd = plan.special("hold the process", Special.LOAD32, pidfdPlace).result();
    streams.childsEnds().forEach(this::close);
    close(errors.write());
    close(go.read());
    close(container);
    Argument master = terminal ? fetchTerminal(pidfd, errors) : null;
    plan.call("let the process go on", Syscalls.WRITE, go.write(), plan.string("g"), number(1));
    close(go.write());
    plan.special("start the program", Special.WAIT_EXEC, errors.read());
    close(errors.read());
    List<Argument> stdio = master != null ? List.of(master) : streams.monitorsEnds();
    watch(null, null, pidfd, pid, stdio, streams.input() != null, false);

    fork.targetNext(2);
    plan.special("report failures to the monitor", Special.REPORT_TO, errors.write());
    close(go.write());
    close(errors.read());
    streams.monitorsEnds().forEach(this::close);
    plan.call("begin a session", Syscalls.SETSID);
    cgroup.join(tasks);
    int all = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    plan.call(
        "enter the container",
        Syscalls.SETNS,
        container,
        number(exec.privateCgroup() ? all | CLONE_NEWCGROUP : all));
    close(container);
    String cwd = process.cwd().isEmpty() ? "/" : process.cwd();
    Argument slave = null;
    if (terminal) {
      slave = execTerminal(process, errors);
    }
    plan.call("enter the working directory " + cwd, Syscalls.CHDIR, plan.string(cwd));
    ProcessPlan last = new ProcessPlan(plan, process);
    last.limits();
    last.scheduling();
    last.keyring("_ses.exec");
    plan.special("wait for the monitor", Special.WAIT_BYTE, go.read());
    last.standardStreams(childStreams(streams, slave), slave != null);
    last.identity(exec.seccomp());
    last.closeOnExec(0);
    last.execute();
    return plan;
  }

  private Argument execTerminal(RuntimeSpec.Process process, Pipe errors) {
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
    plan.call(what, Syscalls.IOCTL, master, number(0x40045431), plan.words(number(0)));
    Argument slave =
        plan.call(what, Syscalls.IOCTL, master, number(0x5441), number(Fd.O_RDWR | Fd.O_NOCTTY))
            .result();
    RuntimeSpec.ConsoleSize size = process.consoleSize();
    if (size != null && (size.height() > 0 || size.width() > 0)) {
      plan.call(
          "set the terminal's size",
          Syscalls.IOCTL,
          master,
          number(0x5414),
          plan.words(number((size.height() & 0xffffL) | (size.width() & 0xffffL) << 16)));
    }
    plan.call(what, Syscalls.DUP3, master, number(MASTER), number(Fd.O_CLOEXEC));
    close(master);
    plan.call(
        "hand over the terminal",
        Syscalls.WRITE,
        errors.write(),
        plan.words(number(-1L)),
        number(4));
    return slave;
  }

  private void close(Argument fd) {
    plan.call("close a descriptor", Syscalls.CLOSE, fd);
  }
}
