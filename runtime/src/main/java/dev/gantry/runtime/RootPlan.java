package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// The root of a container: its overlay or folder, how the child enters it, and where it begins.
final class RootPlan {
  private static final int MS_REC = MountOptions.MS_REC;
  private static final int MS_PRIVATE = MountOptions.MS_PRIVATE;
  private static final int MS_SLAVE = MountOptions.MS_SLAVE;
  private static final int MS_SHARED = MountOptions.MS_SHARED;
  private static final int MS_BIND = 0x1000;
  private static final int MNT_DETACH = 2;
  private static final int ATTR_RDONLY = MountOptions.RDONLY;
  private static final int MOVE_EMPTY_SOURCE = 0x4;
  private static final int OPTION_LIMIT = 4000;

  private final LaunchPlan plan;
  private final MountSteps steps;
  private final RuntimeSpec.Linux linux;
  private final Rootfs rootfs;

  /// The monitor's, because a child in a user namespace has no right to make it.
  private @Nullable Argument prepared;

  RootPlan(LaunchPlan plan, MountSteps steps, RuntimeSpec.Linux linux, Rootfs rootfs) {
    this.plan = plan;
    this.steps = steps;
    this.linux = linux;
    this.rootfs = rootfs;
  }

  /// In the monitor: makes the root of a child that has none of the host's rights.
  void prepare() {
    prepared =
        switch (rootfs) {
          case Rootfs.Overlay overlay ->
              overlayContext(overlay, "mount the container's file system");
          case Rootfs.Directory directory -> {
            String what = "open the root folder " + directory.path();
            Argument tree = steps.openTree(directory.path().toString(), true, what);
            steps.leaveHostsPeers(tree, true, what);
            yield tree;
          }
        };
  }

  /// In the monitor, after the fork: the child has its own descriptor of it.
  void closePrepared() {
    if (prepared != null) {
      steps.close(prepared);
    }
  }

  /// In the child: cuts its mounts off the host's and puts the root in its place.
  void mount() {
    String propagation = rootPropagation();
    boolean shared = propagation.endsWith("shared");
    int host = shared ? MS_SHARED : propagation.endsWith("private") ? MS_PRIVATE : MS_SLAVE;
    plan.call(
        "detach the container's mounts from the host's",
        Syscalls.MOUNT,
        number(0),
        plan.string("/"),
        number(0),
        number(host | MS_REC),
        number(0));
    Path target =
        switch (rootfs) {
          case Rootfs.Overlay overlay -> overlay.target();
          case Rootfs.Directory directory -> directory.path();
        };
    if (shared) {
      // the root's own mount must not show on the host
      Path parent = MountTable.pointOf(target);
      plan.call(
          "keep the root's mount from the host",
          Syscalls.MOUNT,
          number(0),
          plan.string(parent.toString()),
          number(0),
          number(MS_PRIVATE),
          number(0));
    }
    Argument detached = prepared;
    if (detached != null) {
      plan.call(
          "mount the root on " + target,
          Syscalls.MOVE_MOUNT,
          detached,
          plan.string(""),
          number(Fd.AT_FDCWD),
          plan.string(target.toString()),
          number(MOVE_EMPTY_SOURCE));
      steps.close(detached);
    } else if (rootfs instanceof Rootfs.Overlay overlay) {
      mountOverlay(overlay);
    } else {
      Argument path = plan.string(target.toString());
      plan.call(
          "bind the root folder " + target,
          Syscalls.MOUNT,
          path,
          path,
          number(0),
          number(MS_BIND | MS_REC),
          number(0));
    }
    // pivot_root refuses a new root on a shared mount
    plan.call(
        "make the root mount private",
        Syscalls.MOUNT,
        number(0),
        plan.string(target.toString()),
        number(0),
        number(MS_PRIVATE),
        number(0));
    steps.openRoot(target);
  }

  /// Empty where the configuration says nothing.
  private String rootPropagation() {
    String propagation = linux.rootfsPropagation();
    if (propagation == null || propagation.isEmpty()) {
      return "";
    }
    if (!MountOptions.PROPAGATION.containsKey(propagation)) {
      throw new Failure.InvalidRequest("unknown rootfsPropagation " + propagation);
    }
    return propagation;
  }

