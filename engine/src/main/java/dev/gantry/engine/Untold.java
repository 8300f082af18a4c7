package dev.gantry.engine;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Makes up for events that the engine before did not live to tell: what has changed on record or
/// in the kernel since the last event is told by the engine that finds it, once. So the events of
/// several engines and the records tell the same story.
final class Untold {
  private final Engine engine;
  private final Map<String, Map<String, Events.Event>> last = new HashMap<>();
  private final Instant oldest;

  /// @param past what was told; what is older than all of it may have been
  Untold(Engine engine, List<Events.Event> past) {
    this.engine = engine;
    this.oldest = past.isEmpty() ? Instant.MAX : past.getFirst().time();
    for (Events.Event event : past) {
      if (event.type().equals("container")) {
        last.computeIfAbsent(event.id(), id -> new HashMap<>()).put(event.action(), event);
      }
    }
  }

  /// A container that runs, and whose processes may be stopped by a pause.
  void runs(Container c, Instant startedAt, boolean paused) {
    begun(c, startedAt);
    boolean before = c.state() instanceof ContainerState.Paused;
    Instant toldPause = time(c, "pause");
    Instant toldEnd = time(c, "unpause");
    boolean told =
        toldPause == null && toldEnd == null
            ? before
            : toldPause != null && (toldEnd == null || toldEnd.isBefore(toldPause));
    if (toldPause != null && toldPause.isBefore(startedAt)) {
      told = false; // that was in another run
    }
    if (told != paused) {
      engine.publish(c, paused ? "pause" : "unpause", Map.of());
    }
  }

  /// A container that does not run.
  ///
  /// @param now whether only this engine has found out how it ended
  void ended(Container c, boolean now) {
    switch (c.state()) {
      case ContainerState.Exited e when e.startedAt().isAfter(Instant.EPOCH) -> {
        begun(c, e.startedAt());
        if (now || e.error().isEmpty()) {
          died(c, e.startedAt(), e.finishedAt(), e.exitCode(), now);
        }
      }
      case ContainerState.Restarting r -> {
        begun(c, r.startedAt());
        died(c, r.startedAt(), r.finishedAt(), r.exitCode(), false);
      }
      default -> created(c);
    }
  }

  private void died(Container c, Instant startedAt, Instant endedAt, int code, boolean now) {
    if ((now || !endedAt.isBefore(oldest)) && !isTold(c, "die", endedAt)) {
      engine.publish(c, "die", EndOfRun.attributes(code, Duration.between(startedAt, endedAt)));
    }
  }

  /// Containers that were told of and of which there is no record any more.
  void removed(Set<String> known) {
    last.forEach(
        (id, events) -> {
          Events.Event created = events.get("create");
          if (created != null && !known.contains(id) && !events.containsKey("destroy")) {
            engine.publishEvent("container", "destroy", id, created.attributes());
          }
        });
  }

  private void created(Container c) {
    if (!c.created().isBefore(oldest) && time(c, "create") == null) {
      engine.publish(c, "create", Map.of());
    }
  }

  private void begun(Container c, Instant startedAt) {
    created(c);
    if (!startedAt.isBefore(oldest) && !isTold(c, "start", startedAt)) {
      engine.publish(c, "start", Map.of());
    }
  }

  private boolean isTold(Container c, String action, Instant happened) {
    Instant told = time(c, action);
    return told != null && !told.isBefore(happened);
  }

  private @Nullable Instant time(Container c, String action) {
    Events.Event event = last.getOrDefault(c.id(), Map.of()).get(action);
    return event == null ? null : event.time();
  }
}
