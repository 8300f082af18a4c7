package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The namespaces of a container (config-linux.md#namespaces, namespaces(7)): which are its own,
/// which are joined, and the clone that makes them.
///
/// A namespace belongs to the user namespace in which it was made, so the order matters: what is
/// joined by path is joined with the host's rights, before a user namespace is joined or made, and
/// what the container gets of its own is made after that. Where that takes a process that has
/// changed its own namespaces but is not the monitor, a short-lived one on the monitor's memory
/// does it and leaves the container's first process to the monitor (CLONE_PARENT).
final class NamespacePlan {
  static final int NEWTIME = 0x80;
  static final int NEWNS = 0x20000;
  static final int NEWCGROUP = 0x2000000;
  static final int NEWUTS = 0x4000000;
  static final int NEWIPC = 0x8000000;
  static final int NEWUSER = 0x10000000;
  static final int NEWPID = 0x20000000;
  static final int NEWNET = 0x40000000;
  private static final int CLONE_VM = 0x100;
  private static final int CLONE_FILES = 0x400;
  private static final int CLONE_PIDFD = 0x1000;
  private static final int CLONE_VFORK = 0x4000;
  private static final int CLONE_PARENT = 0x8000;
  private static final long CLONE_INTO_CGROUP = 0x200000000L;
  private static final int SIGCHLD = 17;
  private static final int NSFS = 0x6e736673;

  private static final Map<String, Integer> FLAGS = new LinkedHashMap<>();

  static {
    FLAGS.put("user", NEWUSER);
    FLAGS.put("mount", NEWNS);
    FLAGS.put("pid", NEWPID);
    FLAGS.put("network", NEWNET);
    FLAGS.put("ipc", NEWIPC);
    FLAGS.put("uts", NEWUTS);
    FLAGS.put("cgroup", NEWCGROUP);
    FLAGS.put("time", NEWTIME);
  }

  private final LaunchPlan plan;
  private final RuntimeSpec.Linux linux;
  private final Map<String, @Nullable String> namespaces;
  private final Map<String, Argument> joined = new LinkedHashMap<>();

  NamespacePlan(LaunchPlan plan, RuntimeSpec.Linux linux) {
    this.plan = plan;
    this.linux = linux;
    this.namespaces = read(linux);
    check();
  }

  /// The types of namespaces that a configuration may name.
  static List<String> types() {
    return List.copyOf(FLAGS.keySet());
  }

  private static Map<String, @Nullable String> read(RuntimeSpec.Linux linux) {
    Map<String, @Nullable String> result = new LinkedHashMap<>();
    for (RuntimeSpec.Namespace n : linux.namespaces()) {
      if (!FLAGS.containsKey(n.type())) {
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

  private void check() {
    if (!namespaces.containsKey("mount")) {
      throw new Failure.InvalidRequest("a container needs a mount namespace");
    }
    boolean mapped = !linux.uidMappings().isEmpty() || !linux.gidMappings().isEmpty();
    if (isOwn("user") && (linux.uidMappings().isEmpty() || linux.gidMappings().isEmpty())) {
      throw new Failure.InvalidRequest(
          "a new user namespace needs linux.uidMappings and linux.gidMappings");
    }
    if (mapped && !namespaces.containsKey("user")) {
      throw new Failure.InvalidRequest(
          "user namespace mappings specified, but user namespace isn't enabled in the config");
    }
    if (!linux.timeOffsets().isEmpty() && !isOwn("time")) {
      throw new Failure.InvalidRequest("time offsets need a time namespace of the container's own");
    }
    if (isOwn("user") && namespaces.get("mount") != null) {
      throw new Failure.Unsupported(
          "a new user namespace has no rights over a joined mount namespace");
    }
  }

  boolean has(String type) {
    return namespaces.containsKey(type);
  }

  boolean isOwn(String type) {
    return namespaces.containsKey(type) && namespaces.get(type) == null;
  }

  /// Opens what is joined, while the host's paths mean what the configuration says.
  void open() {
    namespaces.forEach(
        (type, path) -> {
          if (path != null) {
            joined.put(type, open(type, path));
          }
        });
  }

  /// In the monitor, once the child has its own descriptors of them.
  void closeJoined() {
    joined.values().forEach(fd -> plan.call("close a descriptor", Syscalls.CLOSE, fd));
  }

  /// The network namespace that is joined, until [#closeJoined].
  Optional<Argument> joinedNetwork() {
    return Optional.ofNullable(joined.get("network"));
  }

  /// The namespaces that an exec enters, its pid namespace aside.
  static long entered(ExecLaunch exec) {
    long flags = NEWNS | NEWNET | NEWIPC | NEWUTS;
    for (String type : List.of("user", "cgroup", "time")) {
      if (exec.has(type)) {
        flags |= flag(type);
      }
    }
    return flags;
  }

  private Argument open(String type, String path) {
    String what = "open the " + type + " namespace " + path;
    Argument fd =
        plan.call(
                what,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(path),
                number(Fd.O_RDONLY | Fd.O_CLOEXEC),
                number(0))
            .result();
    // anything else that can be opened must not be given to setns: its first word is the type
    Argument.Pointer stat = plan.reserve(120);
    plan.call(what, Syscalls.FSTATFS, fd, stat);
    Argument magic = plan.special(what, Special.LOAD32, stat).result();
    plan.special(what, Special.CHECK, magic, number(-1), number(NSFS), number(Errno.EINVAL));
    return fd;
  }

  /// True if a process of its own must prepare the namespaces before the container's first process
  /// is made.
  private boolean needsStage() {
    return joined.containsKey("user")
        || isOwn("user") && joined.keySet().stream().anyMatch(t -> !t.equals("pid"));
  }

  /// Clones the container's first process and returns the step, whose argument 2 is to become its
  /// target.
  LaunchPlan.Step fork(Argument.Pointer pidfd, Optional<Argument> cgroup) {
    long flags = CLONE_PIDFD;
    for (String type : namespaces.keySet()) {
      if (isOwn(type) && !type.equals("cgroup") && !type.equals("time")) {
        flags |= flag(type);
      }
    }
    if (!needsStage()) {
      // a pid or time namespace is entered by children only: the monitor stays where it is
      Argument pid = joined.get("pid");
      if (pid != null) {
        join("pid", pid);
      }
      timeOffsets();
      return clone(plan, flags, SIGCHLD, pidfd, cgroup);
    }
    String what = "prepare the namespaces";
    LaunchPlan.Step stage =
        plan.special(
            what,
            Special.FORK_SHARED,
            arguments(plan, CLONE_VM | CLONE_VFORK | CLONE_FILES, SIGCHLD, number(0)),
            number(88),
            number(0));
    LaunchPlan.Step goOn = plan.special(what, Special.JUMP, number(0));
    stage.targetNext(2);
    // the host's root may enter all of them, whoever owns them; the user namespace comes last,
    // because inside it that is over
    timeOffsets();
    for (String type : List.of("network", "ipc", "uts", "pid", "time", "cgroup", "user")) {
      Argument fd = joined.get(type);
      if (fd != null) {
        join(type, fd);
      }
    }
    LaunchPlan.Step fork = clone(plan, flags | CLONE_PARENT, 0, pidfd, cgroup);
    Argument pid = fork.result();
    plan.special(what, Special.EXIT, number(0));
    goOn.targetNext(0);
    Argument.Pointer status = plan.reserve(8);
    plan.call(what, Syscalls.WAIT4, stage.result(), status, number(0), number(0));
    Argument ended = plan.special(what, Special.LOAD32, status).result();
    LaunchPlan.Step well = plan.special(what, Special.JUMP_IF_EQUAL, ended, number(0), number(0));
    plan.special(what, Special.EXIT, number(255)); // it has reported why
    well.targetNext(2);
    plan.special(what, Special.CHECK, pid, number(0), number(0), number(Errno.EINVAL));
    return fork;
  }

  /// In the container's first process: what is joined and was not joined before.
  void joinRest() {
    List<String> rest =
        needsStage()
            ? List.of("mount")
            : List.of("network", "ipc", "uts", "cgroup", "time", "mount");
    for (String type : rest) {
      Argument fd = joined.get(type);
      if (fd != null) {
        join(type, fd);
      }
    }
  }

  private void join(String type, Argument fd) {
    plan.call("join the " + type + " namespace", Syscalls.SETNS, fd, number(flag(type)));
  }

  private static int flag(String type) {
    return FLAGS.getOrDefault(type, 0);
  }

  private static LaunchPlan.Step clone(
      LaunchPlan plan, long flags, int signal, Argument.Pointer pidfd, Optional<Argument> cgroup) {
    Argument.Pointer arguments =
        arguments(plan, flags | (cgroup.isPresent() ? CLONE_INTO_CGROUP : 0), signal, pidfd);
    cgroup.ifPresent(
        fd ->
            plan.special(
                "choose the control group", Special.STORE32, LaunchPlan.behind(arguments, 80), fd));
    return plan.special(
        "clone the container's first process", Special.FORK, arguments, number(88), number(0));
  }

  /// struct clone_args: flags, pidfd, three words, signal, four words, cgroup.
  private static Argument.Pointer arguments(
      LaunchPlan plan, long flags, int signal, Argument pidfd) {
    return plan.words(
        number(flags),
        pidfd,
        number(0),
        number(0),
        number(signal),
        number(0),
        number(0),
        number(0),
        number(0),
        number(0),
        number(0));
  }

  /// A plain child with a pidfd, for an exec or a hook.
  static LaunchPlan.Step child(LaunchPlan plan, Argument.Pointer pidfd, Optional<Argument> cgroup) {
    return clone(plan, CLONE_PIDFD, SIGCHLD, pidfd, cgroup);
  }

  // ---- time

  private void timeOffsets() {
    if (!isOwn("time")) {
      return;
    }
    plan.call("make a time namespace", Syscalls.UNSHARE, number(NEWTIME));
    linux
        .timeOffsets()
        .forEach(
            (clock, offset) -> {
              if (!clock.equals("monotonic") && !clock.equals("boottime")) {
                throw new Failure.InvalidRequest("there is no time offset of the clock " + clock);
              }
              String line = clock + " " + offset.secs() + " " + offset.nanosecs() + "\n";
              write(plan.string("/proc/self/timens_offsets"), line, "set the offset of " + clock);
            });
  }

  private void write(Argument path, String text, String what) {
    write(plan, path, text, what);
  }

  /// @param tolerated errors of the write that do not matter
  static void write(LaunchPlan plan, Argument path, String text, String what, int... tolerated) {
    Argument file =
        plan.call(
                what,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                path,
                number(Fd.O_WRONLY | Fd.O_CLOEXEC),
                number(0))
            .result();
    plan.call(
            what,
            Syscalls.WRITE,
            file,
            plan.string(text),
            number(text.getBytes(StandardCharsets.UTF_8).length))
        .tolerate(0, tolerated);
    plan.call(what, Syscalls.CLOSE, file);
  }

  // ---- user namespaces

  /// Tells the kernel what the ids of an own user namespace mean outside; the process waits for it.
  void map(Argument pid) {
    if (isOwn("user")) {
      map(plan, pid, linux.uidMappings(), linux.gidMappings());
    }
  }

  private static void map(
      LaunchPlan plan,
      Argument pid,
      List<RuntimeSpec.IdMapping> users,
      List<RuntimeSpec.IdMapping> groups) {
    write(plan, processFile(plan, pid, "uid_map"), text(users), "map the users");
    write(plan, processFile(plan, pid, "gid_map"), text(groups), "map the groups");
  }

  /// The path of a file of process `pid`, made when the plan runs.
  static Argument.Pointer processFile(LaunchPlan plan, Argument pid, String name) {
    Argument.Pointer path = plan.reserve(64);
    plan.special(
        "name a file of the process",
        Special.FORMAT,
        path,
        plan.string("/proc/"),
        pid,
        plan.string("/" + name));
    return path;
  }

  private static String text(List<RuntimeSpec.IdMapping> mappings) {
    StringBuilder text = new StringBuilder();
    for (RuntimeSpec.IdMapping m : mappings) {
      if (m.size() <= 0
          || m.containerID() < 0
          || m.hostID() < 0
          || m.containerID() + m.size() > 1L << 32
          || m.hostID() + m.size() > 1L << 32) {
        throw new Failure.InvalidRequest("an id mapping needs ids and a size above zero: " + m);
      }
      text.append(m.containerID()).append(' ').append(m.hostID()).append(' ').append(m.size());
      text.append('\n');
    }
    return text.toString();
  }

  /// A user namespace with these mappings that no process lives in, for an idmapped mount; its
  /// descriptor.
  static Argument mapped(
      LaunchPlan plan, List<RuntimeSpec.IdMapping> users, List<RuntimeSpec.IdMapping> groups) {
    String what = "make a user namespace for a mount";
    Argument.Pointer ends = plan.reserve(8);
    plan.call(what, Syscalls.PIPE2, ends, number(Fd.O_CLOEXEC));
    Argument read = plan.special(what, Special.LOAD32, ends).result();
    Argument write = plan.special(what, Special.LOAD32, LaunchPlan.behind(ends, 4)).result();
    Argument.Pointer place = plan.reserve(8);
    LaunchPlan.Step fork =
        plan.special(
            what,
            Special.FORK,
            arguments(plan, NEWUSER | CLONE_PIDFD, SIGCHLD, place),
            number(88),
            number(0));
    Argument pid = fork.result();
    LaunchPlan.Step goOn = plan.special(what, Special.JUMP, number(0));
    fork.targetNext(2);
    plan.call(what, Syscalls.CLOSE, write);
    plan.special(what, Special.WAIT_BYTE, read).tolerate(0, Errno.EPIPE);
    plan.special(what, Special.EXIT, number(0));
    goOn.targetNext(0);
    map(plan, pid, users, groups);
    Argument namespace =
        plan.call(
                what,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                processFile(plan, pid, "ns/user"),
                number(Fd.O_RDONLY | Fd.O_CLOEXEC),
                number(0))
            .result();
    plan.call(what, Syscalls.CLOSE, write);
    plan.call(what, Syscalls.CLOSE, read);
    Argument pidfd = plan.special(what, Special.LOAD32, place).result();
    plan.special(what, Special.AWAIT, pidfd, number(-1));
    plan.call(what, Syscalls.CLOSE, pidfd);
    return namespace;
  }

  /// Becomes root of the user namespace that was entered: until here the host's root, who has no
  /// name in it, could read what the host keeps from others.
  static void becomeRoot(LaunchPlan plan) {
    String what = "become root of the user namespace";
    plan.call(what, Syscalls.SETGROUPS, number(0), number(0)).tolerate(0, Errno.EPERM);
    plan.call(what, Syscalls.SETRESGID, number(0), number(0), number(0));
    plan.call(what, Syscalls.SETRESUID, number(0), number(0), number(0));
  }
}