  private void mountOverlay(Rootfs.Overlay overlay) {
    StringBuilder lowers = new StringBuilder();
    overlay.lowers().forEach(l -> lowers.append(lowers.isEmpty() ? "" : ":").append(escaped(l)));
    String options =
        "lowerdir="
            + lowers
            + ",upperdir="
            + escaped(overlay.upper())
            + ",workdir="
            + escaped(overlay.work())
            + (overlay.isVolatile() ? ",volatile" : "");
    String text = "mount the container's file system on " + overlay.target();
    if (options.length() < OPTION_LIMIT) {
      plan.call(
          text,
          Syscalls.MOUNT,
          plan.string("overlay"),
          plan.string(overlay.target().toString()),
          plan.string("overlay"),
          number(0),
          plan.string(options));
      return;
    }
    Argument mount = overlayContext(overlay, text);
    plan.call(
        text,
        Syscalls.MOVE_MOUNT,
        mount,
        plan.string(""),
        number(Fd.AT_FDCWD),
        plan.string(overlay.target().toString()),
        number(MOVE_EMPTY_SOURCE));
    steps.close(mount);
  }

  /// A detached overlay; one option per layer, for as many as there are (Linux 6.5 and newer).
  private Argument overlayContext(Rootfs.Overlay overlay, String text) {
    Argument context =
        plan.call(text, Syscalls.FSOPEN, plan.string("overlay"), number(MountSteps.CLOEXEC))
            .result();
    overlay.lowers().forEach(l -> steps.configure(context, "lowerdir+", l.toString(), text));
    steps.configure(context, "upperdir", overlay.upper().toString(), text);
    steps.configure(context, "workdir", overlay.work().toString(), text);
    if (overlay.isVolatile()) {
      steps.configure(context, "volatile", "", text);
    }
    steps.configure(context, MountSteps.FSCONFIG_CREATE, text);
    Argument mount =
        plan.call(text, Syscalls.FSMOUNT, context, number(MountSteps.CLOEXEC), number(0)).result();
    steps.close(context);
    return mount;
  }

  private static String escaped(Path path) {
    return path.toString().replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,");
  }

  void pivot() {
    String propagation = rootPropagation();
    boolean shared = propagation.endsWith("shared");
    Argument old =
        shared
            ? plan.call(
                    "remember the old root",
                    Syscalls.OPENAT,
                    number(Fd.AT_FDCWD),
                    plan.string("/"),
                    number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                    number(0))
                .result()
            : number(0);
    plan.call("enter the new root", Syscalls.FCHDIR, steps.root());
    plan.call("change the root", Syscalls.PIVOT_ROOT, plan.string("."), plan.string("."));
    if (shared) {
      // what is unmounted here must stay on the host; "." is still the new root, which stays shared
      plan.call("go back to the old root", Syscalls.FCHDIR, old);
      steps.close(old);
      plan.call(
          "cut off the old root",
          Syscalls.MOUNT,
          number(0),
          plan.string("."),
          number(0),
          number(MS_SLAVE | MS_REC),
          number(0));
    }
    plan.call("leave the old root", Syscalls.UMOUNT2, plan.string("."), number(MNT_DETACH));
    plan.call("enter the new root", Syscalls.CHDIR, plan.string("/"));
    if (!propagation.isEmpty()) {
      int flags = MountOptions.PROPAGATION.getOrDefault(propagation, 0);
      plan.call(
          "set the root's propagation to " + propagation,
          Syscalls.MOUNT,
          number(0),
          plan.string("/"),
          number(0),
          number(flags),
          number(0));
    }
  }

  void makeReadOnly() {
    plan.call(
        "make the root read-only",
        Syscalls.MOUNT_SETATTR,
        number(Fd.AT_FDCWD),
        plan.string("/"),
        number(0),
        plan.words(number(ATTR_RDONLY), number(0), number(0), number(0)),
        number(32));
  }

  /// Enters the working folder, which is made where it is missing, without leaving the root
  /// (CVE-2024-21626).
  void workingDirectory(String cwd) {
    String what = LaunchFailure.WORKING_DIRECTORY + cwd;
    if (!cwd.startsWith("/")) {
      throw new Failure.InvalidRequest(
          "the working directory '" + cwd + "' is invalid, it needs to be an absolute path");
    }
    Argument folder = steps.target(cwd, false, what);
    plan.call(what, Syscalls.FCHDIR, folder);
    steps.close(folder);
  }
}
