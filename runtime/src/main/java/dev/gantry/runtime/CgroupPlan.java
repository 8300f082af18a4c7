package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The control group part of a launch plan: the folders, the limits, and how the process gets in.
///
/// On v1 the child writes `0` to `tasks` itself: a pid written to `cgroup.procs` by somebody else
/// waits for an RCU period, 9 to 17 ms. On v2 the child is cloned into its group.
final class CgroupPlan {
  private final LaunchPlan plan;
  private final CgroupLayout layout;
  private final String group;

  CgroupPlan(LaunchPlan plan, CgroupLayout layout, String group) {
    this.plan = plan;
    this.layout = layout;
    this.group = group;
  }

  /// Makes the group in every hierarchy and writes the limits.
  void create(RuntimeSpec.@Nullable Resources resources) {
    for (Path folder : layout.folders(group)) {
      makeFolders(folder);
    }
    if (resources != null) {
      files(resources).forEach(this::write);
      devices(resources.devices());
    }
  }

  private void makeFolders(Path folder) {
    Path mount = mountOf(folder);
    boolean cpuset = mount.equals(layout.hierarchies().get("cpuset"));
    Path at = mount;
    for (Path part : mount.relativize(folder)) {
      Path parent = at;
      at = at.resolve(part);
      boolean leaf = at.equals(folder);
      if (!leaf && Files.isDirectory(at)) {
        continue;
      }
      // an existing leaf is left of a container that was killed with its engine: it is empty
      plan.call(
              "make the control group " + at,
              Syscalls.MKDIRAT,
              number(Fd.AT_FDCWD),
              plan.string(at.toString()),
              number(0755))
          .tolerate(0, Errno.EEXIST);
      if (cpuset) {
        // a cpuset group starts empty and takes no process until it has both
        write(at.resolve("cpuset.cpus"), inherited(parent, "cpuset.cpus"));
        write(at.resolve("cpuset.mems"), inherited(parent, "cpuset.mems"));
      }
      if (!leaf && layout.unified() != null && mount.equals(layout.unified())) {
        delegate(parent);
      }
    }
    if (layout.unified() != null && mount.equals(layout.unified())) {
      delegate(folder.getParent());
    }
  }

  /// v2: lets the children of `parent` use the controllers that this tree has.
  private void delegate(@Nullable Path parent) {
    if (parent == null) {
      return;
    }
    for (String controller : List.of("cpu", "cpuset", "memory", "pids", "io", "hugetlb", "rdma")) {
      if (layout.unifiedControllers().contains(controller)) {
        write(parent.resolve("cgroup.subtree_control"), "+" + controller);
      }
    }
  }

  private static String inherited(Path parent, String file) {
    for (Path at = parent; at != null; at = at.getParent()) {
      try {
        String value = Files.readString(at.resolve(file)).trim();
        if (!value.isEmpty()) {
          return value;
        }
      } catch (IOException e) {
        continue; // not made yet: its own parent knows
      }
    }
    return "0";
  }

  private Path mountOf(Path folder) {
    for (Path mount : layout.mounted().keySet()) {
      if (folder.startsWith(mount)) {
        return mount;
      }
    }
    Path unified = layout.unified();
    return unified == null ? folder : unified;
  }

  private void write(Path file, String value) {
    String what = "write " + value + " to " + file;
    Argument fd =
        plan.call(
                what,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(file.toString()),
                number(Fd.O_WRONLY | Fd.O_CLOEXEC),
                number(0))
            .result();
    plan.call(
        what,
        Syscalls.WRITE,
        fd,
        plan.string(value),
        number(value.getBytes(StandardCharsets.UTF_8).length));
    plan.call(what, Syscalls.CLOSE, fd);
  }

  /// The limits of `resources` as files and values, in an order the kernel accepts.
  Map<Path, String> files(RuntimeSpec.Resources resources) {
    Map<Path, String> files = new LinkedHashMap<>();
    memory(resources.memory(), files);
    cpu(resources.cpu(), files);
    RuntimeSpec.Pids pids = resources.pids();
    if (pids != null && pids.limit() != 0) {
      put(files, "pids", "pids.max", pids.limit() < 0 ? "max" : Long.toString(pids.limit()));
    }
    blockIo(resources.blockIO(), files);
    for (RuntimeSpec.HugepageLimit limit : resources.hugepageLimits()) {
      put(
          files,
          "hugetlb",
          "hugetlb." + limit.pageSize() + (unified("hugetlb") ? ".max" : ".limit_in_bytes"),
          Long.toUnsignedString(limit.limit()));
    }
    RuntimeSpec.NetworkResources network = resources.network();
    if (network != null && !layout.isUnified()) {
      Long classId = network.classID();
      if (classId != null) {
        put(files, "net_cls", "net_cls.classid", Long.toString(classId));
      }
      for (RuntimeSpec.InterfacePriority p : network.priorities()) {
        put(files, "net_prio", "net_prio.ifpriomap", p.name() + " " + p.priority());
      }
    }
    resources
        .rdma()
        .forEach(
            (device, limit) ->
                put(
                    files,
                    "rdma",
                    "rdma.max",
                    device
                        + " hca_handle="
                        + (limit.hcaHandles() == null ? "max" : limit.hcaHandles())
                        + " hca_object="
                        + (limit.hcaObjects() == null ? "max" : limit.hcaObjects())));
    Path unified = layout.unified();
    if (unified != null) {
      Path folder = layout.folders(group).getLast();
      resources.unified().forEach((file, value) -> files.put(folder.resolve(file), value));
    }
    return files;
  }

