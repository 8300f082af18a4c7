package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// OCI resources as files of control groups and their values (config-linux.md#control-groups), for
/// v1, v2 and machines that have both.
///
/// A limit whose controller this machine lacks is refused as [Failure.Unsupported]: an ignored
/// limit is worse than none. Zero means "not set" wherever it does so for Docker.
public final class CgroupLimits {
  /// One value and where it goes: the first of `files` that is there.
  ///
  /// @param required whether it is a failure if none is there
  record Setting(List<Path> files, String value, boolean required) {}

  private static final long DEFAULT_PERIOD = 100_000;

  private final CgroupLayout layout;
  private final String group;
  private final List<Setting> settings = new ArrayList<>();

  private CgroupLimits(CgroupLayout layout, String group) {
    this.layout = layout;
    this.group = group;
  }

  /// The settings of a new group, in an order that the kernel accepts.
  static List<Setting> of(CgroupLayout layout, String group, RuntimeSpec.Resources resources) {
    CgroupLimits limits = new CgroupLimits(layout, group);
    limits.memory(resources.memory());
    limits.cpu(resources.cpu());
    limits.cpuset(resources.cpu());
    limits.pids(resources.pids());
    limits.blockIo(resources.blockIO());
    limits.hugePages(resources.hugepageLimits());
    limits.network(resources.network());
    limits.rdma(resources.rdma());
    limits.unified(resources.unified());
    return List.copyOf(limits.settings);
  }

  /// Writes new limits into a group that has processes. What was written before a failure stays.
  public static void update(CgroupLayout layout, String group, RuntimeSpec.Resources resources) {
    List<Setting> settings = new ArrayList<>(of(layout, group, resources));
    RuntimeSpec.Memory memory = resources.memory();
    if (memory != null) {
      checkUsage(layout, group, memory);
      if (growsPastSwapLimit(layout, group, memory)) {
        // v1 refuses a limit above that of memory and swap together: that one goes first
        settings.stream()
            .filter(s -> isNamed(s, "memory.memsw.limit_in_bytes"))
            .findFirst()
            .ifPresent(
                s -> {
                  settings.remove(s);
                  settings.addFirst(s);
                });
      }
    }
    settings.forEach(CgroupLimits::write);
  }

  private static boolean isNamed(Setting s, String name) {
    return s.files().getFirst().getFileName().toString().equals(name);
  }

  private static void checkUsage(CgroupLayout layout, String group, RuntimeSpec.Memory memory) {
    Long limit = memory.limit();
    if (!Boolean.TRUE.equals(memory.checkBeforeUpdate()) || limit == null || limit <= 0) {
      return;
    }
    long used = number(layout, group, "memory.usage_in_bytes", "memory.current").orElse(0L);
    if (used > limit) {
      throw new Failure.InvalidRequest(
          "the memory limit " + limit + " is below what is in use, " + used + " bytes");
    }
  }

  private static boolean growsPastSwapLimit(
      CgroupLayout layout, String group, RuntimeSpec.Memory memory) {
    Long limit = memory.limit();
    Long swap = memory.swap();
    if (limit == null || swap == null || limit == 0 || swap == 0) {
      return false;
    }
    Optional<Long> now = number(layout, group, "memory.memsw.limit_in_bytes", "");
    return now.isPresent() && (swap < 0 || swap > now.get());
  }

  private static Optional<Long> number(CgroupLayout layout, String group, String v1, String v2) {
    return layout
        .folder("memory", group)
        .flatMap(
            folder -> {
              for (String name : List.of(v1, v2)) {
                try {
                  return Optional.of(Long.valueOf(Files.readString(folder.resolve(name)).trim()));
                } catch (IOException | NumberFormatException e) {
                  continue; // the other version's file, or "max"
                }
              }
              return Optional.empty();
            });
  }

  private static void write(Setting setting) {
    for (Path file : setting.files()) {
      try {
        Files.writeString(file, setting.value(), java.nio.file.StandardOpenOption.WRITE);
        return;
      } catch (NoSuchFileException e) {
        continue; // the next one
      } catch (IOException e) {
        throw new Failure.InvalidRequest(
            "could not write " + setting.value() + " to " + file + ": " + reason(e), null, e);
      }
    }
    if (setting.required()) {
      throw new Failure.Unsupported(
          "could not write " + setting.value() + ": there is no " + setting.files().getFirst());
    }
  }

