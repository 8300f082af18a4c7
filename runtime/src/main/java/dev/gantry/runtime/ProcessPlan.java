package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Capabilities;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The process part of a launch plan: limits, identity, capabilities, filter, and the program
/// itself. Shared by containers and execs.
final class ProcessPlan {
  private static final int PR_SET_KEEPCAPS = 8;
  private static final int PR_CAPBSET_DROP = 24;
  private static final int PR_SET_NO_NEW_PRIVS = 38;
  private static final int PR_CAP_AMBIENT = 47;
  private static final int PR_CAP_AMBIENT_RAISE = 2;
  private static final int PR_CAP_AMBIENT_CLEAR = 4;
  private static final int CAPABILITY_VERSION_3 = 0x20080522;
  private static final long CAP_SYS_ADMIN = 1L << 21;
  private static final int KEYCTL_JOIN_SESSION_KEYRING = 1;
  private static final int SECCOMP_SET_MODE_FILTER = 1;
  private static final int CLOSE_RANGE_CLOEXEC = 4;
  private static final int TIOCSCTTY = 0x540e;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_TYPE = 1;
  private static final List<String> MEMORY_MODES =
      List.of(
          "MPOL_DEFAULT",
          "MPOL_PREFERRED",
          "MPOL_BIND",
          "MPOL_INTERLEAVE",
          "MPOL_LOCAL",
          "MPOL_PREFERRED_MANY",
          "MPOL_WEIGHTED_INTERLEAVE");
  private static final List<String> LIMITS =
      List.of(
          "CPU",
          "FSIZE",
          "DATA",
          "STACK",
          "CORE",
          "RSS",
          "NPROC",
          "NOFILE",
          "MEMLOCK",
          "AS",
          "LOCKS",
          "SIGPENDING",
          "MSGQUEUE",
          "NICE",
          "RTPRIO",
          "RTTIME");
  private static final Map<String, Integer> POLICIES =
      Map.of(
          "SCHED_OTHER",
          0,
          "SCHED_FIFO",
          1,
          "SCHED_RR",
          2,
          "SCHED_BATCH",
          3,
          "SCHED_ISO",
          4,
          "SCHED_IDLE",
          5,
          "SCHED_DEADLINE",
          6);
  private static final Map<String, Integer> IO_CLASSES =
      Map.of("IOPRIO_CLASS_RT", 1, "IOPRIO_CLASS_BE", 2, "IOPRIO_CLASS_IDLE", 3);

  private final LaunchPlan plan;
  private final RuntimeSpec.Process process;
  private final long held;

  /// @param held the capabilities that the process has before it gives up anything
  ProcessPlan(LaunchPlan plan, RuntimeSpec.Process process, long held) {
    this.held = held;
    this.plan = plan;
    this.process = process;
    if (process.args().isEmpty()) {
      throw new Failure.InvalidRequest("the configuration names no program to run");
    }
  }

  /// The AppArmor profile to take on, if there is one.
  static Optional<String> appArmor(RuntimeSpec.Process process) {
    return Optional.ofNullable(process.apparmorProfile())
        .filter(p -> !p.isEmpty() && !p.equals("unconfined"));
  }

  /// Makes `slots` descriptors 0 to 2 and, of a terminal, the controlling one.
  ///
  /// @param pipes whether they are pipes of our own
  void standardStreams(List<Argument> slots, boolean terminal, boolean pipes) {
    for (int i = 0; i < 3; i++) {
      if (slots.get(i).equals(number(i))) {
        continue; // the helper's own /dev/null
      }
      plan.call("set up standard streams", Syscalls.DUP3, slots.get(i), number(i), number(0));
    }
    if (!terminal) {
      if (process.user().uid() != 0) {
        for (int i = 0; i < 3; i++) {
          boolean own = !slots.get(i).equals(number(i));
          if (own || !pipes) {
            give(number(i), process.user().uid(), own);
          }
        }
      }
    } else {
      plan.call(
          "take the terminal as the controlling one",
          Syscalls.IOCTL,
          number(0),
          number(TIOCSCTTY),
          number(0));
      if (process.user().uid() != 0) {
        plan.call(
                "give the terminal to the user",
                Syscalls.FCHOWN,
                number(0),
                number(process.user().uid()),
                number(-1))
            .tolerate(0, Errno.EPERM, Errno.EINVAL);
      }
    }
  }

