package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Engine;
import dev.gantry.images.Image;
import dev.gantry.images.Transfers;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.MediaTypes;
import dev.gantry.oci.Platform;
import dev.gantry.registryclient.Credentials;
import dev.gantry.registryclient.Fetched;
import dev.gantry.registryclient.Registries;
import dev.gantry.registryclient.Remote;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What the engine does with registries: pull, push, login, search, and looking at what a name
/// means there.
final class RegistryRoutes {
  private static final int MAX_CONFIG = 4 << 20; // as JSON in memory it may take 30 times that

  private final Engine engine;
  private final Transfers transfers;

  RegistryRoutes(Engine engine, Transfers transfers) {
    this.engine = engine;
    this.transfers = transfers;
  }

  void addTo(Router router) {
    router.on("POST", "/auth", this::login);
    router.on("GET", "/images/search", this::search);
    router.on("POST", "/images/{name:.*}/push", this::push);
    router.on("GET", "/distribution/{name:.*}/json", this::distribution);
    router.on("GET", "/gantry/registry/{name:.*}/manifest", this::manifest);
    router.on("GET", "/gantry/registry/{name:.*}/referrers", this::referrers);
    router.on("GET", "/gantry/registry/{name:.*}/tags", this::tags);
    router.on("PUT", "/gantry/registry/{name:.*}/manifest", this::putManifest);
  }

  private static Credentials credentials(HttpRequest q) {
    return Credentials.header(q.header("X-Registry-Auth").orElse(""));
  }

  private void event(String action, ImageReference reference, Image image) {
    String name = reference.familiar();
    engine.publishImage(action, name, names(image, reference.familiarName()));
  }

  private static Map<String, String> names(Image image, String name) {
    Map<String, String> attributes = new java.util.TreeMap<>(image.config().stringMap("Labels"));
    attributes.put("name", name);
    return attributes;
  }

  // ---- pull

  /// POST /images/create with `fromImage`.
  void pull(HttpRequest q, HttpResponse r) throws IOException {
    ImageReference given = ImageReference.parse(q.text("fromImage"));
    String tag = q.text("tag");
    ImageReference reference =
        tag.isEmpty()
            ? given
            : tag.startsWith("sha256:") || tag.startsWith("sha512:")
                ? new ImageReference(given.domain(), given.path(), null, Digest.parse(tag))
                : given.withTag(tag);
    Optional<Platform> platform =
        q.text("platform").isEmpty()
            ? Optional.empty()
            : Optional.of(Platform.parse(q.text("platform")));
    try (TransferLines lines = new TransferLines(r)) {
      try {
        if (reference.tagIfAny().isEmpty() && reference.digestIfAny().isEmpty()) {
          List<Image> all = transfers.pullAll(reference, platform, credentials(q), lines);
          event("pull", reference, all.getFirst());
        } else {
          Image image = transfers.pull(reference, platform, credentials(q), lines);
          event("pull", reference, image);
        }
      } catch (Failure e) {
        lines.failed(e);
      }
    }
  }

  // ---- push

  private void push(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    ImageReference given = ImageReference.parse(ImageRoutes.name(p));
    if (given.digestIfAny().isPresent()) {
      throw new Failure.InvalidRequest("cannot push a digest reference");
    }
    ImageReference reference = q.text("tag").isEmpty() ? given : given.withTag(q.text("tag"));
    Optional<Image> only =
        q.text("platform").isEmpty()
            ? Optional.empty()
            : Optional.of(
                ImageRoutes.require(engine, reference.withDefaultTag().familiar(), q, "platform"));
    try (TransferLines lines = new TransferLines(r)) {
      lines.line("The push refers to repository [" + given.name() + "]");
      try {
        for (ImageReference one : toPush(reference)) {
          Image image =
              engine
                  .images()
                  .named(one)
                  .orElseThrow(() -> new Failure.NotFound("tag does not exist: " + one.familiar()));
          if (only.isPresent()) {
            transfers.push(only.get(), one, credentials(q), lines);
          } else {
            transfers.pushAll(image, one, credentials(q), lines);
          }
          event("push", one, only.orElse(image));
        }
      } catch (Failure e) {
        lines.failed(e);
      }
    }
  }

  /// One tag, or all of a repository.
  private List<ImageReference> toPush(ImageReference reference) {
    List<ImageReference> all =
        engine.images().list().stream()
            .flatMap(i -> i.tagReferences().stream())
            .filter(t -> t.name().equals(reference.name()))
            .sorted(java.util.Comparator.comparing(ImageReference::toString))
            .toList();
    if (all.isEmpty()) {
      throw new Failure.NotFound(
          "An image does not exist locally with the tag: " + reference.familiarName());
    }
    return reference.tagIfAny().isEmpty() ? all : List.of(reference);
  }

  // ---- login, search

  private void login(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    byte[] body = q.body().readNBytes(1 << 20);
    Json.JsonObject json = authConfig(body);
    String token =
        transfers.registries().login(json.string("serveraddress", ""), Credentials.read(json));
    r.json(200, Json.object().put("IdentityToken", token).put("Status", "Login Succeeded"));
  }

  private static Json.JsonObject authConfig(byte[] body) {
    if (body.length == 0) {
      throw new Failure.InvalidRequest("EOF");
    }
    try {
      return Json.parseObject(new String(body, StandardCharsets.UTF_8));
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("unexpected EOF", null, e);
    }
  }

