package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerState;
import dev.gantry.engine.Engine;
import dev.gantry.images.Image;
import dev.gantry.images.ImageArchive;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.oci.ImageReference;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// /images.
final class ImageRoutes {
  private static final Set<String> FILTERS =
      Set.of("before", "dangling", "label", "reference", "since", "until");

  private final Engine engine;

  ImageRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("GET", "/images/json", this::list);
    router.on("POST", "/images/create", this::create);
    router.on("POST", "/images/load", this::load);
    router.on("GET", "/images/get", (q, r, p) -> save(r, q.texts("names")));
    router.on("POST", "/images/prune", this::prune);
    router.on("POST", "/gantry/images/bootstrap", this::bootstrap);
    router.on("GET", "/images/{name:.*}/json", this::inspect);
    router.on("GET", "/images/{name:.*}/history", this::history);
    router.on("GET", "/images/{name:.*}/get", (q, r, p) -> save(r, List.of(name(p))));
    router.on("POST", "/images/{name:.*}/tag", this::tag);
    router.on("DELETE", "/images/{name:.*}", this::remove);
  }

  private static String name(Map<String, String> path) {
    return path.getOrDefault("name", "");
  }

  private Images images() {
    return engine.images();
  }

  private void list(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f = Filters.parse(q.text("filters")).only(FILTERS);
    Optional<Instant> before =
        f.get("before").stream().findFirst().map(x -> images().require(x).created());
    Optional<Instant> since =
        f.get("since").stream().findFirst().map(x -> images().require(x).created());
    boolean dangling = f.has("dangling") && f.bool("dangling");
    Json.JsonArray result = Json.array();
    images().list().stream()
        .filter(i -> !f.has("dangling") || i.tags().isEmpty() == dangling)
        .filter(i -> before.map(b -> i.created().isBefore(b)).orElse(true))
        .filter(i -> since.map(s -> i.created().isAfter(s)).orElse(true))
        .filter(i -> f.labels("label", i.config().stringMap("Labels")))
        .filter(
            i ->
                !f.has("reference")
                    || i.tags().stream()
                        .anyMatch(t -> f.get("reference").stream().anyMatch(x -> fits(x, t))))
        .sorted(java.util.Comparator.comparing(Image::created).reversed())
        .forEach(i -> result.add(summary(i)));
    r.json(200, result);
  }

  private static boolean fits(String pattern, String tag) {
    ImageReference reference = ImageReference.parse(tag);
    String glob = pattern.replace(".", "\\.").replace("*", "[^/]*").replace("?", "[^/]");
    return reference.familiar().matches(glob) || reference.familiarName().matches(glob);
  }

  private static Json.JsonArray tags(Image i) {
    Json.JsonArray tags = Json.array();
    i.tags().forEach(t -> tags.add(ImageReference.parse(t).familiar()));
    return tags;
  }

  private Json summary(Image i) {
    long containers =
        engine.list().stream().filter(c -> c.spec().imageId().equals(i.id().toString())).count();
    Map<String, String> labels = i.config().stringMap("Labels");
    return Json.object()
        .put("Containers", containers)
        .put("Created", i.created().getEpochSecond())
        .put("Id", i.id().toString())
        .put("Labels", labels.isEmpty() ? Json.NULL : Json.strings(labels))
        .put("ParentId", "")
        .put("RepoDigests", Json.array())
        .put("RepoTags", tags(i))
        .put("SharedSize", -1)
        .put("Size", i.size());
  }

  private void inspect(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Image i = images().require(name(p));
    Json.JsonObject d = i.document();
    Json.JsonObject json =
        Json.object()
            .put("Id", i.id().toString())
            .put("RepoTags", tags(i))
            .put("RepoDigests", Json.array())
            .put("Parent", "")
            .put("Comment", d.string("comment", ""))
            .put("Created", i.createdText())
            .put("DockerVersion", d.string("docker_version", ""))
            .put("Author", d.string("author", ""))
            .put("Architecture", i.architecture())
            .put("Os", i.os())
            .put("Size", i.size())
            .put("GraphDriver", Json.object().put("Data", Json.NULL).put("Name", "overlay2"));
    Json.JsonArray layers = Json.array();
    i.diffIds().forEach(l -> layers.add(l.toString()));
    json.put("RootFS", Json.object().put("Type", "layers").put("Layers", layers));
    json.put("Metadata", Json.object().put("LastTagTime", "0001-01-01T00:00:00Z"));
    json.put("Config", i.config());
    r.json(200, json);
  }

  private void history(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Image i = images().require(name(p));
    Json.JsonArray result = Json.array();
    List<Json.JsonObject> steps = i.document().objects("history");
    for (int n = steps.size() - 1; n >= 0; n--) {
      Json.JsonObject step = steps.get(n);
      boolean top = n == steps.size() - 1;
      String created = step.string("created", "");
      result.add(
          Json.object()
              .put("Comment", step.string("comment", ""))
              .put("Created", created.isEmpty() ? 0 : Instant.parse(created).getEpochSecond())
              .put("CreatedBy", step.string("created_by", ""))
              .put("Id", top ? i.id().toString() : "<missing>")
              .put("Size", top && !step.bool("empty_layer", false) ? i.size() : 0)
              .put("Tags", top && !i.tags().isEmpty() ? tags(i) : Json.NULL));
    }
    r.json(200, result);
  }

  private void tag(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Image i = images().require(name(p));
    if (!q.text("repo").isEmpty()) {
      ImageReference reference = ImageReference.parse(q.text("repo"));
      reference =
          q.text("tag").isEmpty() ? reference.withDefaultTag() : reference.withTag(q.text("tag"));
      images().tag(i.id(), reference);
      event("tag", i, reference.familiar());
    }
    r.empty(201);
  }

  private void event(String action, Image i, String name) {
    engine.publishImage(action, i.id().toString(), Map.of("name", name));
  }

  private void remove(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    String name = name(p);
    Image i = images().require(name);
    boolean force = q.flag("force");
    String hex = name.startsWith("sha256:") ? name.substring(7) : name;
    boolean byId = i.id().hex().startsWith(hex);
    if (byId && i.tags().size() > 1 && !force) {
      throw new Failure.Conflict(
          "conflict: unable to delete "
              + i.id().hex().substring(0, 12)
              + " (must be forced) - image is referenced in multiple repositories");
    }
    boolean last = byId || i.tags().size() <= 1;
    if (last) {
      refuseIfUsed(i, name, byId, force);
    }
    Images.Removed removed =
        byId ? images().remove(i) : images().untag(ImageReference.parse(name).withDefaultTag());
    Json.JsonArray rows = Json.array();
    removed.untagged().forEach(t -> rows.add(Json.object().put("Untagged", t)));
    removed
        .untagged()
        .forEach(
            t ->
                engine.publishImage("untag", i.id().toString(), Map.of("name", i.id().toString())));
    removed.deleted().forEach(d -> rows.add(Json.object().put("Deleted", d)));
    if (!removed.deleted().isEmpty()) {
      event("delete", i, i.id().toString());
    }
    r.json(200, rows);
  }

  private void refuseIfUsed(Image i, String name, boolean byId, boolean force) {
    for (Container c : engine.list()) {
      if (!c.spec().imageId().equals(i.id().toString())) {
        continue;
      }
      boolean live = c.state() instanceof ContainerState.Live;
      String container = c.id().substring(0, 12);
      String image = i.id().hex().substring(0, 12);
      if (live) {
        throw new Failure.Conflict(
            byId || force
                ? "conflict: unable to delete "
                    + (byId ? image : name)
                    + " (cannot be forced) - image is being used by running container "
                    + container
                : "conflict: unable to remove repository reference \""
                    + name
                    + "\" (must force) - container "
                    + container
                    + " is using its referenced image "
                    + image);
      }
      if (!force) {
        throw new Failure.Conflict(
            byId
                ? "conflict: unable to delete "
                    + image
                    + " (must be forced) - image is being used by stopped container "
                    + container
                : "conflict: unable to remove repository reference \""
                    + name
                    + "\" (must force) - container "
                    + container
                    + " is using its referenced image "
                    + image);
      }
    }
  }

  private void create(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    if (!q.text("fromImage").isEmpty()) {
      String name = q.text("fromImage");
      String tag = q.text("tag");
      ImageReference reference =
          ImageReference.parse(tag.isEmpty() ? name : name + (tag.contains(":") ? "@" : ":") + tag)
              .withDefaultTag();
      throw new Failure.NotFound(
          "pull access denied for "
              + reference.familiarName()
              + ", repository does not exist or may require 'docker login': this engine has no registry client yet;"
              + " use load, import or 'gantry image bootstrap'");
    }
    if (!q.text("fromSrc").equals("-")) {
      throw new Failure.InvalidRequest(
          "import takes its archive from the request: fromSrc must be -");
    }
    ImageReference reference =
        q.text("repo").isEmpty()
            ? null
            : q.text("tag").isEmpty()
                ? ImageReference.parse(q.text("repo")).withDefaultTag()
                : ImageReference.parse(q.text("repo")).withTag(q.text("tag"));
    Json.JsonObject config = Changes.apply(Json.object(), q.texts("changes"));
    String message = q.text("message");
    Image image =
        images()
            .importRoot(
                q.body(),
                config,
                message.isEmpty() ? "Imported from -" : message,
                ContainerJson.time(Instant.now()),
                reference);
    event("import", image, image.id().toString());
    try (OutputStream out = r.stream(200, "application/json")) {
      line(out, Json.object().put("status", image.id().toString()));
    }
  }

  /// Beyond Docker's API: a base image made from packages, with its progress.
  private void bootstrap(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    try (OutputStream out = r.stream(200, "application/json")) {
      try {
        Image image =
            new dev.gantry.images.BootstrapImage(images())
                .make(q.text("name"), step -> status(out, step));
        status(out, "Made " + image.id());
      } catch (Failure e) {
        line(
            out,
            Json.object()
                .put("errorDetail", Json.object().put("message", e.text()))
                .put("error", e.text()));
      }
    }
  }

  private static void status(OutputStream out, String text) {
    try {
      line(out, Json.object().put("status", text));
    } catch (IOException e) {
      // whoever asked has gone; the image is made all the same
      return;
    }
  }

  private static void line(OutputStream out, Json json) throws IOException {
    out.write((json.text() + "\r\n").getBytes(StandardCharsets.UTF_8));
  }

  private void load(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    try (OutputStream out = r.stream(200, "application/json")) {
      try {
        for (ImageArchive.Loaded loaded : new ImageArchive(images()).load(q.body())) {
          loaded
              .names()
              .forEach(n -> event("load", loaded.image(), loaded.image().id().toString()));
          if (loaded.names().isEmpty()) {
            line(
                out, Json.object().put("stream", "Loaded image ID: " + loaded.image().id() + "\n"));
          }
          for (String n : loaded.names()) {
            line(out, Json.object().put("stream", "Loaded image: " + n + "\n"));
          }
        }
      } catch (Failure e) {
        line(
            out,
            Json.object()
                .put("errorDetail", Json.object().put("message", e.text()))
                .put("error", e.text()));
      }
    }
  }

  private void save(HttpResponse r, List<String> names) throws IOException {
    List<String> wanted = names.stream().flatMap(n -> List.of(n.split(",")).stream()).toList();
    wanted.forEach(n -> images().require(n));
    try (OutputStream out = r.stream(200, "application/x-tar")) {
      new ImageArchive(images()).save(wanted, out);
    }
    wanted.forEach(n -> images().find(n).ifPresent(i -> event("save", i, i.id().toString())));
  }

  private void prune(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f =
        Filters.parse(q.text("filters")).only(Set.of("dangling", "label", "label!", "until"));
    boolean all = f.has("dangling") && !f.bool("dangling");
    Json.JsonArray deleted = Json.array();
    long space = 0;
    for (Image i : images().list()) {
      boolean used =
          engine.list().stream().anyMatch(c -> c.spec().imageId().equals(i.id().toString()));
      if (!used && (all || i.tags().isEmpty())) {
        Images.Removed removed = images().remove(i);
        removed.untagged().forEach(t -> deleted.add(Json.object().put("Untagged", t)));
        removed.deleted().forEach(d -> deleted.add(Json.object().put("Deleted", d)));
        space += i.size();
      }
    }
    r.json(
        200,
        Json.object()
            .put("ImagesDeleted", deleted.isEmpty() ? Json.NULL : deleted)
            .put("SpaceReclaimed", space));
  }
}
