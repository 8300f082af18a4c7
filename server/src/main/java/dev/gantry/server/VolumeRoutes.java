package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Volumes;
import dev.gantry.json.Json;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// /volumes.
final class VolumeRoutes {
  private final Engine engine;

  VolumeRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("GET", "/volumes", this::list);
    router.on("POST", "/volumes/create", this::create);
    router.on("POST", "/volumes/prune", this::prune);
    router.on("GET", "/volumes/{name}", this::inspect);
    router.on("PUT", "/volumes/{name}", (q, r, p) -> update());
    router.on("DELETE", "/volumes/{name}", this::remove);
  }

  static Json.JsonObject json(Volumes.Volume v) {
    Json.JsonObject json = common(v);
    String of = v.snapshotOf();
    return of == null ? json : json.put("Status", Json.object().put("SnapshotOf", of));
  }

  private static Json.JsonObject common(Volumes.Volume v) {
    return Json.object()
        .put("CreatedAt", v.created().toString().replaceFirst("\\.[0-9]+Z$", "Z"))
        .put("Driver", "local")
        .put("Labels", v.anonymous() ? anonymousLabels(v) : json(v.givenLabels()))
        .put("Mountpoint", v.mountpoint().toString())
        .put("Name", v.name())
        .put("Options", json(v.givenOptions()))
        .put("Scope", "local");
  }

  private static Json anonymousLabels(Volumes.Volume v) {
    Json.JsonObject labels = Json.object();
    v.labels().forEach(labels::put);
    return labels.put("com.docker.volume.anonymous", "");
  }

  private static Json json(@Nullable Map<String, String> map) {
    return map == null ? Json.NULL : Json.strings(map);
  }

  private static @Nullable Map<String, String> map(Json.JsonObject body, String key) {
    return body.object(key).isPresent() ? body.stringMap(key) : null;
  }

  private Optional<Container> user(String volume) {
    return engine.list().stream().filter(c -> engine.uses(c, volume)).findFirst();
  }

  private void list(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f = filters(q.text("filters"));
    Json.JsonArray volumes = Json.array();
    for (Volumes.Volume v : engine.volumes().list()) {
      boolean name =
          !f.has("name") || f.get("name").stream().anyMatch(n -> Filters.found(n, v.name()));
      boolean dangling = !f.has("dangling") || user(v.name()).isEmpty() == f.bool("dangling");
      if (name && dangling && f.matches("driver", "local") && f.labels("label", v.labels())) {
        volumes.add(json(v));
      }
    }
    r.json(200, Json.object().put("Volumes", volumes).put("Warnings", Json.NULL));
  }

  private static Filters filters(String text) {
    Filters f;
    try {
      f = Filters.parse(text);
    } catch (Failure.InvalidRequest e) {
      throw new Failure.InvalidRequest("error reading volume filters: " + e.text(), null, e);
    }
    if (f.get("dangling").size() > 1) {
      throw new Failure.InvalidRequest(
          "invalid filter 'dangling=[" + String.join(" ", f.get("dangling")) + "]'");
    }
    return f.only(Set.of("dangling", "driver", "label", "name"));
  }

  private void create(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Json.JsonObject body = q.jsonOrEmpty();
    if (body.object("ClusterVolumeSpec").isPresent()) {
      throw new Failure.Unavailable(SwarmRoutes.NO_SWARM);
    }
    String driver = body.string("Driver", "");
    if (!driver.isEmpty() && !driver.equals("local")) {
      throw new Failure.NotFound(
          "create "
              + body.string("Name", "")
              + ": error looking up volume plugin "
              + driver
              + ": plugin \""
              + driver
              + "\" not found");
    }
    String name = body.string("Name", "");
    boolean known = engine.volumes().find(name).isPresent();
    Volumes.Volume v = engine.volumes().create(name, map(body, "Labels"), map(body, "DriverOpts"));
    if (!known) {
      engine.publishEvent("volume", "create", v.name(), Map.of("driver", "local"));
    }
    r.json(201, json(v));
  }

  private void inspect(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    String name = p.getOrDefault("name", "");
    r.json(
        200,
        json(
            engine
                .volumes()
                .find(name)
                .orElseThrow(() -> new Failure.NotFound("get " + name + ": no such volume"))));
  }

  private static void update() {
    throw new Failure.Unavailable(
        "volume update only valid for cluster volumes, but swarm is unavailable");
  }

  private void remove(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    String name = p.getOrDefault("name", "");
    if (engine.volumes().find(name).isEmpty() && q.flag("force")) {
      r.empty(204);
      return;
    }
    Optional<Container> user = user(name);
    if (user.isPresent()) {
      throw new Failure.Conflict(
          "remove " + name + ": volume is in use - [" + user.get().id() + "]");
    }
    engine.volumes().remove(name);
    engine.publishEvent("volume", "destroy", name, Map.of("driver", "local"));
    r.empty(204);
  }

  private void prune(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f = Filters.parse(q.text("filters")).only(Set.of("all", "label", "label!"));
    boolean all = !q.version().atLeast(42) || (f.has("all") && all(f));
    Json.JsonArray deleted = Json.array();
    long space = 0;
    for (Volumes.Volume v : engine.volumes().list()) {
      if ((all || v.anonymous())
          && user(v.name()).isEmpty()
          && f.labels("label", v.labels())
          && f.lacks("label!", v.labels())) {
        // what is elsewhere stays there
        long size = v.options().isEmpty() ? DiskUsage.size(v.mountpoint()) : 0;
        engine.volumes().remove(v.name());
        engine.publishEvent("volume", "destroy", v.name(), Map.of("driver", "local"));
        deleted.add(v.name());
        space += size;
      }
    }
    engine.publishEvent("volume", "prune", "", Map.of("reclaimed", Long.toString(space)));
    r.json(200, Json.object().put("VolumesDeleted", deleted).put("SpaceReclaimed", space));
  }

  private static boolean all(Filters f) {
    try {
      return f.bool("all");
    } catch (Failure.InvalidRequest e) {
      // Docker's text for this one
      throw new Failure.InvalidRequest(
          "invalid filter 'all': strconv.ParseBool: parsing "
              + Json.of(f.get("all").getFirst()).text()
              + ": invalid syntax",
          null,
          e);
    }
  }
}
