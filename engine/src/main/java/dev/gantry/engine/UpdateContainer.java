package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.CgroupLimits;
import java.util.Map;
import java.util.function.UnaryOperator;

/// Changes what a container is while it stays the same container: limits at once, everything else
/// that needs no new start with the next occasion.
final class UpdateContainer {
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
      c.update(after);
      engine.note(c);
      engine.publish(c, "update", Map.of());
    } finally {
      c.verbs.unlock();
    }
  }

  /// What has to be written: a limit that is gone must be taken back.
  private static RuntimeSpec.Resources changed(
      RuntimeSpec.Resources before, RuntimeSpec.Resources after) {
    return new RuntimeSpec.Resources(
        after.devices(),
        after.memory(),
        after.cpu(),
        after.pids() == null && before.pids() != null ? new RuntimeSpec.Pids(-1L) : after.pids(),
        after.blockIO(),
        after.hugepageLimits(),
        after.network(),
        after.rdma(),
        after.unified());
  }
}