  private boolean unified(String controller) {
    return !layout.hierarchies().containsKey(controller);
  }

  private void put(Map<Path, String> files, String controller, String file, String value) {
    layout.folder(controller, group).ifPresent(folder -> files.put(folder.resolve(file), value));
  }

  private void memory(RuntimeSpec.@Nullable Memory memory, Map<Path, String> files) {
    if (memory == null) {
      return;
    }
    Long limit = memory.limit();
    Long swap = memory.swap();
    Long reservation = memory.reservation();
    if (unified("memory")) {
      if (limit != null && limit != 0) {
        put(files, "memory", "memory.max", limit < 0 ? "max" : Long.toString(limit));
      }
      if (swap != null && swap != 0 && Files.exists(swapFile())) {
        // the OCI figure is memory and swap together, v2 counts swap alone
        long alone = limit == null || limit < 0 || swap < 0 ? -1 : Math.max(0, swap - limit);
        put(files, "memory", "memory.swap.max", alone < 0 ? "max" : Long.toString(alone));
      }
      if (reservation != null && reservation > 0) {
        put(files, "memory", "memory.low", Long.toString(reservation));
      }
      return;
    }
    if (limit != null && limit != 0) {
      put(files, "memory", "memory.limit_in_bytes", Long.toString(limit));
    }
    if (swap != null && swap != 0 && Files.exists(swapFile())) {
      put(files, "memory", "memory.memsw.limit_in_bytes", Long.toString(swap));
    }
    if (reservation != null && reservation != 0) {
      put(files, "memory", "memory.soft_limit_in_bytes", Long.toString(reservation));
    }
    Long swappiness = memory.swappiness();
    if (swappiness != null && swappiness >= 0) {
      put(files, "memory", "memory.swappiness", Long.toString(swappiness));
    }
    if (Boolean.TRUE.equals(memory.disableOOMKiller())) {
      put(files, "memory", "memory.oom_control", "1");
    }
  }

  /// Present only where the kernel accounts for swap.
  private Path swapFile() {
    Path unified = layout.unified();
    Path v1 = layout.hierarchies().get("memory");
    if (v1 != null) {
      return v1.resolve("memory.memsw.limit_in_bytes");
    }
    return unified == null ? Path.of("/nonexistent") : Path.of("/proc/swaps");
  }

  private void cpu(RuntimeSpec.@Nullable Cpu cpu, Map<Path, String> files) {
    if (cpu == null) {
      return;
    }
    Long shares = cpu.shares();
    Long quota = cpu.quota();
    Long period = cpu.period();
    if (unified("cpu")) {
      if (shares != null && shares != 0) {
        put(files, "cpu", "cpu.weight", Long.toString(weight(shares)));
      }
      if (quota != null && quota != 0 || period != null && period != 0) {
        put(
            files,
            "cpu",
            "cpu.max",
            (quota == null || quota <= 0 ? "max" : Long.toString(quota))
                + " "
                + (period == null || period == 0 ? 100_000 : period));
      }
      Long idle = cpu.idle();
      if (idle != null) {
        put(files, "cpu", "cpu.idle", Long.toString(idle));
      }
    } else {
      if (shares != null && shares != 0) {
        put(files, "cpu", "cpu.shares", Long.toString(shares));
      }
      if (period != null && period != 0) {
        put(files, "cpu", "cpu.cfs_period_us", Long.toString(period));
      }
      if (quota != null && quota != 0) {
        put(files, "cpu", "cpu.cfs_quota_us", Long.toString(quota));
      }
      Long realtimePeriod = cpu.realtimePeriod();
      Long realtimeRuntime = cpu.realtimeRuntime();
      if (realtimePeriod != null && realtimePeriod != 0) {
        put(files, "cpu", "cpu.rt_period_us", Long.toString(realtimePeriod));
      }
      if (realtimeRuntime != null && realtimeRuntime != 0) {
        put(files, "cpu", "cpu.rt_runtime_us", Long.toString(realtimeRuntime));
      }
    }
    String cpus = cpu.cpus();
    String mems = cpu.mems();
    if (cpus != null && !cpus.isEmpty()) {
      put(files, "cpuset", "cpuset.cpus", cpus);
    }
    if (mems != null && !mems.isEmpty()) {
      put(files, "cpuset", "cpuset.mems", mems);
    }
  }

