package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The hooks that run inside the container's namespaces (config.md#posix-platform-hooks):
/// createContainer before the change of root, with paths of the host, and startContainer after the
/// start, with paths of the container. The others are [OciHooks].
///
/// The state that they read is in two files in memory, inherited as [#CREATING] and [#CREATED]; the
/// engine fills them in when it knows the process id.
final class HookPlan {
  /// Descriptors of the state with these status words.
  static final int CREATING = 5;

  static final int CREATED = 6;

  /// How the texts of its steps begin.
  static final String RUN = "run the ";

  static final int ETIMEDOUT = 110;
  static final int ECANCELED = 125;

  private static final int CLOSE_RANGE_CLOEXEC = 4;

  /// Where /dev/null waits for the hooks.
  private static final int KEPT = MonitorPlan.MASTER + 1;

  private final LaunchPlan plan;
  private final RuntimeSpec.@Nullable Hooks hooks;
  private final Runnable confine;

  /// @param confine adds the steps that take from a startContainer hook, which comes from the
  ///   image, what the container's program must not have either
  HookPlan(LaunchPlan plan, RuntimeSpec.@Nullable Hooks hooks, Runnable confine) {
    this.plan = plan;
    this.hooks = hooks;
    this.confine = confine;
  }

  /// True if the engine is asked before the change of root: to run hooks of its own, or to write
  /// the state for these.
  boolean asks() {
    return isAsked(hooks);
  }

  static boolean isAsked(RuntimeSpec.@Nullable Hooks hooks) {
    return hooks != null
        && (!hooks.prestart().isEmpty() || !hooks.createRuntime().isEmpty() || needsState(hooks));
  }

  boolean needsState() {
    return needsState(hooks);
  }

  /// True if the state files are inherited.
  static boolean needsState(RuntimeSpec.@Nullable Hooks hooks) {
    return hooks != null
        && (!hooks.createContainer().isEmpty() || !hooks.startContainer().isEmpty());
  }

  /// Keeps /dev/null for the hooks' output, while it is the host's.
  void prepare() {
    if (needsState(hooks)) {
      String what = "open /dev/null for hooks";
      Argument nothing =
          plan.call(
                  what,
                  Syscalls.OPENAT,
                  number(Fd.AT_FDCWD),
                  plan.string("/dev/null"),
                  number(Fd.O_RDWR | Fd.O_CLOEXEC),
                  number(0))
              .result();
      plan.call(what, Syscalls.DUP3, nothing, number(KEPT), number(Fd.O_CLOEXEC));
      plan.call(what, Syscalls.CLOSE, nothing);
    }
  }

  /// In the monitor, after the fork.
  void closeState() {
    if (needsState(hooks)) {
      for (int fd : new int[] {CREATING, CREATED, KEPT}) {
        plan.call("close a descriptor", Syscalls.CLOSE, number(fd));
      }
    }
  }

  void createContainer() {
    if (hooks != null) {
      hooks.createContainer().forEach(h -> run("createContainer", h, CREATING, () -> {}));
    }
  }

  /// To be called after the change of user and before the filter.
  void startContainer() {
    if (hooks != null) {
      hooks.startContainer().forEach(h -> run("startContainer", h, CREATED, confine));
    }
  }

  private void run(String stage, RuntimeSpec.Hook hook, int state, Runnable limits) {
    if (!hook.path().startsWith("/")) {
      throw new Failure.InvalidRequest(
          "the path " + hook.path() + " of a " + stage + " hook is not absolute");
    }
    Integer seconds = hook.timeout();
    if (seconds != null && seconds <= 0) {
      throw new Failure.InvalidRequest("the timeout of a hook must be above zero");
    }
    String what = RUN + stage + " hook " + hook.path();
    Argument.Pointer place = plan.reserve(8);
    LaunchPlan.Step fork = NamespacePlan.child(plan, place, Optional.empty());
    LaunchPlan.Step goOn = plan.special(what, Special.JUMP, number(0));
    fork.targetNext(2);
    plan.call(what, Syscalls.LSEEK, number(state), number(0), number(0));
    plan.call(what, Syscalls.DUP3, number(state), number(0), number(0));
    plan.call(what, Syscalls.DUP3, number(KEPT), number(1), number(0));
    plan.call(what, Syscalls.DUP3, number(KEPT), number(2), number(0));
    plan.call(
        what, Syscalls.CLOSE_RANGE, number(3), number(0xffffffffL), number(CLOSE_RANGE_CLOEXEC));
    limits.run();
    List<String> args = hook.args().isEmpty() ? List.of(hook.path()) : hook.args();
    plan.special(
        what,
        Special.EXECUTE,
        plan.words(plan.string(hook.path())),
        number(1),
        plan.stringArray(args),
        plan.stringArray(hook.env()));
    goOn.targetNext(0);
    Argument pidfd = plan.special(what, Special.LOAD32, place).result();
    plan.special(what, Special.AWAIT, pidfd, number(seconds == null ? -1 : seconds * 1000L));
    plan.call(what, Syscalls.CLOSE, pidfd);
  }
}
