package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.store.Journal.Change;
import java.nio.file.Files;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Removes containers with all that is theirs.
final class RemoveContainer {
  private final Engine engine;

  RemoveContainer(Engine engine) {
    this.engine = engine;
  }

  /// Removes a container and, with `withVolumes`, the volumes that were made for it alone.
  void remove(String ref, boolean force, boolean withVolumes) {
    Container c = engine.require(ref);
    StopContainer stop = new StopContainer(engine);
    c.verbs.lock();
    try {
      switch (c.state()) {
        case ContainerState.Live l -> {
          if (!force) {
            String what =
                l instanceof ContainerState.Paused
                    ? "container is paused and must be unpaused first"
                    : "container is running: stop the container before removing or force remove";
            throw new Failure.Conflict("cannot remove container \"" + c.name() + "\": " + what);
          }
          c.stopping(true);
          if (l instanceof ContainerState.Paused) {
            new PauseContainer(engine).thaw(c);
          }
          stop.signal(c, 9, "remove");
          if (!stop.ends(c, 30_000)) {
            throw new Failure.Internal("container " + c.id() + " does not end");
          }
        }
        case ContainerState.Restarting r -> {
          if (!force) {
            throw new Failure.Conflict(
                "cannot remove container \""
                    + c.name()
                    + "\": container is restarting: stop the container before removing or force remove");
          }
          c.stopping(true);
        }
        case ContainerState.Removing r ->
            throw new Failure.Conflict(
                "removal of container " + c.name() + " is already in progress");
        default -> {}
      }
      discard(c, withVolumes);
    } finally {
      c.verbs.unlock();
    }
  }

  /// Removes a container that wanted it when its run ended; does not wait.
  void afterItsRun(Container c) {
    Thread.ofVirtual()
        .name("remove-" + Ids.shorten(c.id()))
        .start(
            () -> {
              try {
                remove(c.id(), true, true);
              } catch (Failure.NotFound | Failure.Conflict e) {
                return; // somebody was faster
              }
            });
  }

  /// Takes away all that there is of a container that does not run.
  void discard(Container c, boolean withVolumes) {
    if (!engine.containers().has(c)) {
      throw new Failure.NotFound("No such container: " + c.id());
    }
    int code = c.state() instanceof ContainerState.Exited e ? e.exitCode() : 0;
    c.become(new ContainerState.Removing(Instant.EPOCH, Instant.EPOCH, code));
    // else the end of its last run took all that away
    if (Files.exists(engine.stateDirectory(c.id()))) {
      new RunRemains(engine).remove(c);
    }
    // one record: a kill in between leaves neither a volume without its container nor the reverse
    List<Change> gone = new ArrayList<>(List.of(Change.remove(Engine.TABLE, c.id())));
    List<Volumes.Volume> own = withVolumes ? ownVolumes(c) : List.of();
    own.forEach(volume -> gone.add(engine.volumes().removal(volume)));
    engine.journal().note(gone.toArray(Change[]::new));
    c.takeWaiting().forEach(Listener::notStarted);
    Shipping.end(c);
    c.closeLog();
    engine.snapshots().remove(c.id());
    engine.snapshots().discard(c.folder());
    for (Volumes.Volume volume : own) {
      engine.volumes().deleteFiles(volume);
      engine.events().publish("volume", "destroy", volume.name(), Map.of("driver", "local"));
    }
    engine.containers().remove(c);
    engine.publish(c, "destroy", Map.of());
    c.become(new ContainerState.Dead(""));
  }

  /// The volumes that were made for `c` and that nobody else uses.
  private List<Volumes.Volume> ownVolumes(Container c) {
    return c.anonymousVolumes().stream()
        .filter(v -> engine.containers().all().stream().noneMatch(o -> o != c && engine.uses(o, v)))
        .flatMap(v -> engine.volumes().find(v).stream())
        .toList();
  }
}
