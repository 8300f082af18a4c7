package dev.gantry.cli;

import dev.gantry.client.ApiError;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The commands about images, and those of them that are one call each.
final class Images {
  private static final int STDOUT = 1;

  private Images() {}

  static Command command(String verb) {
    return switch (verb) {
      case "build" -> Builds.command();
      case "ls" -> ImageList.command();
      case "history" -> ImageList.history();
      case "pull" -> Pulls.pull();
      case "push" -> Pulls.push();
      case "rm" ->
          Command.of(
              "[OPTIONS] IMAGE [IMAGE...]",
              1,
              -1,
              Images::remove,
              Flag.bool("force", 'f', "Even if stopped containers use it or it has several names"),
              Flag.bool("no-prune", ' ', "Keep nameless parents"),
              Flag.list("platform", ' ', "Only this platform of it").hide());
      case "tag" -> Command.of("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", 2, 2, Images::tag);
      case "save" ->
          Command.of(
              "[OPTIONS] IMAGE [IMAGE...]",
              1,
              -1,
              Images::save,
              Flag.text("output", 'o', "Write to this file"),
              Pulls.platform());
      case "load" ->
          Command.of(
              "[OPTIONS]",
              0,
              0,
              Images::load,
              Flag.text("input", 'i', "Read from this file"),
              Pulls.platform(),
              Flag.bool("quiet", 'q', "Without the progress"));
      case "import" ->
          Command.of(
              "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
              1,
              2,
              Images::importTar,
              Flag.list("change", 'c', "A line of a Dockerfile to apply"),
              Flag.text("message", 'm', "What it is about"),
              Pulls.platform());
      case "inspect" -> Inspects.command("[OPTIONS] IMAGE [IMAGE...]", "image", Pulls.platform());
      case "tags" -> TagHistories.tags();
      case "referrers" -> Manifests.referrers();
      case "rollback" -> TagHistories.rollback();
      case "verify" -> TagHistories.verify();
      case "prune" -> Prunes.command("image");
      case "bootstrap" ->
          Command.of(
              "[OPTIONS] DISTRIBUTION[:SUITE]",
              1,
              1,
              Images::bootstrap,
              Flag.bool("quiet", 'q', "Without the progress"));
      default -> throw new IllegalStateException(verb);
    };
  }

  private static int remove(Session session, Words words) {
    List<String> problems = new ArrayList<>();
    boolean lasting = false;
    for (String name : words.arguments()) {
      Query query =
          Query.of("/images/{}", name)
              .with("force", words.on("force"))
              .with("noprune", words.on("no-prune"));
      try {
        for (Json.JsonObject done : Session.objects(session.engine().delete(query))) {
          done.string("Untagged").ifPresent(t -> session.out().println("Untagged: " + t));
          done.string("Deleted").ifPresent(d -> session.out().println("Deleted: " + d));
        }
      } catch (ApiError e) {
        lasting |= e.status() != 404 || !words.on("force");
        problems.add("Error response from daemon: " + e.text());
      }
    }
    session.out().flush();
    problems.forEach(session.err()::println);
    return lasting ? 1 : 0;
  }

  private static int tag(Session session, Words words) {
    ImageName target;
    try {
      target = ImageName.parse(words.argument(1));
    } catch (Refused e) {
      throw new Exit(
          1,
          "Error parsing reference: \""
              + words.argument(1)
              + "\" is not a valid repository/tag: "
              + e.text());
    }
    if (!target.digest().isEmpty()) {
      throw new Exit(1, "refusing to create a tag with a digest reference");
    }
    session
        .engine()
        .post(
            Query.of("/images/{}/tag", words.argument(0))
                .with("repo", target.familiarRepository())
                .with("tag", target.withDefaultTag().tag()),
            null);
    return 0;
  }

  private static int save(Session session, Words words) throws IOException {
    String file = words.text("output", "");
    Copies.Output.refuseTerminal(file);
    Query query = Query.of("/images/get").withText("platform", words.text("platform", ""));
    words.arguments().forEach(name -> query.with("names", name));
    try (InputStream archive = session.engine().open("GET", query, null)) {
      Copies.Output.write(session, archive, file);
    }
    return 0;
  }

  static InputStream source(Session session, String name) {
    try {
      return name.isEmpty() || name.equals("-") ? session.in() : new FileInputStream(name);
    } catch (IOException e) {
      boolean refused = String.valueOf(e.getMessage()).contains("Permission denied");
      throw new Exit(
          1, "open " + name + ": " + (refused ? "permission denied" : "no such file or directory"));
    }
  }