  private static String reason(IOException e) {
    String message = e.getMessage();
    return message == null ? e.getClass().getSimpleName() : message;
  }

  // ---- one controller after the other

  private boolean isV2(String controller) {
    return !layout.hierarchies().containsKey(controller);
  }

  private void put(String controller, String file, Object value) {
    settings.add(new Setting(List.of(file(controller, file)), value.toString(), true));
  }

  /// For what older kernels lack and is no limit of its own.
  private void putIfThere(String controller, String file, Object value) {
    settings.add(new Setting(List.of(file(controller, file)), value.toString(), false));
  }

  private Path file(String controller, String file) {
    return layout
        .folder(controller, group)
        .orElseThrow(
            () ->
                new Failure.Unsupported(
                    "the limit "
                        + file
                        + " needs the control group controller "
                        + controller
                        + ", which this machine does not have"))
        .resolve(file);
  }

  private static Failure onlyV1(String what) {
    return new Failure.Unsupported(what + " exists in cgroup v1 only, and this machine has v2");
  }

  private static boolean isSet(@Nullable Long value) {
    return value != null && value != 0;
  }

  private static String orMax(long value) {
    return value < 0 ? "max" : Long.toString(value);
  }

  private void memory(RuntimeSpec.@Nullable Memory memory) {
    if (memory == null) {
      return;
    }
    Long limit = memory.limit();
    Long swap = memory.swap();
    if (limit != null && swap != null && limit > 0 && swap > 0 && swap < limit) {
      throw new Failure.InvalidRequest(
          "memory+swap limit " + swap + " should be larger than the memory limit " + limit);
    }
    if (isV2("memory")) {
      memory2(memory, limit, swap);
    } else {
      memory1(memory, limit, swap);
    }
  }

  private void memory2(RuntimeSpec.Memory memory, @Nullable Long limit, @Nullable Long swap) {
    if (limit != null && limit != 0) {
      put("memory", "memory.max", orMax(limit));
    }
    if (swap != null && swap != 0) {
      // the OCI figure is memory and swap together, v2 counts swap alone
      if (swap > 0 && (limit == null || limit <= 0)) {
        throw new Failure.InvalidRequest(
            "a limit of memory and swap together needs a limit of memory");
      }
      // absent where the kernel does not account for swap: there is nothing to limit then
      putIfThere("memory", "memory.swap.max", swap < 0 || limit == null ? "max" : swap - limit);
    }
    Long reservation = memory.reservation();
    if (reservation != null && reservation != 0) {
      put("memory", "memory.low", orMax(reservation));
    }
    if (isSet(memory.kernelTCP())) {
      throw onlyV1("a limit of TCP buffers");
    }
    if (Boolean.TRUE.equals(memory.disableOOMKiller())) {
      throw onlyV1("disabling the OOM killer");
    }
    Long swappiness = memory.swappiness();
    if (swappiness != null && swappiness >= 0) {
      throw onlyV1("the swappiness of a group");
    }
  }

  private void memory1(RuntimeSpec.Memory memory, @Nullable Long limit, @Nullable Long swap) {
    if (limit != null && limit != 0) {
      put("memory", "memory.limit_in_bytes", limit);
    }
    if (swap != null && swap != 0) {
      putIfThere("memory", "memory.memsw.limit_in_bytes", swap);
    }
    Long reservation = memory.reservation();
    if (reservation != null && reservation != 0) {
      put("memory", "memory.soft_limit_in_bytes", reservation);
    }
    // memory.kernel is deprecated by the specification and inert since Linux 5.16
    Long tcp = memory.kernelTCP();
    if (tcp != null && tcp != 0) {
      put("memory", "memory.kmem.tcp.limit_in_bytes", tcp);
    }
    Long swappiness = memory.swappiness();
    if (swappiness != null && swappiness >= 0) {
      put("memory", "memory.swappiness", swappiness);
    }
    if (Boolean.TRUE.equals(memory.disableOOMKiller())) {
      put("memory", "memory.oom_control", 1);
    }
  }

