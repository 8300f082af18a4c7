package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.ImageChanges;
import dev.gantry.engine.Engine;
import dev.gantry.images.BootstrapImage;
import dev.gantry.images.Image;
import dev.gantry.images.ImageArchive;
import dev.gantry.images.ImageExport;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Images that come and go as archives: import, load, save, and those made of packages.
final class ImageTransferRoutes {
  private final Engine engine;
  private final RegistryRoutes registry;

  ImageTransferRoutes(Engine engine, RegistryRoutes registry) {
    this.engine = engine;
    this.registry = registry;
  }

  void addTo(Router router) {
    router.on("POST", "/images/create", this::create);
    router.on("POST", "/images/load", this::load);
    router.on("GET", "/images/get", (q, r, p) -> save(q, r, q.texts("names")));
    router.on(
        "GET", "/images/{name:.*}/get", (q, r, p) -> save(q, r, List.of(ImageRoutes.name(p))));
    router.on("POST", "/gantry/images/bootstrap", this::bootstrap);
  }

  private Images images() {
    return engine.images();
  }

  private void event(String action, Image i) {
    engine.publishImage(action, i.id().toString(), Map.of("name", i.id().toString()));
  }

  private void create(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    if (!q.text("fromImage").isEmpty()) {
      registry.pull(q, r);
      return;
    }
    Optional<ImageReference> reference =
        q.text("repo").isEmpty()
            ? Optional.empty()
            : Optional.of(
                q.text("tag").isEmpty()
                    ? ImageReference.parse(q.text("repo")).withDefaultTag()
                    : ImageReference.parse(q.text("repo")).withTag(q.text("tag")));
    Json.JsonObject config = ImageChanges.apply(Json.object(), q.texts("changes"));
    Platform platform =
        q.text("platform").isEmpty() ? Platform.here() : Platform.parse(q.text("platform"));
    String message =
        q.text("message").isEmpty() ? "Imported from " + q.text("fromSrc") : q.text("message");
    Image image;
    try (ImportSource source = ImportSource.open(q)) {
      String now = ContainerJson.time(Instant.now());
      image =
          images()
              .importRoot(source.bytes(), config, message, now, platform, reference.orElse(null));
    }
    reference.ifPresent(
        t -> engine.publishImage("tag", image.id().toString(), Map.of("name", t.familiar())));
    event("import", image);
    try (OutputStream out = r.stream(200, "application/json")) {
      ProgressLines.line(out, Json.object().put("status", image.id().toString()));
    }
  }

  /// Beyond Docker's API: a base image made from packages, with its progress.
  private void bootstrap(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    try (OutputStream out = r.stream(200, "application/json")) {
      try {
        Image image = new BootstrapImage(images()).make(q.text("name"), step -> status(out, step));
        status(out, "Made " + image.id());
      } catch (Failure e) {
        ProgressLines.failure(out, e);
      }
    }
  }

  private static void status(OutputStream out, String text) {
    try {
      ProgressLines.line(out, Json.object().put("status", text));
    } catch (IOException e) {
      // whoever asked has gone; the image is made all the same
      return;
    }
  }

  private void load(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    List<Platform> platforms = ImageRoutes.platforms(q);
    boolean quiet = !q.has("quiet") || q.flag("quiet");
    try (OutputStream out = r.stream(200, "application/json")) {
      ImageArchive.Progress progress =
          (diffId, size) -> {
            if (!quiet) {
              layer(out, diffId.shortHex(), size);
            }
          };
      try {
        for (ImageArchive.Loaded loaded :
            new ImageArchive(images()).load(q.body(), platforms, progress)) {
          event("load", loaded.image());
          if (loaded.names().isEmpty()) {
            stream(out, "Loaded image ID: " + loaded.image().id() + "\n");
          }
          for (String n : loaded.names()) {
            stream(out, "Loaded image: " + n + "\n");
          }
        }
      } catch (Failure e) {
        ProgressLines.failure(out, e);
      }
    }
  }

  private static void layer(OutputStream out, String id, long size) {
    try {
      ProgressLines.bar(out, "Loading layer", id, size, size);
    } catch (IOException e) {
      // whoever asked has gone; what came is loaded all the same
      return;
    }
  }

  private static void stream(OutputStream out, String text) throws IOException {
    ProgressLines.line(out, Json.object().put("stream", text));
  }

  private void save(HttpRequest q, HttpResponse r, List<String> names) throws IOException {
    List<String> wanted = names.stream().flatMap(n -> List.of(n.split(",")).stream()).toList();
    List<Platform> platforms = ImageRoutes.platforms(q);
    for (String name : wanted) {
      if (images().find(name).isEmpty()) {
        throw new Failure.NotFound("No such image: " + name);
      }
      for (Platform platform : platforms) {
        if (images().platforms(name).stream().allMatch(i -> platform.match(i.platform()) == 0)) {
          throw new Failure.InvalidRequest(
              "no suitable export target found for platform " + platform);
        }
      }
    }
    try (OutputStream out = r.stream(200, "application/x-tar")) {
      ImageExport.write(images(), wanted, platforms, out);
    }
    wanted.forEach(n -> images().find(n).ifPresent(i -> event("save", i)));
  }
}