  /// The user may open its streams again by /dev/stdout and the like, which asks for the owner of
  /// the pipe.
  ///
  /// @param own whether it is surely a pipe; of the caller's streams only pipes are given away
  private void give(Argument stream, long uid, boolean own) {
    String what = "give the standard streams to the user";
    if (!own) {
      Argument.Pointer stat = plan.reserve(256);
      plan.call(
          what,
          Syscalls.STATX,
          stream,
          plan.string(""),
          number(AT_EMPTY_PATH),
          number(STATX_TYPE),
          stat);
      // struct statx: the mode at 28; whatever is no pipe has one of these bits
      Argument mode = plan.special(what, Special.LOAD32, LaunchPlan.behind(stat, 28)).result();
      plan.special(what, Special.CHECK, mode, number(0160000), number(0), number(Errno.ENODEV))
          .tolerate(1, Errno.ENODEV);
    }
    plan.call(what, Syscalls.FCHOWN, stream, number(uid), number(-1))
        .tolerate(0, Errno.EPERM, Errno.EINVAL);
  }

  /// In the monitor, for a child in a user namespace of its own with these mappings.
  void giveStreams(MonitorPlan.Streams streams, List<RuntimeSpec.IdMapping> users) {
    long uid = process.user().uid();
    for (RuntimeSpec.IdMapping m : users) {
      if (uid >= m.containerID() && uid < m.containerID() + m.size()) {
        long outside = m.hostID() + uid - m.containerID();
        streams.monitorsEnds().forEach(end -> give(end, outside, true));
        for (int i = 0; streams == MonitorPlan.Streams.NONE && i < 3; i++) {
          give(number(i), outside, false);
        }
      }
    }
  }

  void limits() {
    limits(number(0));
  }

  /// Sets the limits of process `pid`, 0 for the caller.
  void limits(Argument pid) {
    for (RuntimeSpec.Rlimit limit : process.rlimits()) {
      String name = limit.type().replaceFirst("^RLIMIT_", "");
      int resource = LIMITS.indexOf(name);
      if (resource < 0) {
        throw new Failure.InvalidRequest("unknown resource limit " + limit.type());
      }
      String what = "set the limit " + limit.type() + " to " + limit.soft() + ":" + limit.hard();
      // raising a hard limit needs CAP_SYS_RESOURCE, which an engine in a container may lack
      plan.call(
              what,
              Syscalls.PRLIMIT64,
              pid,
              number(resource),
              plan.words(number(limit.soft()), number(limit.hard())),
              number(0))
          .tolerate(0, Errno.EPERM);
    }
  }

  /// Scheduling, I/O priority, CPU affinity.
  void scheduling() {
    RuntimeSpec.IoPriority io = process.ioPriority();
    if (io != null) {
      Integer kind = IO_CLASSES.get(io.kind());
      if (kind == null) {
        throw new Failure.InvalidRequest("unknown I/O priority class " + io.kind());
      }
      plan.call(
          "set the I/O priority",
          Syscalls.IOPRIO_SET,
          number(1),
          number(0),
          number(kind << 13 | io.priority()));
    }
    RuntimeSpec.Scheduler scheduler = process.scheduler();
    if (scheduler != null) {
      schedule(scheduler);
    }
  }

  private void schedule(RuntimeSpec.Scheduler s) {
    Integer policy = POLICIES.get(s.policy());
    if (policy == null) {
      throw new Failure.InvalidRequest("unknown scheduling policy " + s.policy());
    }
    List<String> names =
        List.of(
            "RESET_ON_FORK",
            "RECLAIM",
            "DL_OVERRUN",
            "KEEP_POLICY",
            "KEEP_PARAMS",
            "UTIL_CLAMP_MIN",
            "UTIL_CLAMP_MAX");
    long flags = 0;
    for (String flag : s.flags()) {
      int bit = names.indexOf(flag.replaceFirst("^SCHED_FLAG_", ""));
      if (bit < 0) {
        throw new Failure.InvalidRequest("unknown scheduling flag " + flag);
      }
      flags |= 1L << bit;
    }
    // struct sched_attr: size, policy | flags | nice, priority | runtime | deadline | period
    Argument attributes =
        plan.words(
            number(48 | (long) policy << 32),
            number(flags),
            number(Integer.toUnsignedLong(s.nice()) | (long) s.priority() << 32),
            number(s.runtime()),
            number(s.deadline()),
            number(s.period()));
    plan.call(
        "set the scheduling policy " + s.policy(),
        Syscalls.SCHED_SETATTR,
        number(0),
        attributes,
        number(0));
  }

  /// A session keyring of its own, so that the container does not see the engine's keys.
  void keyring(String name) {
    plan.call(
            "join a session keyring",
            Syscalls.KEYCTL,
            number(KEYCTL_JOIN_SESSION_KEYRING),
            plan.string(name))
        .tolerate(0, Errno.ENOSYS, Errno.EPERM);
  }