  private void cpu(RuntimeSpec.@Nullable Cpu cpu) {
    if (cpu == null) {
      return;
    }
    boolean v2 = isV2("cpu");
    Long shares = cpu.shares();
    if (shares != null && shares != 0) {
      put("cpu", v2 ? "cpu.weight" : "cpu.shares", v2 ? weight(shares) : shares);
    }
    Long idle = cpu.idle();
    if (idle != null) {
      put("cpu", "cpu.idle", idle);
    }
    Long quota = cpu.quota();
    Long period = cpu.period();
    if (v2) {
      if (isSet(quota) || isSet(period)) {
        put(
            "cpu",
            "cpu.max",
            (quota == null || quota <= 0 ? "max" : Long.toString(quota))
                + " "
                + (period == null || period == 0 ? DEFAULT_PERIOD : period));
      }
    } else {
      if (period != null && period != 0) {
        put("cpu", "cpu.cfs_period_us", period);
      }
      if (quota != null && quota != 0) {
        put("cpu", "cpu.cfs_quota_us", quota);
      }
    }
    Long burst = cpu.burst();
    if (burst != null) {
      put("cpu", v2 ? "cpu.max.burst" : "cpu.cfs_burst_us", burst);
    }
    realtime(cpu, v2);
  }

  private void realtime(RuntimeSpec.Cpu cpu, boolean v2) {
    Long period = cpu.realtimePeriod();
    Long runtime = cpu.realtimeRuntime();
    if (v2 && (isSet(period) || isSet(runtime))) {
      throw onlyV1("a budget of real-time processor time");
    }
    if (period != null && period != 0) {
      put("cpu", "cpu.rt_period_us", period);
    }
    if (runtime != null && runtime != 0) {
      put("cpu", "cpu.rt_runtime_us", runtime);
    }
  }

  /// v1's shares (2 to 262144, 1024 by default) as v2's weight (1 to 10000).
  static long weight(long shares) {
    long bounded = Math.clamp(shares, 2, 262_144);
    return 1 + (bounded - 2) * 9999 / 262_142;
  }

  private void cpuset(RuntimeSpec.@Nullable Cpu cpu) {
    String cpus = cpu == null ? null : cpu.cpus();
    String mems = cpu == null ? null : cpu.mems();
    if (cpus != null && !cpus.isEmpty()) {
      put("cpuset", "cpuset.cpus", cpus);
    }
    if (mems != null && !mems.isEmpty()) {
      put("cpuset", "cpuset.mems", mems);
    }
  }

  private void pids(RuntimeSpec.@Nullable Pids pids) {
    if (pids != null && pids.limit() != 0) {
      put("pids", "pids.max", orMax(pids.limit()));
    }
  }

  private void blockIo(RuntimeSpec.@Nullable BlockIo io) {
    if (io == null) {
      return;
    }
    boolean v2 = isV2("blkio");
    String controller = v2 ? "io" : "blkio";
    Integer weight = io.weight();
    if (weight != null && weight != 0) {
      ioWeight(controller, v2, "", weight);
    }
    Integer leaf = io.leafWeight();
    if (leaf != null && leaf != 0) {
      leafWeight(v2, "blkio.leaf_weight", leaf.toString());
    }
    for (RuntimeSpec.WeightDevice d : io.weightDevice()) {
      String device = d.major() + ":" + d.minor() + " ";
      Integer own = d.weight();
      if (own != null && own != 0) {
        ioWeight(controller, v2, device, own);
      }
      Integer ownLeaf = d.leafWeight();
      if (ownLeaf != null && ownLeaf != 0) {
        leafWeight(v2, "blkio.leaf_weight_device", device + ownLeaf);
      }
    }
    throttle(io.throttleReadBpsDevice(), v2, "blkio.throttle.read_bps_device", "rbps");
    throttle(io.throttleWriteBpsDevice(), v2, "blkio.throttle.write_bps_device", "wbps");
    throttle(io.throttleReadIOPSDevice(), v2, "blkio.throttle.read_iops_device", "riops");
    throttle(io.throttleWriteIOPSDevice(), v2, "blkio.throttle.write_iops_device", "wiops");
  }

  /// BFQ's own weight (1 to 1000) where that scheduler is built in, else the cost model's, which
  /// spreads 10 to 1000 over 1 to 10000; v1 had CFQ's before BFQ.
  private void ioWeight(String controller, boolean v2, String device, int weight) {
    if (weight < 10 || weight > 1000) {
      throw new Failure.InvalidRequest(
          "the block I/O weight " + weight + " is not between 10 and 1000");
    }
    String suffix = device.isEmpty() ? "" : "_device";
    if (!v2) {
      settings.add(
          new Setting(
              List.of(
                  file(controller, "blkio.bfq.weight" + suffix),
                  file(controller, "blkio.weight" + suffix)),
              device + weight,
              false)); // no scheduler of this kernel has weights: as Docker, which warns at
      // creation
      return;
    }
    Path bfq = file(controller, "io.bfq.weight");
    if (hasFile("io.bfq.weight")) {
      settings.add(new Setting(List.of(bfq), device + weight, false));
    } else {
      long cost = 1 + (weight - 10) * 9999L / 990;
      putIfThere(controller, "io.weight", (device.isEmpty() ? "default " : device) + cost);
    }
  }

