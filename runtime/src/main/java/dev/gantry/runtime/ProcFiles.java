package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import java.nio.charset.StandardCharsets;

/// Writes to a procfs of our own that is mounted nowhere, so that nothing in the image or in the
/// container's mounts can stand in its place (CVE-2025-52881).
final class ProcFiles {
  private static final int CLOEXEC = 1;
  private static final int FSCONFIG_CREATE = 6;

  private final LaunchPlan plan;
  private final Argument mount;

  private ProcFiles(LaunchPlan plan, Argument mount) {
    this.plan = plan;
    this.mount = mount;
  }

  static ProcFiles open(LaunchPlan plan) {
    String what = "open a procfs";
    Argument context =
        plan.call(what, Syscalls.FSOPEN, plan.string("proc"), number(CLOEXEC)).result();
    plan.call(
        what, Syscalls.FSCONFIG, context, number(FSCONFIG_CREATE), number(0), number(0), number(0));
    Argument mount =
        plan.call(what, Syscalls.FSMOUNT, context, number(CLOEXEC), number(0)).result();
    plan.call("close a descriptor", Syscalls.CLOSE, context);
    return new ProcFiles(plan, mount);
  }

  void sysctls(RuntimeSpec.Linux linux) {
    linux
        .sysctl()
        .forEach(
            (name, value) -> {
              write(
                  "sys/" + Sysctls.file(name),
                  value,
                  "set the kernel parameter " + name + " to " + value);
            });
  }

  /// The profile that the next execve takes on.
  void appArmor(String profile) {
    write("self/attr/apparmor/exec", "exec " + profile, "apply the AppArmor profile " + profile);
  }

  /// @param tolerated errors of the write that do not matter
  void write(String path, String value, String what, int... tolerated) {
    Argument file =
        plan.call(
                what,
                Syscalls.OPENAT2,
                mount,
                plan.string(path),
                plan.words(
                    number(Fd.O_WRONLY | Fd.O_CLOEXEC),
                    number(0),
                    number(Fd.RESOLVE_NO_XDEV | Fd.RESOLVE_NO_MAGICLINKS)),
                number(24))
            .result();
    plan.call(
            what,
            Syscalls.WRITE,
            file,
            plan.string(value),
            number(value.getBytes(StandardCharsets.UTF_8).length))
        .tolerate(0, tolerated);
    plan.call("close a descriptor", Syscalls.CLOSE, file);
  }

  void close() {
    plan.call("close a descriptor", Syscalls.CLOSE, mount);
  }
}