  /// The processors that may run the process; nothing if null or empty.
  void affinity(@Nullable String list) {
    if (list == null || list.isBlank()) {
      return;
    }
    byte[] mask = Ranges.mask(list, "the list of processors");
    plan.call(
        "set the processors to " + list,
        Syscalls.SCHED_SETAFFINITY,
        number(0),
        number(mask.length),
        plan.bytes(mask));
  }

  /// Where memory comes from, and as which kind of machine the kernel shows itself.
  void machine(RuntimeSpec.Linux linux) {
    RuntimeSpec.MemoryPolicy policy = linux.memoryPolicy();
    if (policy != null) {
      memoryPolicy(policy);
    }
    RuntimeSpec.Personality personality = linux.personality();
    if (personality != null) {
      long domain =
          switch (personality.domain()) {
            case "LINUX" -> 0;
            case "LINUX32" -> 8;
            default ->
                throw new Failure.InvalidRequest(
                    "unknown personality "
                        + personality.domain()
                        + ", LINUX and LINUX32 are known");
          };
      plan.call("set the personality", Syscalls.PERSONALITY, number(domain));
    }
  }

  private void memoryPolicy(RuntimeSpec.MemoryPolicy policy) {
    int mode = MEMORY_MODES.indexOf(policy.mode());
    if (mode < 0) {
      throw new Failure.InvalidRequest("unknown memory policy " + policy.mode());
    }
    for (String flag : policy.flags()) {
      mode |=
          switch (flag) {
            case "MPOL_F_NUMA_BALANCING" -> 1 << 13;
            case "MPOL_F_RELATIVE_NODES" -> 1 << 14;
            case "MPOL_F_STATIC_NODES" -> 1 << 15;
            default ->
                throw new Failure.InvalidRequest("unknown flag " + flag + " of a memory policy");
          };
    }
    String nodes = policy.nodes();
    byte[] mask =
        nodes == null || nodes.isEmpty()
            ? new byte[0]
            : Ranges.mask(nodes, "the list of memory nodes");
    plan.call(
        "set the memory policy " + policy.mode(),
        Syscalls.SET_MEMPOLICY,
        number(mode),
        mask.length == 0 ? number(0) : plan.bytes(mask),
        // the kernel takes one less than it is told
        number(mask.length == 0 ? 0 : mask.length * 8 + 1));
  }

  /// User and groups. The capabilities are kept until [#confine].
  void identity() {
    RuntimeSpec.User user = process.user();
    Integer umask = user.umask();
    if (umask != null) {
      plan.call("set the umask", Syscalls.UMASK, number(umask));
    }
    long bounding = 0;
    RuntimeSpec.Capabilities capabilities = process.capabilities();
    if (capabilities != null) {
      bounding = Capabilities.mask(capabilities.bounding());
      for (int bit = 0; bit < 64; bit++) {
        if ((held >> bit & 1) != 0 && (bounding >> bit & 1) == 0) {
          plan.call(
              "drop a capability from the bounding set",
              Syscalls.PRCTL,
              number(PR_CAPBSET_DROP),
              number(bit),
              number(0),
              number(0),
              number(0));
        }
      }
    }
    plan.call(
        "keep capabilities over the change of user",
        Syscalls.PRCTL,
        number(PR_SET_KEEPCAPS),
        number(1),
        number(0),
        number(0),
        number(0));
    groups(user);
    plan.call(
        "set the group",
        Syscalls.SETRESGID,
        number(user.gid()),
        number(user.gid()),
        number(user.gid()));
    plan.call(
        "set the user",
        Syscalls.SETRESUID,
        number(user.uid()),
        number(user.uid()),
        number(user.uid()));
    if (process.noNewPrivileges()) {
      plan.call(
          "forbid new privileges",
          Syscalls.PRCTL,
          number(PR_SET_NO_NEW_PRIVS),
          number(1),
          number(0),
          number(0),
          number(0));
    }
  }

  /// Capabilities, then the filter as the last thing before the program. The number of the listener
  /// where the filter has one.
  Optional<Argument> confine(RuntimeSpec.@Nullable Seccomp seccomp) {
    RuntimeSpec.Capabilities capabilities = process.capabilities();
    if (capabilities == null) {
      return filter(seccomp);
    }
    // loading a filter without no_new_privs takes SYS_ADMIN: keep it until then
    boolean privileged = !process.noNewPrivileges() && seccomp != null;
    capset(capabilities, privileged ? CAP_SYS_ADMIN : 0);
    Optional<Argument> listener = filter(seccomp);
    if (privileged) {
      capset(capabilities, 0);
    }
    ambient(capabilities);
    return listener;
  }

