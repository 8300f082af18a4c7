package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import dev.gantry.runtime.MountOptions.Attributes;
import java.nio.file.Path;

/// Steps of a launch plan that mounts are made of.
///
/// Every mount goes from a detached mount to a descriptor of its target (open_tree/fsmount, then
/// move_mount), and targets are opened with openat2 inside the root, so that no link in the image
/// can lead a mount or a write elsewhere (CVE-2021-30465 and its kin).
final class MountSteps {
  private static final int MS_REC = MountOptions.MS_REC;
  private static final int MS_SLAVE = MountOptions.MS_SLAVE;
  private static final int OPEN_TREE_CLONE = 1;
  static final int AT_RECURSIVE = 0x8000;
  static final int AT_EMPTY_PATH = 0x1000;
  private static final int MOVE_EMPTY_BOTH = 0x4 | 0x40;
  private static final int FSCONFIG_SET_FLAG = 0;
  private static final int FSCONFIG_SET_STRING = 1;
  static final int FSCONFIG_CREATE = 6;
  static final int FSCONFIG_RECONFIGURE = 7;
  static final int CLOEXEC = 1;

  private final LaunchPlan plan;
  private Argument root = number(-1);

  MountSteps(LaunchPlan plan) {
    this.plan = plan;
  }

  /// Opens the container's root, in which all further targets are.
  void openRoot(Path folder) {
    root =
        plan.call(
                "open the root folder " + folder,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(folder.toString()),
                number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                number(0))
            .result();
  }

  Argument root() {
    return root;
  }

  /// A further mount of what a descriptor stands for, detached.
  Argument copyOf(Argument fd, boolean recursive, String what) {
    return plan.call(
            what,
            Syscalls.OPEN_TREE,
            fd,
            plan.string(""),
            number(OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0) | AT_EMPTY_PATH | Fd.O_CLOEXEC))
        .result();
  }

  /// Puts a detached mount on what a descriptor stands for.
  LaunchPlan.Step move(Argument tree, Argument target, String what) {
    return plan.call(
        what,
        Syscalls.MOVE_MOUNT,
        tree,
        plan.string(""),
        target,
        plan.string(""),
        number(MOVE_EMPTY_BOTH));
  }

  Argument openTree(String source, boolean recursive, String what) {
    return plan.call(
            what,
            Syscalls.OPEN_TREE,
            number(Fd.AT_FDCWD),
            plan.string(source),
            number(OPEN_TREE_CLONE | Fd.O_CLOEXEC | (recursive ? AT_RECURSIVE : 0)))
        .result();
  }

  /// A copy of one of the host's mounts still takes part in what the host mounts below it; inside
  /// the container it must only receive.
  void leaveHostsPeers(Argument tree, boolean recursive, String what) {
    setAttributes(tree, Attributes.NONE, MS_SLAVE, recursive, what);
  }

  void configure(Argument context, String key, String value, String text) {
    plan.call(
        text,
        Syscalls.FSCONFIG,
        context,
        number(value.isEmpty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING),
        plan.string(key),
        value.isEmpty() ? number(0) : plan.string(value),
        number(0));
  }

  void configure(Argument context, int command, String text) {
    plan.call(text, Syscalls.FSCONFIG, context, number(command), number(0), number(0), number(0));
  }

  void setAttributes(Argument tree, MountOptions options, String what) {
    if (!options.own().isNone()) {
      setAttributes(tree, options.own(), 0, false, what);
    }
    if (!options.below().isNone()) {
      setAttributes(tree, options.below(), 0, true, what);
    }
  }

  void setAttributes(
      Argument tree, Attributes attributes, int propagation, boolean recursive, String what) {
    plan.call(
        what,
        Syscalls.MOUNT_SETATTR,
        tree,
        plan.string(""),
        number(AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)),
        plan.words(
            number(attributes.set()), number(attributes.clear()), number(propagation), number(0)),
        number(32));
  }

  void propagate(Argument tree, int propagation, String what) {
    setAttributes(tree, Attributes.NONE, propagation & ~MS_REC, (propagation & MS_REC) != 0, what);
  }

  void attach(Argument tree, Argument target, MountOptions options, String what) {
    move(tree, target, what);
    if (options.propagation() != 0) {
      propagate(tree, options.propagation(), what);
    }
    close(target);
    close(tree);
  }

  /// The target of a mount, made where it is missing, as an O_PATH descriptor.
  Argument target(String destination, boolean isFile, String what) {
    return plan.special(
            what,
            Special.MAKE_PATH,
            root,
            plan.string(destination),
            number(0755),
            number(isFile ? 1 : 0))
        .result();
  }

  /// A target that may be no link at all: procfs and sysfs are trusted later (CVE-2019-19921), and
  /// the terminal goes on /dev/console itself (CVE-2025-52565).
  Argument plainTarget(String destination, boolean isFile, String what) {
    close(target(destination, isFile, what));
    return plan.call(
            what,
            Syscalls.OPENAT2,
            root,
            plan.string(destination),
            plan.words(
                number(Fd.O_PATH | Fd.O_CLOEXEC | (isFile ? 0 : Fd.O_DIRECTORY)),
                number(0),
                number(Fd.RESOLVE_IN_ROOT | Fd.RESOLVE_NO_SYMLINKS)),
            number(24))
        .result();
  }

  Argument openInRoot(String path, int flags, String what) {
    return openIn(root, path, flags, what).result();
  }

  LaunchPlan.Step openIn(Argument folder, String path, int flags, String what) {
    return plan.call(
        what,
        Syscalls.OPENAT2,
        folder,
        plan.string(path),
        plan.words(
            number(flags | Fd.O_CLOEXEC),
            number(0),
            number(Fd.RESOLVE_IN_ROOT | Fd.RESOLVE_NO_MAGICLINKS)),
        number(24));
  }

  void close(Argument fd) {
    plan.call("close a descriptor", Syscalls.CLOSE, fd);
  }
}
