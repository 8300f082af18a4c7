package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a create or update request says of limits.
///
/// @param host the host configuration
record ResourceRequest(Json.JsonObject host) {
  RuntimeSpec.Resources resources() {
    long memory = host.number("Memory", 0);
    long swap = host.number("MemorySwap", 0);
    if (memory > 0 && swap == 0) {
      swap = memory * 2;
    }
    long nanoCpus = host.number("NanoCpus", 0);
    long quota = host.number("CpuQuota", 0);
    long period = host.number("CpuPeriod", 0);
    if (nanoCpus > 0) {
      period = 100_000;
      quota = nanoCpus / 10_000;
    }
    long pids = host.number("PidsLimit", 0);
    // as Docker, which discards what cgroup v2 does not have
    boolean v1 = !CgroupLayout.detected().isUnified();
    Long swappiness =
        v1 && host.get("MemorySwappiness") instanceof Json.JsonNumber n
            ? (Long) n.longValue()
            : null;
    return new RuntimeSpec.Resources(
        List.of(),
        new RuntimeSpec.Memory(
            memory == 0 ? null : (Long) memory,
            host.number("MemoryReservation", 0) == 0
                ? null
                : (Long) host.number("MemoryReservation", 0),
            swap == 0 ? null : (Long) swap,
            null,
            null,
            swappiness == null || swappiness < 0 ? null : swappiness,
            v1 && host.bool("OomKillDisable", false),
            null,
            null),
        new RuntimeSpec.Cpu(
            host.number("CpuShares", 0) == 0 ? null : (Long) host.number("CpuShares", 0),
            quota == 0 ? null : (Long) quota,
            null,
            period == 0 ? null : (Long) period,
            host.number("CpuRealtimeRuntime", 0) == 0
                ? null
                : (Long) host.number("CpuRealtimeRuntime", 0),
            host.number("CpuRealtimePeriod", 0) == 0
                ? null
                : (Long) host.number("CpuRealtimePeriod", 0),
            host.string("CpusetCpus", ""),
            host.string("CpusetMems", ""),
            null),
        pids <= 0 ? null : new RuntimeSpec.Pids(pids),
        blockIo(),
        List.of(),
        null,
        Map.of(),
        Map.of());
  }

  private RuntimeSpec.@Nullable BlockIo blockIo() {
    long weight = host.number("BlkioWeight", 0);
    weight = BlockIoWeight.isSupported() ? weight : 0;
    RuntimeSpec.BlockIo io =
        new RuntimeSpec.BlockIo(
            weight == 0 ? null : (Integer) (int) weight,
            null,
            BlockIoWeight.isSupported() ? weights() : List.of(),
            throttle("BlkioDeviceReadBps"),
            throttle("BlkioDeviceWriteBps"),
            throttle("BlkioDeviceReadIOps"),
            throttle("BlkioDeviceWriteIOps"));
    boolean empty =
        weight == 0
            && io.weightDevice().isEmpty()
            && io.throttleReadBpsDevice().isEmpty()
            && io.throttleWriteBpsDevice().isEmpty()
            && io.throttleReadIOPSDevice().isEmpty()
            && io.throttleWriteIOPSDevice().isEmpty();
    return empty ? null : io;
  }

  private List<RuntimeSpec.ThrottleDevice> throttle(String key) {
    List<RuntimeSpec.ThrottleDevice> devices = new ArrayList<>();
    for (Json.JsonObject d : host.objects(key)) {
      long device = device(d.string("Path", ""));
      devices.add(
          new RuntimeSpec.ThrottleDevice(major(device), minor(device), d.number("Rate", 0)));
    }
    return devices;
  }

  private List<RuntimeSpec.WeightDevice> weights() {
    List<RuntimeSpec.WeightDevice> devices = new ArrayList<>();
    for (Json.JsonObject d : host.objects("BlkioWeightDevice")) {
      long device = device(d.string("Path", ""));
      devices.add(
          new RuntimeSpec.WeightDevice(
              major(device), minor(device), (Integer) (int) d.number("Weight", 0), null));
    }
    return devices;
  }

  private static long device(String path) {
    try {
      return (Long) Files.getAttribute(Path.of(path), "unix:rdev");
    } catch (IOException | InvalidPathException e) {
      throw new Failure.InvalidRequest("stat " + path + ": no such file or directory", null, e);
    }
  }

  private static long major(long device) {
    return device >> 8 & 0xfff;
  }

  private static long minor(long device) {
    return (device & 0xff) | (device >> 12 & ~0xffL);
  }

  List<RuntimeSpec.Rlimit> ulimits() {
    List<RuntimeSpec.Rlimit> limits = new ArrayList<>();
    for (Json.JsonObject u : host.objects("Ulimits")) {
      String name = u.string("Name", "");
      if (u.number("Soft", 0) > u.number("Hard", 0) && u.number("Hard", 0) >= 0) {
        throw new Failure.InvalidRequest(
            "ulimit soft limit must be less than or equal to hard limit: "
                + u.number("Soft", 0)
                + " > "
                + u.number("Hard", 0));
      }
      limits.add(
          new RuntimeSpec.Rlimit(
              "RLIMIT_" + name.toUpperCase(Locale.ROOT), u.number("Soft", 0), u.number("Hard", 0)));
    }
    return limits;
  }
}
