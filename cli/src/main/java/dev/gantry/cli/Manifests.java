package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/// `manifest …` and `image referrers`: what names mean in their registries, asked of the engine,
/// which knows how these are reached. Lists of several platforms are put together here and pushed.
final class Manifests {
  private Manifests() {}

  static Command command(String verb) {
    Flag insecure =
        Flag.bool("insecure", ' ', "No effect: the engine's settings say which registries are");
    return switch (verb) {
      case "annotate" ->
          Command.of(
              "[OPTIONS] MANIFEST_LIST MANIFEST",
              2,
              2,
              Manifests::annotate,
              Flag.text("os", ' ', "Operating system"),
              Flag.text("arch", ' ', "Architecture"),
              Flag.text("variant", ' ', "Variant of the architecture"),
              Flag.text("os-version", ' ', "Version of the operating system"),
              Flag.list("os-features", ' ', "What the operating system must have"));
      case "create" ->
          Command.of(
              "MANIFEST_LIST MANIFEST [MANIFEST...]",
              2,
              -1,
              Manifests::create,
              Flag.bool("amend", 'a', "Add to a list that is there"),
              insecure.hide());
      case "push" ->
          Command.of(
              "[OPTIONS] MANIFEST_LIST",
              1,
              1,
              Manifests::push,
              Flag.bool("purge", 'p', "Forget the list here once it is pushed"),
              insecure.hide());
      case "rm" -> Command.of("MANIFEST_LIST [MANIFEST_LIST...]", 1, -1, Manifests::remove);
      default ->
          Command.of(
              "[OPTIONS] [MANIFEST_LIST] MANIFEST",
              1,
              2,
              Manifests::inspect,
              insecure.hide(),
              Flag.bool("verbose", 'v', "With its descriptor"));
    };
  }

  static Command referrers() {
    return Command.of(
        "[OPTIONS] NAME[:TAG|@DIGEST]",
        1,
        1,
        Manifests::referrers,
        Flag.text("type", ' ', "Only artifacts of this type"),
        Flag.format(' '));
  }

  // ---- asking

