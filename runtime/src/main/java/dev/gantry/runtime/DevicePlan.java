package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The devices of a container, and its terminal.
final class DevicePlan {
  private static final int S_IFCHR = 0020000;
  private static final int S_IFBLK = 0060000;
  private static final int S_IFIFO = 0010000;

  private final LaunchPlan plan;
  private final MountSteps steps;
  private final RuntimeSpec spec;
  private final RuntimeSpec.Linux linux;

  /// The host's own, by path.
  private final Map<String, Argument> prepared = new LinkedHashMap<>();

  DevicePlan(LaunchPlan plan, MountSteps steps, RuntimeSpec spec, RuntimeSpec.Linux linux) {
    this.plan = plan;
    this.steps = steps;
    this.spec = spec;
    this.linux = linux;
  }

  /// In the monitor: opens the host's own, because no node can be made in a user namespace.
  void prepare() {
    for (RuntimeSpec.Device device : allDevices()) {
      String what = "open the device " + device.path();
      Argument tree = steps.openTree(device.path(), false, what);
      steps.leaveHostsPeers(tree, false, what);
      prepared.put(device.path(), tree);
    }
  }

  /// In the monitor, after the fork: the child has its own descriptors of them.
  void closePrepared() {
    prepared.values().forEach(steps::close);
  }

  /// The devices of the configuration, and those that every container has
  /// (config-linux.md#default-devices), unless it brings a /dev of its own.
  void make() {
    for (RuntimeSpec.Device device : allDevices()) {
      String what = "make the device " + device.path();
      Argument ready = prepared.get(device.path());
      if (ready != null) {
        // no node can be made in a user namespace: the host's own
        steps.attach(ready, steps.target(device.path(), true, what), MountOptions.plain(), what);
        continue;
      }
      int slash = device.path().lastIndexOf('/');
      String folder = slash <= 0 ? "/" : device.path().substring(0, slash);
      Argument parent = steps.target(folder, false, what);
      Argument name = plan.string(device.path().substring(slash + 1));
      int type =
          switch (device.type()) {
            case "c", "u" -> S_IFCHR;
            case "b" -> S_IFBLK;
            case "p" -> S_IFIFO;
            default ->
                throw new Failure.InvalidRequest(
                    "device " + device.path() + " has the unknown type " + device.type());
          };
      Integer given = device.fileMode();
      int mode = given == null ? 0666 : given & 07777;
      // what the image or a mount has there already is left alone, as Docker does
      plan.call(
              what,
              Syscalls.MKNODAT,
              parent,
              name,
              number(type | mode),
              number(deviceNumber(device.major(), device.minor())))
          .tolerate(2, Errno.EEXIST);
      Long uid = device.uid();
      Long gid = device.gid();
      plan.call(
          what,
          Syscalls.FCHOWNAT,
          parent,
          name,
          number(uid == null ? 0 : uid),
          number(gid == null ? 0 : gid),
          number(0x100));
      plan.call(what, Syscalls.FCHMODAT, parent, name, number(mode));
      steps.close(parent);
    }
    if (bringsItsOwnDev()) {
      return;
    }
    link("/dev/fd", "/proc/self/fd");
    link("/dev/stdin", "/proc/self/fd/0");
    link("/dev/stdout", "/proc/self/fd/1");
    link("/dev/stderr", "/proc/self/fd/2");
    link("/dev/core", "/proc/kcore");
    link("/dev/ptmx", "pts/ptmx");
  }

  private boolean bringsItsOwnDev() {
    return spec.mounts().stream()
        .anyMatch(m -> m.destination().equals("/dev") && MountOptions.of(m).bind());
  }

  private List<RuntimeSpec.Device> allDevices() {
    List<RuntimeSpec.Device> devices = new ArrayList<>(linux.devices());
    if (!bringsItsOwnDev()) {
      for (RuntimeSpec.Device device : DockerDefaults.DEVICES) {
        if (devices.stream().noneMatch(d -> d.path().equals(device.path()))) {
          devices.add(device);
        }
      }
    }
    return devices;
  }

  private static long deviceNumber(long major, long minor) {
    return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffL) << 12 | (major & ~0xfffL) << 32;
  }

  private void link(String path, String to) {
    String what = "link " + path;
    Argument parent = steps.target("/dev", false, what);
    plan.call(what, Syscalls.SYMLINKAT, plan.string(to), parent, plan.string(path.substring(5)))
        .tolerate(0, Errno.EEXIST, Errno.EROFS);
    steps.close(parent);
  }

  /// Opens a terminal of the container's own devpts; the returned slot holds the slave.
  Argument terminal(MonitorPlan monitor, RuntimeSpec.@Nullable ConsoleSize size) {
    String what = "open the container's terminal";
    return monitor.openTerminal(
        steps.openInRoot("/dev/pts/ptmx", Fd.O_RDWR | Fd.O_NOCTTY, what), size, what);
  }

  /// Binds the slave on /dev/console by descriptor (CVE-2025-52565).
  void console(Argument slave) {
    String what = "mount the terminal on /dev/console";
    Argument target = steps.plainTarget("/dev/console", true, what);
    Argument tree = steps.copyOf(slave, false, what);
    steps.attach(tree, target, MountOptions.plain(), what);
  }
}
