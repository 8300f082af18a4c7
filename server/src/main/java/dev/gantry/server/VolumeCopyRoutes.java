package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Engine;
import dev.gantry.engine.VolumeCopies;
import dev.gantry.engine.Volumes;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;

/// Copies of volumes, which Docker's API has not: `POST /gantry/volumes/NAME/snapshot?to=` and
/// `clone?to=` answer the new volume, `GET` and `PUT /gantry/volumes/NAME/archive` carry a tar
/// archive. Containers that use what is copied are paused meanwhile, unless `pause=0`.
final class VolumeCopyRoutes {
  private final Engine engine;

  VolumeCopyRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("POST", "/gantry/volumes/{name}/snapshot", this::snapshot);
    router.on("POST", "/gantry/volumes/{name}/clone", this::clone);
    router.on("GET", "/gantry/volumes/{name}/archive", this::pack);
    router.on("PUT", "/gantry/volumes/{name}/archive", this::load);
  }

  private static String name(Map<String, String> path) {
    return path.getOrDefault("name", "");
  }

  private static boolean pause(HttpRequest q) {
    return !q.has("pause") || q.flag("pause");
  }

  private void snapshot(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Volumes.Volume made = engine.volumeCopies().snapshot(name(p), q.text("to"), pause(q));
    r.json(201, VolumeRoutes.json(made));
  }

  private void clone(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    String to = q.text("to");
    if (to.isEmpty()) {
      throw new Failure.InvalidRequest("the parameter to says what the clone is called");
    }
    r.json(201, VolumeRoutes.json(engine.volumeCopies().clone(name(p), to, pause(q))));
  }

  private void pack(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    try (VolumeCopies.Opened opened = engine.volumeCopies().open(name(p), pause(q))) {
      OutputStream out = r.stream(200, "application/x-tar");
      opened.pack(out);
      out.close(); // not after a failure: the client shall see that the archive is cut off
    }
  }

  private void load(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    r.json(201, VolumeRoutes.json(engine.volumeCopies().load(name(p), q.body())));
  }
}
