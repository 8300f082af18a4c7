package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.CgroupLimits;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Changes what a container is while it stays the same container, with its id, name and files:
/// limits, ports, health check, labels and log options at once; environment, command and mounts by
/// one restart in its place.
final class UpdateContainer {
  private static final RuntimeSpec.BlockIo NO_LIMITS =
      new RuntimeSpec.BlockIo(null, null, List.of(), List.of(), List.of(), List.of(), List.of());

  private final Engine engine;

  UpdateContainer(Engine engine) {
    this.engine = engine;
  }

  /// Applies `change` to the container's specification; nothing has changed after a failure.
  void update(Container c, UnaryOperator<ContainerSpec> change) {
    c.verbs.lock();
    try {
      if (c.state() instanceof ContainerState.Removing
          || c.state() instanceof ContainerState.Dead) {
        throw new Failure.Conflict(
            "Cannot update container "
                + c.id()
                + ": container is marked for removal and cannot be \"update\"");
      }
      ContainerSpec before = c.spec();
      ContainerSpec after = change.apply(before);
      if (c.state() instanceof ContainerState.Live
          && !after.resources().equals(before.resources())) {
        CgroupLimits.update(
            engine.cgroups(), engine.cgroup(c), changed(before.resources(), after.resources()));
      }
      if (c.state() instanceof ContainerState.Live && !after.ports().equals(before.ports())) {
        c.attached(engine.networks().republish(c.id(), after.ports()));
      }
      if (!after.mounts().equals(before.mounts())) {
        c.anonymousVolumes(anonymousVolumes(c, after));
      }
      c.update(after);
      engine.note(c);
      if (c.state() instanceof ContainerState.Running
          && !java.util.Objects.equals(after.health(), before.health())) {
        HealthMonitor.start(engine, c, true);
      }
      if (!after.logging().equals(before.logging())) {
        c.relog();
      }
      engine.publish(c, "update", Map.of());
      if (c.state() instanceof ContainerState.Live && needsRestart(before, after)) {
        new StopContainer(engine).restartInPlace(c);
      }
    } finally {
      c.verbs.unlock();
    }
  }

  /// True for what a process learns only when it starts.
  private static boolean needsRestart(ContainerSpec before, ContainerSpec after) {
    return !after.environment().equals(before.environment())
        || !after.command().equals(before.command())
        || !after.mounts().equals(before.mounts());
  }

  /// What has to be written: a limit that is gone must be taken back.
  private static RuntimeSpec.Resources changed(
      RuntimeSpec.Resources before, RuntimeSpec.Resources after) {
    return new RuntimeSpec.Resources(
        after.devices(),
        after.memory(),
        after.cpu(),
        after.pids() == null && before.pids() != null ? new RuntimeSpec.Pids(-1L) : after.pids(),
        freed(before.blockIO(), after.blockIO()),
        after.hugepageLimits(),
        after.network(),
        after.rdma(),
        after.unified());
  }

  /// `after` with a rate of 0, which is none, for each device that had a limit before and has none.
  private static RuntimeSpec.@Nullable BlockIo freed(
      RuntimeSpec.@Nullable BlockIo before, RuntimeSpec.@Nullable BlockIo after) {
    if (before == null) {
      return after;
    }
    RuntimeSpec.BlockIo to = after == null ? NO_LIMITS : after;
    return new RuntimeSpec.BlockIo(
        to.weight(),
        to.leafWeight(),
        to.weightDevice(),
        freed(before.throttleReadBpsDevice(), to.throttleReadBpsDevice()),
        freed(before.throttleWriteBpsDevice(), to.throttleWriteBpsDevice()),
        freed(before.throttleReadIOPSDevice(), to.throttleReadIOPSDevice()),
        freed(before.throttleWriteIOPSDevice(), to.throttleWriteIOPSDevice()));
  }

  private static List<RuntimeSpec.ThrottleDevice> freed(
      List<RuntimeSpec.ThrottleDevice> before, List<RuntimeSpec.ThrottleDevice> after) {
    List<RuntimeSpec.ThrottleDevice> all = new ArrayList<>(after);
    for (RuntimeSpec.ThrottleDevice old : before) {
      if (after.stream().noneMatch(d -> d.major() == old.major() && d.minor() == old.minor())) {
        all.add(new RuntimeSpec.ThrottleDevice(old.major(), old.minor(), 0));
      }
    }
    return all;
  }

  /// The volumes that `c` owns if its mounts become those of `spec`: one that has its place still
  /// stays, for a new place one is made. What has no place any more is kept as a volume of nobody.
  private List<String> anonymousVolumes(Container c, ContainerSpec spec) {
    Map<String, String> there = new HashMap<>();
    engine.volumes().inUse(c).forEach((mount, name) -> there.put(mount.target(), name));
    List<String> names = new ArrayList<>();
    for (ContainerSpec.Mount m : spec.mounts()) {
      if (m.kind().equals("volume") && m.source().isEmpty()) {
        String old = there.get(m.target());
        names.add(
            old != null && c.anonymousVolumes().contains(old)
                ? old
                : engine.volumes().create("", null, null).name());
      }
    }
    return names;
  }
}
