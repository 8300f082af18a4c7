package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerState;
import dev.gantry.engine.Engine;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.images.TagHistory;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// /images that are here: list, inspect, history, tag, remove, prune. [ImageTransferRoutes] has
/// those that move images.
final class ImageRoutes {
  private static final Set<String> FILTERS =
      Set.of("before", "dangling", "label", "label!", "reference", "since", "until");

  private final Engine engine;

  ImageRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("GET", "/images/json", this::list);
    router.on("POST", "/images/prune", this::prune);
    router.on("GET", "/gantry/images/{name:.*}/tags", this::tags);
    router.on("POST", "/gantry/images/{name:.*}/rollback", this::rollBack);
    router.on("POST", "/gantry/images/verify", this::verify);
    router.on("GET", "/images/{name:.*}/json", this::inspect);
    router.on("GET", "/images/{name:.*}/history", this::history);
    router.on("POST", "/images/{name:.*}/tag", this::tag);
    router.on("DELETE", "/images/{name:.*}", this::remove);
  }

  static String name(Map<String, String> path) {
    return path.getOrDefault("name", "");
  }

  private Images images() {
    return engine.images();
  }

  private void event(String action, Image i, String name) {
    engine.publishImage(action, i.id().toString(), Map.of("name", name));
  }

  // ---- list

  private void list(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f = Filters.parse(q.text("filters")).only(FILTERS);
    List<Image> all = images().list();
    List<Pattern> references = f.get("reference").stream().map(ImageRoutes::glob).toList();
    boolean sharedSize = q.flag("shared-size");
    boolean identity = q.version().atLeast(54) && q.flag("identity");
    if (identity && !q.flag("manifests")) {
      throw new Failure.InvalidRequest("conflicting options: identity requires manifests=1");
    }
    Json.JsonArray result = Json.array();
    filtered(all, f)
        .filter(images()::standsForAName)
        .map(i -> references.isEmpty() ? i : i.onlyNames(n -> fits(references, n)))
        .filter(i -> references.isEmpty() || !i.names().isEmpty())
        .sorted(Comparator.comparing(Image::created).reversed())
        .forEach(
            i ->
                result.add(
                    ImageJson.summary(
                        engine,
                        i,
                        q.version(),
                        sharedSize ? ImageJson.shared(engine, i, all) : -1,
                        q.flag("manifests"),
                        identity)));
    r.json(200, result);
  }

  /// What list and prune have in common.
  private java.util.stream.Stream<Image> filtered(List<Image> all, Filters f) {
    Optional<Instant> before =
        f.get("before").stream().findFirst().map(x -> images().require(x).created());
    Optional<Instant> since =
        f.get("since").stream().findFirst().map(x -> images().require(x).created());
    Optional<Instant> until = f.get("until").stream().findFirst().map(PruneTime::parse);
    Optional<Boolean> dangling =
        f.has("dangling") ? Optional.of(f.bool("dangling")) : Optional.empty();
    return all.stream()
        .filter(i -> dangling.map(d -> i.tags().isEmpty() == d).orElse(true))
        .filter(i -> before.map(b -> i.created().isBefore(b)).orElse(true))
        .filter(i -> since.map(s -> i.created().isAfter(s)).orElse(true))
        .filter(i -> until.map(u -> i.created().isBefore(u)).orElse(true))
        .filter(i -> f.labels("label", i.config().stringMap("Labels")))
        .filter(i -> !f.has("label!") || !f.labels("label!", i.config().stringMap("Labels")));
  }

  private static boolean fits(List<Pattern> patterns, ImageReference name) {
    return patterns.stream()
        .anyMatch(
            x -> x.matcher(name.familiar()).matches() || x.matcher(name.familiarName()).matches());
  }

  /// A shell pattern in which no wildcard matches a slash.
  private static Pattern glob(String text) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '*' -> regex.append("[^/]*");
        case '?' -> regex.append("[^/]");
        case '[' -> {
          int close = text.indexOf(']', i + 2);
          if (close < 0) {
            throw new Failure.InvalidRequest("syntax error in pattern");
          }
          String set = text.substring(i + 1, close).replace("\\", "\\\\").replace("[", "\\[");
          regex.append('[').append(set.replace("&&", "&\\&")).append(']');
          i = close;
        }
        case '\\' -> {
          if (++i == text.length()) {
            throw new Failure.InvalidRequest("syntax error in pattern");
          }
          regex.append(Pattern.quote(text.substring(i, i + 1)));
        }
        default -> regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    return Pattern.compile(regex.toString());
  }

  // ---- one image

  /// The image, of the platform that the request wants; refused if that is not here.
  static Image require(Engine engine, String name, HttpRequest q, String parameter) {
    Optional<Platform> wanted = platform(q.text(parameter));
    Image image =
        engine
            .images()
            .find(name, wanted)
            .orElseGet(() -> engine.images().require(name)); // says that there is none
    if (wanted.map(w -> w.match(image.platform()) == 0).orElse(false)) {
      throw mismatch(name, image, wanted.get());
    }
    return image;
  }

  static Failure.NotFound mismatch(String name, Image image, Platform wanted) {
    return new Failure.NotFound(
        "image with reference "
            + name
            + " was found but its platform ("
            + image.platform()
            + ") does not match the specified platform ("
            + wanted
            + ")");
  }

  /// A platform as the newer endpoints take it: a JSON object.
  static Optional<Platform> platform(String json) {
    if (json.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(Platform.read(Json.parseObject(json)));
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("failed to parse platform: " + e.text(), null, e);
    }
  }

  /// The platforms of an archive that is saved or loaded; none for all of them.
  static List<Platform> platforms(HttpRequest q) {
    List<String> texts = q.version().atLeast(48) ? q.texts("platform") : List.of();
    if (texts.size() > 1 && !q.version().atLeast(52)) {
      throw new Failure.InvalidRequest(
          "multiple platform parameters are not supported in this API version; use API version"
              + " 1.52 or later");
    }
    return texts.stream().flatMap(t -> platform(t).stream()).toList();
  }

  private void inspect(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    if (q.flag("manifests") && !q.text("platform").isEmpty()) {
      throw new Failure.InvalidRequest(
          "conflicting options: manifests and platform options cannot both be set");
    }
    Image image = require(engine, name(p), q, "platform");
    r.escapedJson(200, ImageJson.inspect(engine, image, q.version(), q.flag("manifests")));
  }

  private void history(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    r.json(200, ImageJson.history(engine, require(engine, name(p), q, "platform")));
  }

  private void tag(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Image i = images().require(name(p));
    if (q.text("repo").isEmpty()) {
      r.empty(200);
      return;
    }
    ImageReference reference = ImageReference.parse(q.text("repo"));
    if (reference.digestIfAny().isPresent()) {
      throw new Failure.InvalidRequest("cannot import digest reference");
    }
    reference =
        q.text("tag").isEmpty() ? reference.withDefaultTag() : reference.withTag(q.text("tag"));
    images().tag(name(p), reference);
    event("tag", i, reference.familiar());
    r.empty(201);
  }

  // ---- history of tags (beyond Docker's API)

  private void tags(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    ImageReference reference = ImageReference.parse(name(p));
    List<ImageReference> tags =
        reference.tagIfAny().isPresent()
            ? List.of(reference)
            : images().history().tagsOf(reference);
    Json.JsonArray rows = Json.array();
    for (ImageReference tag : tags) {
      Optional<Image> now = images().named(tag);
      boolean first = true;
      for (TagHistory.Point point : images().history().of(tag)) {
        Optional<Image> image = images().byId(point.id());
        rows.add(
            Json.object()
                .put("Name", tag.familiar())
                .put("Id", point.id().toString())
                .put("At", ContainerJson.time(point.at()))
                .put("Current", first && now.map(n -> n.id().equals(point.id())).orElse(false))
                .put("Present", image.isPresent())
                .put("Size", image.map(Image::size).orElse(0L)));
        first = false;
      }
    }
    if (rows.isEmpty()) {
      throw new Failure.NotFound("No such image: " + reference.withDefaultTag().familiar());
    }
    r.json(200, rows);
  }

  private void rollBack(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    ImageReference reference = ImageReference.parse(name(p)).withDefaultTag();
    Image image = images().rollBack(reference);
    event("tag", image, reference.familiar());
    r.json(200, Json.object().put("Name", reference.familiar()).put("Id", image.id().toString()));
  }

  private void verify(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Json.JsonArray rows = Json.array();
    for (Images.Damage damage : images().verify()) {
      rows.add(
          Json.object()
              .put("Digest", damage.digest().toString())
              .put("Missing", damage.missing())
              .put("Images", Json.strings(damage.images())));
    }
    r.json(200, Json.object().put("Damaged", rows));
  }

  // ---- removal

  private void remove(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    String name = name(p);
    Image i = require(engine, name, q, "platforms");
    boolean force = q.flag("force");
    String hex = name.startsWith("sha256:") ? name.substring(7) : name;
    boolean byId = i.id().hex().startsWith(hex);
    Images.Removed removed;
    if (!q.text("platforms").isEmpty() && images().platforms(name).size() > 1) {
      refuseIfUsed(i, name, false, force);
      removed = images().remove(i); // the name goes on standing for the others
    } else if (byId) {
      if (!i.hasOneName() && !force) {
        throw new Failure.Conflict(
            "conflict: unable to delete "
                + i.id().shortHex()
                + " (must be forced) - image is referenced in multiple repositories");
      }
      refuseIfUsed(i, name, true, force);
      removed = images().remove(i);
    } else {
      ImageReference reference = ImageReference.parse(name).withDefaultTag();
      boolean last = isLast(i, reference);
      boolean running = last && user(i, true).isPresent();
      if (last && !(running && force)) {
        images().platforms(name).forEach(x -> refuseIfUsed(x, name, false, force));
      }
      removed = running && force ? untagOnly(i, reference) : images().untag(reference);
    }
    Json.JsonArray rows = Json.array();
    removed.untagged().forEach(t -> rows.add(Json.object().put("Untagged", t)));
    if (!removed.untagged().isEmpty()) {
      event("untag", i, i.id().toString());
    }
    removed.deleted().forEach(d -> rows.add(Json.object().put("Deleted", d)));
    if (!removed.deleted().isEmpty()) {
      event("delete", i, i.id().toString());
    }
    r.json(200, rows);
  }

  /// True if the image loses its last name with this one.
  private static boolean isLast(Image i, ImageReference reference) {
    return i.names().stream()
            .allMatch(
                n ->
                    n.name().equals(reference.name())
                        && (n.equals(reference) || n.digestIfAny().isPresent()))
        || i.names().size() <= 1;
  }

  /// A running container keeps its image: only the name goes.
  private Images.Removed untagOnly(Image i, ImageReference reference) {
    return images().forget(i, reference);
  }

  private Optional<Container> user(Image i, boolean running) {
    return engine.list().stream()
        .filter(c -> c.spec().imageId().equals(i.id().toString()))
        .filter(c -> !running || c.state() instanceof ContainerState.Live)
        .findFirst();
  }

  private void refuseIfUsed(Image i, String name, boolean byId, boolean force) {
    Optional<Container> live = user(i, true);
    Optional<Container> any = live.or(() -> user(i, false));
    if (any.isEmpty() || live.isEmpty() && force) {
      return;
    }
    String container = any.get().id().substring(0, 12);
    String image = i.id().shortHex();
    if (byId) {
      throw new Failure.Conflict(
          "conflict: unable to delete "
              + image
              + (live.isPresent() ? " (cannot be forced)" : " (must be forced)")
              + " - image is being used by "
              + (live.isPresent() ? "running" : "stopped")
              + " container "
              + container);
    }
    throw new Failure.Conflict(
        "conflict: unable to remove repository reference \""
            + name
            + "\" (must force) - container "
            + container
            + " is using its referenced image "
            + image);
  }

  private void prune(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f =
        Filters.parse(q.text("filters")).only(Set.of("dangling", "label", "label!", "until"));
    boolean all = f.has("dangling") && !f.bool("dangling");
    Json.JsonArray deleted = Json.array();
    long space = 0;
    List<Image> chosen = new ArrayList<>(filtered(images().list(), f.without("dangling")).toList());
    for (Image i : chosen) {
      if (user(i, false).isEmpty() && (all || i.tags().isEmpty())) {
        long unique = i.size() - ImageJson.shared(engine, i, images().list());
        Images.Removed removed = images().remove(i);
        removed.untagged().forEach(t -> deleted.add(Json.object().put("Untagged", t)));
        removed.deleted().forEach(d -> deleted.add(Json.object().put("Deleted", d)));
        event("delete", i, i.id().toString());
        space += unique;
      }
    }
    images().collect();
    engine.publishEvent("image", "prune", "", Map.of("reclaimed", Long.toString(space)));
    r.json(
        200,
        Json.object()
            .put("ImagesDeleted", deleted.isEmpty() ? Json.NULL : deleted)
            .put("SpaceReclaimed", space));
  }
}