  /// Whether the v2 groups of this machine have `name`: the top has no such files, any group does.
  private boolean hasFile(String name) {
    Path top = layout.unified();
    if (top == null) {
      return false;
    }
    try (var folders = Files.newDirectoryStream(top, Files::isDirectory)) {
      for (Path folder : folders) {
        if (Files.exists(folder.resolve(name))) {
          return true;
        }
      }
    } catch (IOException e) {
      return false; // then the other file is tried
    }
    return false;
  }

  private void leafWeight(boolean v2, String file, String value) {
    if (v2) {
      throw onlyV1("a leaf weight of block I/O");
    }
    put("blkio", file, value);
  }

  private void throttle(
      List<RuntimeSpec.ThrottleDevice> devices, boolean v2, String file1, String key2) {
    for (RuntimeSpec.ThrottleDevice d : devices) {
      String device = d.major() + ":" + d.minor() + " ";
      if (v2) {
        put("io", "io.max", device + key2 + "=" + (d.rate() == 0 ? "max" : d.rate()));
      } else {
        put("blkio", file1, device + d.rate());
      }
    }
  }

  private void hugePages(List<RuntimeSpec.HugepageLimit> limits) {
    String suffix = isV2("hugetlb") ? ".max" : ".limit_in_bytes";
    for (RuntimeSpec.HugepageLimit limit : limits) {
      if (!limit.pageSize().matches("[1-9][0-9]*[KMG]B")) {
        throw new Failure.InvalidRequest("invalid huge page size \"" + limit.pageSize() + "\"");
      }
      String name = "hugetlb." + limit.pageSize();
      String value = Long.toUnsignedString(limit.limit());
      put("hugetlb", name + suffix, value);
      // reservations count since Linux 5.7
      putIfThere("hugetlb", name + ".rsvd" + suffix, value);
    }
  }

  private void network(RuntimeSpec.@Nullable NetworkResources network) {
    if (network == null) {
      return;
    }
    Long classId = network.classID();
    if ((isSet(classId) || !network.priorities().isEmpty()) && layout.isUnified()) {
      throw onlyV1("marking packets by control group");
    }
    if (classId != null && classId != 0) {
      put("net_cls", "net_cls.classid", classId);
    }
    for (RuntimeSpec.InterfacePriority p : network.priorities()) {
      put("net_prio", "net_prio.ifpriomap", p.name() + " " + p.priority());
    }
  }

  private void rdma(Map<String, RuntimeSpec.Rdma> limits) {
    limits.forEach(
        (device, limit) ->
            put(
                "rdma",
                "rdma.max",
                device
                    + " hca_handle="
                    + (limit.hcaHandles() == null ? "max" : limit.hcaHandles())
                    + " hca_object="
                    + (limit.hcaObjects() == null ? "max" : limit.hcaObjects())));
  }

  /// Files of v2 by name, as they are.
  private void unified(Map<String, String> files) {
    if (files.isEmpty()) {
      return;
    }
    Path top = layout.unified();
    if (top == null || !layout.folders(group).contains(layout.unifiedFolder(group))) {
      throw new Failure.Unsupported("resources.unified needs cgroup v2, this machine has v1");
    }
    files.forEach(
        (name, value) -> {
          if (!name.matches("[a-z0-9_]+(\\.[A-Za-z0-9_]+)+") || name.startsWith("cgroup.")) {
            throw new Failure.InvalidRequest("unified resource \"" + name + "\" is no limit");
          }
          String controller = name.substring(0, name.indexOf('.'));
          if (!layout.unifiedControllers().contains(controller)) {
            throw new Failure.Unsupported(
                "unified resource \""
                    + name
                    + "\" can't be set: controller \""
                    + controller
                    + "\" not available");
          }
          settings.add(
              new Setting(List.of(layout.unifiedFolder(group).resolve(name)), value, true));
        });
  }
}
