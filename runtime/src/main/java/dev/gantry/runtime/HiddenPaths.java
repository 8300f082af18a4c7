package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import dev.gantry.runtime.MountOptions.Attributes;
import java.util.ArrayList;
import java.util.List;

/// The paths that a container may not write, and those that it may not see.
final class HiddenPaths {
  private static final int ATTR_RDONLY = MountOptions.RDONLY;
  private static final int S_IFCHR = 0020000;

  private final LaunchPlan plan;
  private final MountSteps steps;
  private final RuntimeSpec.Linux linux;

  HiddenPaths(LaunchPlan plan, MountSteps steps, RuntimeSpec.Linux linux) {
    this.plan = plan;
    this.steps = steps;
    this.linux = linux;
  }

  void readonlyPaths() {
    for (String path : linux.readonlyPaths()) {
      String what = "make " + path + " read-only";
      LaunchPlan.Step target =
          steps.openIn(steps.root(), path, Fd.O_PATH, what).tolerate(5, Errno.ENOENT);
      Argument fd = target.result();
      Argument tree = steps.copyOf(fd, true, what);
      steps.setAttributes(tree, new Attributes(ATTR_RDONLY, 0), 0, true, what);
      steps.move(tree, fd, what);
      steps.close(tree);
      steps.close(fd);
    }
  }

  /// Covers files with /dev/null (proved by its device number, CVE-2025-31133) and folders with one
  /// empty read-only tmpfs.
  void maskedPaths() {
    if (linux.maskedPaths().isEmpty()) {
      return;
    }
    String nullText = "open the container's /dev/null";
    Argument nothing = steps.openInRoot("/dev/null", Fd.O_PATH, nullText);
    Argument.Pointer stat = plan.reserve(256);
    plan.call(
        nullText,
        Syscalls.STATX,
        nothing,
        plan.string(""),
        number(MountSteps.AT_EMPTY_PATH),
        number(0x7ff),
        stat);
    // struct statx: stx_mode at 28 (16 bits), stx_rdev_major at 128, stx_rdev_minor at 132
    Argument mode = plan.special(nullText, Special.LOAD32, LaunchPlan.behind(stat, 28)).result();
    plan.special(
        nullText, Special.CHECK, mode, number(0170000), number(S_IFCHR), number(Errno.EINVAL));
    Argument rdev = plan.special(nullText, Special.LOAD64, LaunchPlan.behind(stat, 128)).result();
    plan.special(
        nullText, Special.CHECK, rdev, number(-1), number(1L | 3L << 32), number(Errno.EINVAL));
    String emptyText = "make an empty folder to mask with";
    Argument context =
        plan.call(emptyText, Syscalls.FSOPEN, plan.string("tmpfs"), number(MountSteps.CLOEXEC))
            .result();
    steps.configure(context, "size", "0", emptyText);
    steps.configure(context, "mode", "755", emptyText);
    steps.configure(context, MountSteps.FSCONFIG_CREATE, emptyText);
    Argument empty =
        plan.call(
                emptyText,
                Syscalls.FSMOUNT,
                context,
                number(MountSteps.CLOEXEC),
                number(ATTR_RDONLY))
            .result();
    steps.close(context);
    for (String path : linux.maskedPaths()) {
      mask(path, nothing, empty);
    }
    steps.close(nothing);
    steps.close(empty);
  }

  private void mask(String path, Argument nothing, Argument empty) {
    String what = "mask " + path;
    Argument target =
        steps.openIn(steps.root(), path, Fd.O_PATH, what).tolerate(8, Errno.ENOENT).result();
    List<Argument> results = new ArrayList<>();
    for (Argument cover : List.of(nothing, empty)) {
      Argument tree = steps.copyOf(cover, false, what);
      // a file does not go on a folder, nor a folder on a file: one of the two fits
      results.add(steps.move(tree, target, what).tolerate(0, Errno.ENOTDIR, Errno.EINVAL).result());
      steps.close(tree);
    }
    // both results negative would mean that the path is still bare
    plan.special(
        what, Special.CHECK, results.get(0), results.get(1), number(0), number(Errno.EINVAL));
    steps.close(target);
  }
}