  private void groups(RuntimeSpec.User user) {
    byte[] groups = new byte[user.additionalGids().size() * 4];
    java.nio.ByteBuffer buffer =
        java.nio.ByteBuffer.wrap(groups).order(java.nio.ByteOrder.nativeOrder());
    user.additionalGids().forEach(g -> buffer.putInt(g.intValue()));
    plan.call(
            "set the additional groups",
            Syscalls.SETGROUPS,
            number(user.additionalGids().size()),
            plan.bytes(groups))
        .tolerate(0, user.additionalGids().isEmpty() ? Errno.EPERM : 0);
  }

  private void capset(RuntimeSpec.Capabilities c, long extra) {
    long effective = (Capabilities.mask(c.effective()) & held) | (extra & held);
    long permitted = (Capabilities.mask(c.permitted()) & held) | (extra & held);
    long inheritable = Capabilities.mask(c.inheritable()) & held;
    Argument header = plan.words(number(CAPABILITY_VERSION_3));
    Argument data =
        plan.words(
            number((effective & 0xffffffffL) | permitted << 32),
            number((inheritable & 0xffffffffL) | (effective >>> 32) << 32),
            number((permitted >>> 32) | (inheritable >>> 32) << 32));
    plan.call("set the capabilities", Syscalls.CAPSET, header, data);
  }

  private void ambient(RuntimeSpec.Capabilities c) {
    long wanted = Capabilities.mask(c.ambient());
    if (wanted == 0) {
      return;
    }
    plan.call(
        "clear the ambient capabilities",
        Syscalls.PRCTL,
        number(PR_CAP_AMBIENT),
        number(PR_CAP_AMBIENT_CLEAR),
        number(0),
        number(0),
        number(0));
    for (int bit = 0; bit < 64; bit++) {
      if ((wanted >> bit & 1) != 0) {
        plan.call(
            "raise an ambient capability",
            Syscalls.PRCTL,
            number(PR_CAP_AMBIENT),
            number(PR_CAP_AMBIENT_RAISE),
            number(bit),
            number(0),
            number(0));
      }
    }
  }

  private Optional<Argument> filter(RuntimeSpec.@Nullable Seccomp seccomp) {
    if (seccomp == null) {
      return Optional.empty();
    }
    byte[] program = SeccompProfiles.compile(seccomp);
    // struct sock_fprog: a 16-bit count, padding, a pointer
    Argument header = plan.words(number(program.length / 8), plan.bytes(program));
    LaunchPlan.Step load =
        plan.call(
            "load the seccomp filter",
            Syscalls.SECCOMP,
            number(SECCOMP_SET_MODE_FILTER),
            number(SeccompProfiles.flags(seccomp)),
            header);
    return SeccompProfiles.notifies(seccomp) ? Optional.of(load.result()) : Optional.empty();
  }

  /// Nothing of ours stays open in the program (CVE-2024-21626), save what the caller passes on.
  void closeOnExec(int passed) {
    plan.call(
        "close descriptors",
        Syscalls.CLOSE_RANGE,
        number(3 + passed),
        number(0xffffffffL),
        number(CLOSE_RANGE_CLOEXEC));
  }

  /// Fails early if the program is missing: a created container should be one that can start.
  void lookUp() {
    String text = "execute " + process.args().getFirst();
    List<LaunchPlan.Step> found = new ArrayList<>();
    List<String> candidates = candidates(process);
    for (String candidate : candidates) {
      LaunchPlan.Step access =
          plan.call(
              text, Syscalls.FACCESSAT, number(Fd.AT_FDCWD), plan.string(candidate), number(1));
      access.tolerate(1, Errno.ENOENT, candidates.size() > 1 ? Errno.EACCES : Errno.ENOENT);
      found.add(plan.special(text, Special.JUMP, number(0)));
    }
    plan.special(text, Special.CHECK, number(0), number(0), number(1), number(Errno.ENOENT));
    found.forEach(f -> f.targetNext(0));
  }

  /// The program, looked up in the PATH of its own environment.
  void execute() {
    String command = process.args().getFirst();
    List<Argument> candidates = new ArrayList<>();
    candidates(process).forEach(c -> candidates.add(plan.string(c)));
    plan.special(
        "execute " + command,
        Special.EXECUTE,
        plan.words(candidates.toArray(Argument[]::new)),
        number(candidates.size()),
        plan.stringArray(process.args()),
        plan.stringArray(process.env()));
  }

  static List<String> candidates(RuntimeSpec.Process process) {
    String command = process.args().getFirst();
    if (command.contains("/")) {
      return List.of(command);
    }
    String path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (String entry : process.env()) {
      if (entry.startsWith("PATH=")) {
        path = entry.substring(5);
      }
    }
    List<String> candidates = new ArrayList<>();
    for (String folder : path.split(":")) {
      if (folder.startsWith("/")) {
        candidates.add(folder + "/" + command);
      }
    }
    return candidates.isEmpty() ? List.of("/nonexistent/" + command) : candidates;
  }
}