  private static int load(Session session, Words words) throws IOException {
    if (!words.has("input") && Streams.inputIsTerminal()) {
      throw new Exit(1, "requested load from stdin, but stdin is empty");
    }
    boolean quiet = words.on("quiet") || !Streams.outputIsTerminal();
    Query query =
        Query.of("/images/load")
            .with("quiet", quiet ? "1" : "0")
            .withText("platform", words.text("platform", ""));
    try (InputStream archive = source(session, words.text("input", ""))) {
      Progress.show(session.engine().upload(query, archive), session.out(), STDOUT, false);
    }
    return 0;
  }

  private static int importTar(Session session, Words words) throws IOException {
    String source = words.argument(0);
    boolean far = source.matches("(?i)https?://.+");
    Query query = Query.of("/images/create").with("fromSrc", far ? source : "-");
    if (words.arguments().size() > 1) {
      ImageName target = ImageName.parse(words.argument(1)).withDefaultTag();
      query.with("repo", target.familiarRepository()).with("tag", target.tag());
    }
    words.list("change").forEach(change -> query.with("changes", change));
    query
        .withText("message", words.text("message", ""))
        .withText("platform", words.text("platform", ""));
    if (far) {
      Progress.show(session.engine().open("POST", query, null), session.out(), STDOUT, false);
      return 0;
    }
    try (InputStream archive = source(session, source)) {
      Progress.show(session.engine().upload(query, archive), session.out(), STDOUT, false);
    }
    return 0;
  }

  /// The engine makes the image itself; Docker's cannot, and says that there is no such page.
  private static int bootstrap(Session session, Words words) throws IOException {
    String name = words.argument(0);
    try {
      Query query = Query.of("/gantry/images/bootstrap").with("name", name);
      Progress.show(
          session.engine().open("POST", query, null), session.err(), 2, words.on("quiet"));
    } catch (ApiError e) {
      if (e.status() == 404 && e.text().contains("page not found")) {
        throw new Exit(
            1, "this engine cannot make base images: " + session.engine().address().text());
      }
      throw e;
    }
    session.out().println(ImageName.parse(name).withDefaultTag().familiar());
    return 0;
  }

  /// The rows of `images` and `system df -v` that an image of the API makes: one for each tag.
  static List<Json.JsonObject> rows(Json.JsonObject image, boolean whole, boolean digests) {
    Map<String, List<String>> tags = byRepository(image.strings("RepoTags"), ':');
    Map<String, List<String>> hashes = byRepository(image.strings("RepoDigests"), '@');
    List<Json.JsonObject> rows = new ArrayList<>();
    tags.forEach(
        (repository, names) -> {
          List<String> known = hashes.getOrDefault(repository, List.of());
          for (String tag : names) {
            if (!digests || known.isEmpty()) {
              rows.add(row(image, whole, repository, tag, ImageList.NONE));
            }
            if (digests) {
              known.forEach(digest -> rows.add(row(image, whole, repository, tag, digest)));
            }
          }
        });
    if (tags.isEmpty()) {
      hashes.forEach(
          (repository, known) ->
              (digests ? known : List.of(ImageList.NONE))
                  .forEach(
                      digest -> rows.add(row(image, whole, repository, ImageList.NONE, digest))));
    }
    if (rows.isEmpty()) {
      rows.add(row(image, whole, ImageList.NONE, ImageList.NONE, ImageList.NONE));
    }
    return rows;
  }

  private static Map<String, List<String>> byRepository(List<String> names, char separator) {
    Map<String, List<String>> all = new LinkedHashMap<>();
    for (String name : names) {
      int at = name.lastIndexOf(separator);
      if (at > 0 && !name.startsWith("<none>")) {
        all.computeIfAbsent(name.substring(0, at), r -> new ArrayList<>())
            .add(name.substring(at + 1));
      }
    }
    return all;
  }

  private static Json.JsonObject row(
      Json.JsonObject image, boolean whole, String repository, String tag, String digest) {
    long created = image.number("Created", 0);
    long containers = image.number("Containers", -1);
    long shared = image.number("SharedSize", -1);
    long size = image.number("Size", 0);
    return Json.object()
        .put("ID", ImageList.shortId(image.string("Id", ""), whole))
        .put("Repository", repository)
        .put("Tag", tag)
        .put("Digest", digest)
        .put("CreatedSince", Times.ago(created))
        .put("CreatedAt", Times.zoned(created))
        .put("Size", Humans.size(size))
        .put("Containers", containers < 0 ? "N/A" : Long.toString(containers))
        .put("VirtualSize", Humans.size(size))
        .put("SharedSize", shared < 0 ? "N/A" : Humans.size(shared))
        .put("UniqueSize", shared < 0 ? "N/A" : Humans.size(size - shared, 4));
  }
}