  /// v1's shares (2 to 262144, 1024 by default) as v2's weight (1 to 10000).
  static long weight(long shares) {
    long bounded = Math.clamp(shares, 2, 262_144);
    return 1 + (bounded - 2) * 9999 / 262_142;
  }

  private void blockIo(RuntimeSpec.@Nullable BlockIo io, Map<Path, String> files) {
    if (io == null) {
      return;
    }
    Integer weight = io.weight();
    if (weight != null && weight != 0) {
      for (String file : List.of("blkio.bfq.weight", "blkio.weight", "io.bfq.weight")) {
        controllerFile("blkio", file)
            .or(() -> controllerFile("io", file))
            .ifPresent(f -> files.putIfAbsent(f, Integer.toString(weight)));
      }
    }
    throttle(io.throttleReadBpsDevice(), "blkio.throttle.read_bps_device", "rbps", files);
    throttle(io.throttleWriteBpsDevice(), "blkio.throttle.write_bps_device", "wbps", files);
    throttle(io.throttleReadIOPSDevice(), "blkio.throttle.read_iops_device", "riops", files);
    throttle(io.throttleWriteIOPSDevice(), "blkio.throttle.write_iops_device", "wiops", files);
  }

  /// The group's file if this kernel has it, which the hierarchy's top shows.
  private Optional<Path> controllerFile(String controller, String file) {
    Path mount = layout.hierarchies().get(controller);
    return mount != null && Files.exists(mount.resolve(file))
        ? layout.folder(controller, group).map(f -> f.resolve(file))
        : Optional.empty();
  }

  private void throttle(
      List<RuntimeSpec.ThrottleDevice> devices, String v1, String v2, Map<Path, String> files) {
    for (RuntimeSpec.ThrottleDevice d : devices) {
      String device = d.major() + ":" + d.minor() + " ";
      if (unified("blkio")) {
        put(files, "io", "io.max", device + v2 + "=" + d.rate());
      } else {
        put(files, "blkio", v1, device + d.rate());
      }
    }
  }

  private void devices(List<RuntimeSpec.DeviceRule> rules) {
    Optional<Path> folder = layout.folder("devices", group);
    if (rules.isEmpty() || folder.isEmpty()) {
      return;
    }
    // what every container needs comes last: engines may refuse everything and list only their own
    List<RuntimeSpec.DeviceRule> all = new ArrayList<>(rules);
    DockerDefaults.DEVICE_RULES.stream()
        .filter(r -> r.allow() && !rules.contains(r))
        .forEach(all::add);
    for (RuntimeSpec.DeviceRule rule : all) {
      write(folder.get().resolve(rule.allow() ? "devices.allow" : "devices.deny"), line(rule));
    }
  }

  private static String line(RuntimeSpec.DeviceRule rule) {
    String type = rule.type() == null ? "a" : rule.type();
    Long major = rule.major();
    Long minor = rule.minor();
    return type
        + " "
        + (major == null || major < 0 ? "*" : major)
        + ":"
        + (minor == null || minor < 0 ? "*" : minor)
        + " "
        + (rule.access() == null ? "rwm" : rule.access());
  }

  // ---- joining

  /// Opens the v1 groups' `tasks` files, to be written by whoever joins.
  List<Argument> openTasks() {
    List<Argument> files = new ArrayList<>();
    for (Path mount : layout.mounted().keySet()) {
      Path tasks =
          mount.resolve(Path.of("/" + group).normalize().toString().substring(1)).resolve("tasks");
      files.add(
          plan.call(
                  "open the control group " + tasks,
                  Syscalls.OPENAT,
                  number(Fd.AT_FDCWD),
                  plan.string(tasks.toString()),
                  number(Fd.O_WRONLY | Fd.O_CLOEXEC),
                  number(0))
              .result());
    }
    return files;
  }

  /// The calling process moves itself.
  void join(List<Argument> tasks) {
    for (Argument file : tasks) {
      plan.call("join the control group", Syscalls.WRITE, file, plan.string("0"), number(1));
      plan.call("join the control group", Syscalls.CLOSE, file);
    }
  }

  /// The v2 group as a descriptor for CLONE_INTO_CGROUP, where v2 has a say.
  Optional<Argument> openUnified() {
    if (layout.unified() == null
        || (!layout.hierarchies().isEmpty() && layout.unifiedControllers().isEmpty())) {
      return Optional.empty();
    }
    Path folder = layout.folders(group).getLast();
    return Optional.of(
        plan.call(
                "open the control group " + folder,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(folder.toString()),
                number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                number(0))
            .result());
  }
}