  private static Json ask(Session session, Query query, ImageName name) {
    try (var body =
        session
            .engine()
            .reply("GET", query, "X-Registry-Auth", Logins.header(session, name.registry()))
            .body()) {
      return Json.parse(new String(body.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new Exit(1, "cannot read the engine's answer: " + e.getMessage());
    }
  }

  private static Json.JsonObject manifest(Session session, ImageName name) {
    return Session.object(
        ask(session, Query.of("/gantry/registry/{}/manifest", name.full()), name));
  }

  private static int inspect(Session session, Words words) {
    ImageName name = ImageName.parse(words.argument(0)).withDefaultTag();
    if (words.arguments().size() == 2) {
      Json.JsonObject entry = entry(ManifestDraft.require(session, name), words.argument(1));
      session.out().println(JsonWriter.indented(entry, "\t", false));
      return 0;
    }
    var draft = ManifestDraft.find(session, name);
    if (draft.isPresent()) {
      session.out().println(JsonWriter.indented(draft.get().index(), "\t", false));
      return 0;
    }
    Json.JsonObject answer = manifest(session, name);
    Json manifest = Json.parse(answer.string("Manifest", "{}"));
    Json shown =
        words.on("verbose")
            ? Json.object()
                .put("Ref", name.full())
                .put("Descriptor", answer.object("Descriptor").orElseGet(Json::object))
                .put("Manifest", manifest)
            : manifest;
    session.out().println(JsonWriter.indented(shown, "\t", false));
    return 0;
  }

  private static int referrers(Session session, Words words) {
    ImageName name = ImageName.parse(words.argument(0)).withDefaultTag();
    Rows rows =
        new Rows("*formatter.referrerContext")
            .column("DIGEST", "Digest")
            .column("TYPE", "Type")
            .column("SIZE", "Size")
            .column("ANNOTATIONS", "Annotations");
    Query query =
        Query.of("/gantry/registry/{}/referrers", name.full())
            .withText("type", words.text("type", ""));
    for (Json.JsonObject found : Session.objects(ask(session, query, name))) {
      StringBuilder annotations = new StringBuilder();
      found
          .stringMap("annotations")
          .forEach(
              (key, value) ->
                  annotations.append(annotations.isEmpty() ? "" : ",").append(key + "=" + value));
      rows.add(
          Json.object()
              .put("Digest", found.string("digest", ""))
              .put("Type", found.string("artifactType", found.string("mediaType", "")))
              .put("Size", Humans.size(found.number("size", 0)))
              .put("Annotations", annotations.toString()));
    }
    rows.print(session, words.text("format", ""));
    return 0;
  }

  // ---- lists

  private static int create(Session session, Words words) {
    ImageName name = ImageName.parse(words.argument(0)).withDefaultTag();
    var known = ManifestDraft.find(session, name);
    if (known.isPresent() && !words.on("amend")) {
      throw new Exit(1, "refusing to amend an existing manifest list with no --amend flag");
    }
    ManifestDraft draft = known.orElseGet(() -> ManifestDraft.empty(session, name));
    for (String text : words.arguments().subList(1, words.arguments().size())) {
      ImageName part = ImageName.parse(text).withDefaultTag();
      if (!part.registry().equals(name.registry())) {
        throw new Exit(
            1,
            "cannot use source images from a different registry than the target image: "
                + part.registry()
                + " != "
                + name.registry());
      }
      draft.entries().put(part.full(), described(session, part));
    }
    draft.save();
    session.out().println("Created manifest list " + name.full());
    return 0;
  }

  /// The entry of an image: its manifest's descriptor with the platform of its configuration.
  private static Json.JsonObject described(Session session, ImageName part) {
    Json.JsonObject answer =
        Session.object(ask(session, Query.of("/distribution/{}/json", part.full()), part));
    Json.JsonObject descriptor = answer.object("Descriptor").orElseGet(Json::object);
    String type = descriptor.string("mediaType", "");
    if (type.contains("index") || type.contains("list")) {
      throw new Exit(1, part.familiar() + " is a manifest list");
    }
    Json.JsonObject platform =
        answer.objects("Platforms").stream().findFirst().orElseGet(Json::object);
    return Json.object()
        .put("mediaType", type)
        .put("digest", descriptor.string("digest", ""))
        .put("size", descriptor.number("size", 0))
        .put("platform", platform);
  }

  private static Json.JsonObject entry(ManifestDraft draft, String text) {
    ImageName part = ImageName.parse(text).withDefaultTag();
    Json.JsonObject entry = draft.entries().get(part.full());
    if (entry == null) {
      throw new Exit(
          1, "manifest for image " + text + " does not exist in " + draft.name().familiar());
    }
    return entry;
  }

  private static int annotate(Session session, Words words) {
    ManifestDraft draft =
        ManifestDraft.require(session, ImageName.parse(words.argument(0)).withDefaultTag());
    Json.JsonObject entry = entry(draft, words.argument(1));
    Json.JsonObject platform = entry.object("platform").orElseGet(Json::object);
    Map<String, String> texts =
        Map.of(
            "os", "os", "arch", "architecture", "variant", "variant", "os-version", "os.version");
    texts.forEach((flag, key) -> words.text(flag).ifPresent(value -> platform.put(key, value)));
    if (!words.list("os-features").isEmpty()) {
      platform.put("os.features", Json.strings(words.list("os-features")));
    }
    entry.put("platform", platform);
    draft.save();
    return 0;
  }

  private static int push(Session session, Words words) {
    ManifestDraft draft =
        ManifestDraft.require(session, ImageName.parse(words.argument(0)).withDefaultTag());
    ImageName name = draft.name();
    draft
        .entries()
        .forEach(
            (ref, descriptor) -> {
              ImageName part = ImageName.parse(ref);
              String digest = descriptor.string("digest", "");
              if (!part.fullRepository().equals(name.fullRepository())) {
                ImageName source = new ImageName(part.repository(), "", digest);
                Json.JsonObject body =
                    Json.object()
                        .put("Manifest", manifest(session, source).string("Manifest", ""))
                        .put("From", part.fullRepository().replaceFirst("^[^/]*/", ""));
                ImageName target = new ImageName(name.repository(), "", digest);
                String pushed = put(session, target, body);
                session.out().println("Pushed ref " + target.full() + " with digest: " + pushed);
              }
            });
    Json.JsonObject body = Json.object().put("Manifest", JsonWriter.plain(draft.index()));
    session.out().println(put(session, name, body));
    if (words.on("purge")) {
      draft.remove();
    }
    return 0;
  }

  private static String put(Session session, ImageName name, Json.JsonObject body) {
    Json answer =
        session
            .engine()
            .call(
                "PUT",
                Query.of("/gantry/registry/{}/manifest", name.full()),
                Map.of("X-Registry-Auth", Logins.header(session, name.registry())),
                body);
    return Session.object(answer).string("Digest", "");
  }

  private static int remove(Session session, Words words) {
    for (String text : words.arguments()) {
      ManifestDraft.require(session, ImageName.parse(text).withDefaultTag()).remove();
    }
    return 0;
  }
}
