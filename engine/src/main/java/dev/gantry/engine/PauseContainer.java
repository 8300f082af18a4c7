package dev.gantry.engine;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.util.Map;

/// Freezes the processes of a container, and lets them go on.
final class PauseContainer {
  private final Engine engine;

  PauseContainer(Engine engine) {
    this.engine = engine;
  }

  void pause(String ref) {
    Container c = engine.require(ref);
    c.verbs.lock();
    try {
      if (c.state() instanceof ContainerState.Paused) {
        throw new Failure.Conflict("Container " + c.id() + " is already paused");
      }
      Engine.refuseRestarting(c);
      if (!(c.state() instanceof ContainerState.Running running)) {
        throw new Failure.Conflict("container " + c.id() + " is not running");
      }
      engine.cgroups().freeze(engine.cgroup(c), true);
      HealthMonitor.stop(c);
      c.become(new ContainerState.Paused(running.pid(), running.startedAt()));
      engine.note(c);
      engine.publish(c, "pause", Map.of());
    } catch (IOException e) {
      throw new Failure.Internal("cannot pause container " + c.id() + ": " + e.getMessage(), e);
    } finally {
      c.verbs.unlock();
    }
  }

  void unpause(String ref) {
    Container c = engine.require(ref);
    c.verbs.lock();
    try {
      if (!(c.state() instanceof ContainerState.Paused)) {
        throw new Failure.Conflict("Container " + c.id() + " is not paused");
      }
      thaw(c);
    } finally {
      c.verbs.unlock();
    }
  }

  /// Lets a paused container go on; nothing for others.
  void thaw(Container c) {
    if (!(c.state() instanceof ContainerState.Paused paused)) {
      return;
    }
    try {
      engine.cgroups().freeze(engine.cgroup(c), false);
    } catch (IOException e) {
      throw new Failure.Internal("cannot unpause container " + c.id() + ": " + e.getMessage(), e);
    }
    c.become(new ContainerState.Running(paused.pid(), paused.startedAt()));
    engine.note(c);
    engine.publish(c, "unpause", Map.of());
    HealthMonitor.start(engine, c, false);
  }
}