  private void search(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    int limit = 25;
    if (!q.text("limit").isEmpty()) {
      String text = q.text("limit");
      if (!text.matches("-?[0-9]{1,9}")) {
        throw new Failure.InvalidRequest(
            "invalid limit specified: strconv.Atoi: parsing "
                + Json.of(text).text()
                + ": invalid syntax");
      }
      limit = Integer.parseInt(text) == 0 ? 25 : Integer.parseInt(text);
    }
    if (limit < 1 || limit > 100) {
      throw new Failure.InvalidRequest("limit " + limit + " is outside the range of [1, 100]");
    }
    Filters f =
        Filters.parse(q.text("filters")).only(Set.of("is-automated", "is-official", "stars"));
    long stars = 0;
    for (String text : f.get("stars")) {
      if (!text.matches("[0-9]{1,9}")) {
        throw new Failure.InvalidRequest(
            "invalid filter 'stars="
                + text
                + "': strconv.Atoi: parsing "
                + Json.of(text).text()
                + ": invalid syntax");
      }
      stars = Math.max(stars, Long.parseLong(text));
    }
    boolean byOfficial = f.has("is-official");
    boolean official = byOfficial && f.bool("is-official");
    Json.JsonArray rows = Json.array();
    for (Registries.Found found :
        transfers.registries().search(q.text("term"), limit, credentials(q))) {
      if (found.stars() >= stars && (!byOfficial || found.official() == official)) {
        rows.add(
            Json.object()
                .put("star_count", found.stars())
                .put("is_official", found.official())
                .put("name", found.name())
                .put("is_automated", false)
                .put("description", found.description()));
      }
    }
    r.json(200, rows);
  }

  // ---- what a name means in its registry

  private static ImageReference reference(Map<String, String> path) {
    String name = ImageRoutes.name(path);
    if (name.matches("(sha256:)?[0-9a-f]{64}")) {
      throw new Failure.InvalidRequest("no manifest found for full image ID");
    }
    return ImageReference.parse(name).withDefaultTag();
  }

  private static String wanted(ImageReference reference) {
    return reference
        .digestIfAny()
        .map(Digest::toString)
        .orElseGet(() -> reference.tagIfAny().orElse("latest"));
  }

  private void distribution(HttpRequest q, HttpResponse r, Map<String, String> p)
      throws IOException {
    ImageReference reference = reference(p);
    Remote remote = transfers.registries().toRead(reference, credentials(q));
    Fetched top = remote.manifest(wanted(reference));
    ManifestDocument document = ManifestDocument.parse(top.bytes(), top.mediaType());
    Json.JsonArray platforms = Json.array();
    switch (document) {
      case ImageIndex index ->
          index.manifests().stream()
              .flatMap(m -> m.platformIfAny().stream())
              .forEach(pl -> platforms.add(pl.json()));
      case Manifest m -> {
        byte[] config = remote.blob(m.config(), MAX_CONFIG);
        platforms.add(
            Platform.read(Json.parseObject(new String(config, StandardCharsets.UTF_8))).json());
      }
    }
    r.json(
        200,
        Json.object()
            .put(
                "Descriptor",
                new Descriptor(document.mediaType(), top.digest(), top.bytes().length).json())
            .put("Platforms", platforms));
  }

  /// Beyond Docker's API: the manifest itself, as the registry has it.
  private void manifest(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    ImageReference reference = reference(p);
    Remote remote = transfers.registries().toRead(reference, credentials(q));
    Fetched top = remote.manifest(wanted(reference));
    r.json(
        200,
        Json.object()
            .put(
                "Descriptor",
                new Descriptor(top.mediaType(), top.digest(), top.bytes().length).json())
            .put("Manifest", new String(top.bytes(), StandardCharsets.UTF_8)));
  }

  /// Beyond Docker's API: stores the manifest or index in the body's `Manifest` under the name.
  /// What it names is taken over from the repository `From` of the same registry.
  private void putManifest(HttpRequest q, HttpResponse r, Map<String, String> p)
      throws IOException {
    ImageReference reference = reference(p);
    Json.JsonObject body = q.json();
    byte[] bytes = body.string("Manifest", "").getBytes(StandardCharsets.UTF_8);
    ManifestDocument document = ManifestDocument.parse(bytes, "");
    Remote remote = transfers.registries().toWrite(reference, credentials(q));
    String from = body.string("From", "");
    if (!from.isEmpty() && document instanceof Manifest manifest) {
      List<Descriptor> blobs = new ArrayList<>(manifest.layers());
      blobs.add(manifest.config());
      for (Descriptor blob : blobs) {
        boolean there = remote.has(blob.digest()) || remote.mount(blob.digest(), from);
        if (!there && !MediaTypes.isForeign(blob.mediaType())) {
          throw new Failure.NotFound(
              reference.familiarName() + " cannot take " + blob.digest() + " from " + from);
        }
      }
    }
    remote.putManifest(wanted(reference), document.mediaType(), bytes);
    r.json(201, Json.object().put("Digest", Digest.of(bytes).toString()));
  }

  /// Beyond Docker's API: what refers to the image (signatures, bills of materials).
  private void referrers(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    ImageReference reference = reference(p);
    Remote remote = transfers.registries().toRead(reference, credentials(q));
    Digest digest =
        reference.digestIfAny().orElseGet(() -> remote.manifest(wanted(reference)).digest());
    r.json(200, remote.referrers(digest, q.text("type")));
  }

  /// Beyond Docker's API: the tags of a repository in its registry.
  private void tags(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    ImageReference reference = reference(p);
    Json.JsonArray tags = Json.array();
    transfers.registries().toRead(reference, credentials(q)).tags().forEach(tags::add);
    r.json(200, tags);
  }
}
