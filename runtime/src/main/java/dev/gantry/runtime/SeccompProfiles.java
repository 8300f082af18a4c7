package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Seccomp;
import dev.gantry.kernel.Seccomp.Architecture;
import dev.gantry.kernel.Seccomp.Condition;
import dev.gantry.kernel.Seccomp.Operator;
import dev.gantry.kernel.Seccomp.Rule;
import dev.gantry.oci.RuntimeSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// OCI seccomp sections as filters (config-linux.md#seccomp); each distinct one is compiled once.
final class SeccompProfiles {
  static final List<String> ACTIONS =
      List.of(
          "SCMP_ACT_KILL",
          "SCMP_ACT_KILL_PROCESS",
          "SCMP_ACT_KILL_THREAD",
          "SCMP_ACT_TRAP",
          "SCMP_ACT_ERRNO",
          "SCMP_ACT_TRACE",
          "SCMP_ACT_ALLOW",
          "SCMP_ACT_LOG",
          "SCMP_ACT_NOTIFY");
  static final List<String> OPERATORS =
      List.of(
          "SCMP_CMP_NE",
          "SCMP_CMP_LT",
          "SCMP_CMP_LE",
          "SCMP_CMP_EQ",
          "SCMP_CMP_GE",
          "SCMP_CMP_GT",
          "SCMP_CMP_MASKED_EQ");
  static final List<String> ARCHITECTURES =
      List.of("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64");
  static final List<String> FLAGS =
      List.of(
          "SECCOMP_FILTER_FLAG_TSYNC",
          "SECCOMP_FILTER_FLAG_LOG",
          "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
          "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
  private static final int TSYNC = 1;
  private static final int NEW_LISTENER = 8;
  private static final int CACHED = 64;
  private static final int EPERM = 1;
  private static final Map<RuntimeSpec.Seccomp, byte[]> CACHE =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<RuntimeSpec.Seccomp, byte[]> eldest) {
          return size() > CACHED;
        }
      };

  private SeccompProfiles() {}

  /// True if some calls are answered by a process that listens.
  static boolean notifies(RuntimeSpec.@Nullable Seccomp profile) {
    return profile != null
        && profile.syscalls().stream().anyMatch(c -> c.action().equals("SCMP_ACT_NOTIFY"));
  }

  /// What would stop the launch itself, before anybody can listen.
  private static void check(RuntimeSpec.Seccomp profile) {
    if (profile.defaultAction().equals("SCMP_ACT_NOTIFY")) {
      throw new Failure.InvalidRequest("SCMP_ACT_NOTIFY cannot be used as default action");
    }
    String path = profile.listenerPath();
    if (!notifies(profile)) {
      return;
    }
    if (path == null || path.isEmpty()) {
      throw new Failure.InvalidRequest(
          "seccomp: SCMP_ACT_NOTIFY needs a listenerPath to send the listener to");
    }
    for (RuntimeSpec.SeccompSyscall call : profile.syscalls()) {
      if (call.action().equals("SCMP_ACT_NOTIFY") && call.names().contains("write")) {
        throw new Failure.InvalidRequest("SCMP_ACT_NOTIFY cannot be used for the write syscall");
      }
    }
  }

  static byte[] compile(RuntimeSpec.Seccomp profile) {
    check(profile);
    synchronized (CACHE) {
      return CACHE.computeIfAbsent(profile, SeccompProfiles::compiled);
    }
  }

  private static byte[] compiled(RuntimeSpec.Seccomp profile) {
    List<Architecture> architectures = new ArrayList<>();
    boolean arm = System.getProperty("os.arch", "").equals("aarch64");
    for (String name : profile.architectures()) {
      switch (name) {
        case "SCMP_ARCH_X86_64" -> architectures.add(Architecture.X86_64);
        case "SCMP_ARCH_X32" -> architectures.add(Architecture.X32);
        case "SCMP_ARCH_X86" -> architectures.add(Architecture.X86);
        case "SCMP_ARCH_AARCH64" -> architectures.add(Architecture.AARCH64);
        default -> {
          if (!name.startsWith("SCMP_ARCH_")) {
            throw new Failure.InvalidRequest("seccomp: unknown architecture " + name);
          }
        }
      }
    }
    Architecture own = arm ? Architecture.AARCH64 : Architecture.X86_64;
    if (!architectures.contains(own)) {
      architectures.addFirst(own);
    }
    List<Rule> rules = new ArrayList<>();
    for (RuntimeSpec.SeccompSyscall call : profile.syscalls()) {
      int action = action(call.action(), call.errnoRet());
      if (call.args().isEmpty()) {
        rules.add(new Rule(call.names(), action, List.of()));
        continue;
      }
      List<Condition> conditions = call.args().stream().map(SeccompProfiles::condition).toList();
      rules.add(new Rule(call.names(), action, conditions));
    }
    return Seccomp.compile(
        architectures, rules, action(profile.defaultAction(), profile.defaultErrnoRet()));
  }

  private static Condition condition(RuntimeSpec.SeccompArgument a) {
    Operator operator =
        switch (a.op()) {
          case "SCMP_CMP_NE" -> Operator.NE;
          case "SCMP_CMP_LT" -> Operator.LT;
          case "SCMP_CMP_LE" -> Operator.LE;
          case "SCMP_CMP_EQ" -> Operator.EQ;
          case "SCMP_CMP_GE" -> Operator.GE;
          case "SCMP_CMP_GT" -> Operator.GT;
          case "SCMP_CMP_MASKED_EQ" -> Operator.MASKED_EQ;
          default -> throw new Failure.InvalidRequest("seccomp: unknown operator " + a.op());
        };
    Long second = a.valueTwo();
    return new Condition(a.index(), operator, a.value(), second == null ? 0 : second);
  }

  private static int action(String name, @Nullable Integer errno) {
    int data = (errno == null ? EPERM : errno) & 0xffff;
    return switch (name) {
      case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD" -> Seccomp.KILL_THREAD;
      case "SCMP_ACT_KILL_PROCESS" -> Seccomp.KILL_PROCESS;
      case "SCMP_ACT_TRAP" -> Seccomp.TRAP;
      case "SCMP_ACT_ERRNO" -> Seccomp.ERRNO | data;
      case "SCMP_ACT_TRACE" -> Seccomp.TRACE | data;
      case "SCMP_ACT_LOG" -> Seccomp.LOG;
      case "SCMP_ACT_ALLOW" -> Seccomp.ALLOW;
      case "SCMP_ACT_NOTIFY" -> Seccomp.NOTIFY;
      default -> throw new Failure.InvalidRequest("seccomp: unknown action " + name);
    };
  }

  static int flags(RuntimeSpec.Seccomp profile) {
    int flags = notifies(profile) ? NEW_LISTENER : 0;
    for (String flag : profile.flags()) {
      flags |=
          switch (flag) {
            case "SECCOMP_FILTER_FLAG_TSYNC" -> TSYNC;
            case "SECCOMP_FILTER_FLAG_LOG" -> 2;
            case "SECCOMP_FILTER_FLAG_SPEC_ALLOW" -> 4;
            case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" -> 32;
            default -> throw new Failure.InvalidRequest("seccomp: unknown flag " + flag);
          };
    }
    // there is one thread, and the kernel refuses the two together
    return notifies(profile) ? flags & ~TSYNC : flags;
  }
}
