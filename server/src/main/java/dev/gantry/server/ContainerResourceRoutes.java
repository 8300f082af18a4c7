package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Statistics;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/// What containers use and may use: stats and update.
final class ContainerResourceRoutes {
  private static final long INTERVAL_NANOS = 1_000_000_000L;
  private static final long MOMENT_NANOS = 100_000_000L;

  private final Engine engine;

  ContainerResourceRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("GET", "/containers/{id}/stats", this::stats);
    router.on("POST", "/containers/{id}/update", this::update);
  }

  private void stats(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c = engine.require(p.getOrDefault("id", ""));
    boolean stream = !q.has("stream") || q.flag("stream");
    boolean once = q.version().atLeast(41) && q.flag("one-shot");
    if (stream && once) {
      throw new Failure.InvalidRequest("cannot have stream=true and one-shot=true");
    }
    if (stream) {
      stream(c, q.version(), r);
      return;
    }
    Optional<Statistics.Sample> before = engine.statistics(c);
    if (before.isEmpty()) {
      r.json(200, StatsJson.of(c, true, q.version(), before, before));
    } else if (once) {
      r.json(200, StatsJson.of(c, false, q.version(), before, Optional.empty()));
    } else {
      boolean there = pause(c, System.nanoTime() + INTERVAL_NANOS);
      Optional<Statistics.Sample> now = there ? engine.statistics(c) : Optional.empty();
      r.json(200, StatsJson.of(c, true, q.version(), now, before));
    }
  }

  /// One object a second until the container is removed or the client leaves.
  private void stream(Container c, ApiVersion version, HttpResponse r) throws IOException {
    try (OutputStream out = r.stream(200, "");
        Statistics.Watch watch = engine.watch(c)) {
      Optional<Statistics.Sample> before = Optional.empty();
      // many streams are served at one moment: what wakes one wakes all
      long next = Math.floorDiv(System.nanoTime() + MOMENT_NANOS / 2, MOMENT_NANOS) * MOMENT_NANOS;
      do {
        Optional<Statistics.Sample> now = watch.read();
        String line = StatsJson.of(c, true, version, now, before).text() + "\n";
        out.write(line.getBytes(StandardCharsets.UTF_8));
        before = now;
        next += INTERVAL_NANOS;
      } while (pause(c, next));
    }
  }

  /// False if the container is gone before that time.
  private static boolean pause(Container c, long until) {
    try {
      return !c.awaitGone(until - System.nanoTime());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while measuring");
    }
  }

  private void update(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c = engine.require(p.getOrDefault("id", ""));
    Json.JsonObject body = q.jsonOrEmpty();
    engine.update(c.id(), spec -> UpdateRequests.apply(engine, c, spec, body, q.version()));
    r.json(200, Json.object().put("Warnings", Json.NULL));
  }
}
