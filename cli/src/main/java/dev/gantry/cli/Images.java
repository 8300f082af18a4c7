package dev.gantry.cli;

import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/// The commands about images.
final class Images {
  private static final String NONE = "<none>";

  private Images() {}

  static List<Command> commands() {
    return List.of(
        Command.of(
            "images",
            "[OPTIONS] [REPOSITORY[:TAG]]",
            "List images",
            List.of(
                Flag.bool("all", 'a', "Show all images (default hides intermediate images)"),
                Flag.bool("digests", ' ', "Show digests"),
                Flag.list("filter", 'f', "Filter output based on conditions provided"),
                Flag.text("format", ' ', "Format output using a custom template"),
                Flag.bool("no-trunc", ' ', "Don't truncate output"),
                Flag.bool("quiet", 'q', "Only show image IDs")),
            0,
            1,
            Images::list),
        Command.of(
            "pull",
            "[OPTIONS] NAME[:TAG|@DIGEST]",
            "Download an image from a registry",
            List.of(
                Flag.bool("quiet", 'q', "Suppress verbose output"),
                Flag.text("platform", ' ', "Set platform if server is multi-platform capable")),
            1,
            1,
            (session, words) -> {
              pull(session, words.argument(0), words.on("quiet"));
              session.out().println(withTag(words.argument(0)));
              return 0;
            }),
        Command.of(
            "rmi",
            "[OPTIONS] IMAGE [IMAGE...]",
            "Remove one or more images",
            List.of(
                Flag.bool("force", 'f', "Force removal of the image"),
                Flag.bool("no-prune", ' ', "Do not delete untagged parents")),
            1,
            -1,
            Images::remove),
        Command.of(
            "tag",
            "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
            "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
            List.of(),
            2,
            2,
            Images::tag),
        Command.of(
            "save",
            "[OPTIONS] IMAGE [IMAGE...]",
            "Save one or more images to a tar archive (streamed to STDOUT by default)",
            List.of(Flag.text("output", 'o', "Write to a file, instead of STDOUT")),
            1,
            -1,
            Images::save),
        Command.of(
            "load",
            "[OPTIONS]",
            "Load an image from a tar archive or STDIN",
            List.of(
                Flag.text("input", 'i', "Read from tar archive file, instead of STDIN"),
                Flag.bool("quiet", 'q', "Suppress the load output")),
            0,
            0,
            Images::load),
        Command.of(
            "import",
            "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
            "Import the contents from a tarball to create a filesystem image",
            List.of(
                Flag.list("change", 'c', "Apply Dockerfile instruction to the created image"),
                Flag.text("message", 'm', "Set commit message for imported image"),
                Flag.text("platform", ' ', "Set platform if server is multi-platform capable")),
            1,
            2,
            Images::importTar),
        Command.of(
            "history",
            "[OPTIONS] IMAGE",
            "Show the history of an image",
            List.of(
                Flag.text("format", ' ', "Format output using a custom template"),
                Flag.bool("human", 'H', "Print sizes and dates in human readable format"),
                Flag.bool("no-trunc", ' ', "Don't truncate output"),
                Flag.bool("quiet", 'q', "Only show image IDs")),
            1,
            1,
            Images::history),
        Command.of(
            "image bootstrap",
            "[OPTIONS] DISTRIBUTION[:SUITE]",
            "Make a base image from the packages of this machine's own mirror, e.g. debian:bookworm",
            List.of(Flag.bool("quiet", 'q', "Suppress the progress")),
            1,
            1,
            Images::bootstrap));
  }

  static String withTag(String name) {
    boolean tagged = name.substring(name.lastIndexOf('/') + 1).indexOf(':') >= 0;
    return tagged || name.indexOf('@') >= 0 ? name : name + ":latest";
  }

  private static String shortId(String id, boolean whole) {
    return whole || !id.startsWith("sha256:") ? id : id.substring(7, Math.min(id.length(), 19));
  }

  static String ago(long seconds) {
    return Humans.duration(Duration.between(Instant.ofEpochSecond(seconds), Instant.now()))
        + " ago";
  }

  static void pull(Session session, String image, boolean quiet) throws IOException {
    String full = withTag(image);
    int at = full.indexOf('@') >= 0 ? full.indexOf('@') : full.lastIndexOf(':');
    Query query =
        Query.of("/images/create")
            .with("fromImage", full.substring(0, at))
            .with("tag", full.substring(at + 1));
    progress(session, session.engine().open("POST", query, null), quiet);
  }

  /// Prints the lines of a progress stream; an error in it ends the command.
  private static void progress(Session session, InputStream stream, boolean quiet)
      throws IOException {
    try (stream) {
      EngineClient.each(
          stream,
          message -> {
            message
                .string("error")
                .ifPresent(
                    e -> {
                      throw new Exit(1, e);
                    });
            String id = message.string("id", "");
            String status = message.string("status", message.string("stream", "").strip());
            boolean bar =
                message.has("progressDetail") && !message.string("progress", "").isEmpty();
            if (!quiet && !status.isEmpty() && !bar) {
              session.err().println(id.isEmpty() ? status : id + ": " + status);
            }
          });
    }
  }

  private static int list(Session session, Words words) {
    Query query =
        Query.of("/images/json")
            .with("all", words.on("all"))
            .withText(
                "filters",
                Containers.filters(words, words.arguments().isEmpty() ? "" : words.argument(0)));
    boolean whole = words.on("no-trunc");
    List<Json.JsonObject> rows = new ArrayList<>();
    for (Json item : Session.items(session.engine().get(query))) {
      Json.JsonObject image = Session.object(item);
      List<String> tags = image.strings("RepoTags");
      for (String tag : tags.isEmpty() ? List.of(NONE + ":" + NONE) : tags) {
        int colon = tag.lastIndexOf(':');
        rows.add(
            Json.object()
                .put("ID", shortId(image.string("Id", ""), whole))
                .put("Repository", tag.substring(0, colon))
                .put("Tag", tag.substring(colon + 1))
                .put("Digest", NONE)
                .put("CreatedSince", ago(image.number("Created", 0)))
                .put("CreatedAt", Instant.ofEpochSecond(image.number("Created", 0)).toString())
                .put("Size", Humans.size(image.number("Size", 0))));
      }
    }
    if (words.on("quiet")) {
      rows.stream().map(r -> r.string("ID", "")).distinct().forEach(session.out()::println);
      return 0;
    }
    List<Rows.Column> columns =
        new ArrayList<>(
            List.of(new Rows.Column("REPOSITORY", "Repository"), new Rows.Column("TAG", "Tag")));
    if (words.on("digests")) {
      columns.add(new Rows.Column("DIGEST", "Digest"));
    }
    columns.addAll(
        List.of(
            new Rows.Column("IMAGE ID", "ID"),
            new Rows.Column("CREATED", "CreatedSince"),
            new Rows.Column("SIZE", "Size")));
    Rows.print(session, columns, rows, words.text("format", ""));
    return 0;
  }

  private static int remove(Session session, Words words) throws Exception {
    return session.each(
        words.arguments(),
        name -> {
          Query query =
              Query.of("/images/{}", name)
                  .with("force", words.on("force"))
                  .with("noprune", words.on("no-prune"));
          for (Json step : Session.items(session.engine().delete(query))) {
            Json.JsonObject done = Session.object(step);
            done.string("Untagged").ifPresent(t -> session.out().println("Untagged: " + t));
            done.string("Deleted").ifPresent(d -> session.out().println("Deleted: " + d));
          }
        });
  }

  private static int tag(Session session, Words words) {
    String target = withTag(words.argument(1));
    int colon = target.lastIndexOf(':');
    session
        .engine()
        .post(
            Query.of("/images/{}/tag", words.argument(0))
                .with("repo", target.substring(0, colon))
                .with("tag", target.substring(colon + 1)),
            null);
    return 0;
  }

  private static int save(Session session, Words words) throws IOException {
    boolean file = words.has("output");
    if (!file && dev.gantry.kernel.Terminals.isTerminal(1)) {
      throw new Exit(1, "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    Query query = Query.of("/images/get");
    words.arguments().forEach(name -> query.with("names", name));
    try (InputStream archive = session.engine().open("GET", query, null);
        OutputStream out =
            file
                ? Files.newOutputStream(Path.of(words.text("output", "")))
                : OutputStream.nullOutputStream()) {
      archive.transferTo(file ? out : session.rawOut());
    }
    return 0;
  }

  private static InputStream source(Session session, String name) {
    try {
      return name.isEmpty() || name.equals("-") ? session.in() : new FileInputStream(name);
    } catch (IOException e) {
      throw new Exit(1, "open " + name + ": no such file or directory");
    }
  }

  private static int load(Session session, Words words) throws IOException {
    if (!words.has("input") && Streams.inputIsTerminal()) {
      throw new Exit(1, "requested load from stdin, but stdin is empty");
    }
    Query query = Query.of("/images/load").with("quiet", "1");
    try (InputStream archive = source(session, words.text("input", ""));
        InputStream answer = session.engine().upload(query, archive)) {
      EngineClient.each(
          answer,
          message -> {
            message
                .string("error")
                .ifPresent(
                    e -> {
                      throw new Exit(1, e);
                    });
            session.out().print(message.string("stream", ""));
          });
    }
    return 0;
  }

  private static int importTar(Session session, Words words) throws IOException {
    Query query = Query.of("/images/create").with("fromSrc", "-");
    if (words.arguments().size() > 1) {
      String target = withTag(words.argument(1));
      int colon = target.lastIndexOf(':');
      query.with("repo", target.substring(0, colon)).with("tag", target.substring(colon + 1));
    }
    words.list("change").forEach(change -> query.with("changes", change));
    query
        .withText("message", words.text("message", ""))
        .withText("platform", words.text("platform", ""));
    try (InputStream archive = source(session, words.argument(0));
        InputStream answer = session.engine().upload(query, archive)) {
      EngineClient.each(
          answer,
          message -> {
            message
                .string("error")
                .ifPresent(
                    e -> {
                      throw new Exit(1, e);
                    });
            message.string("status").ifPresent(session.out()::println);
          });
    }
    return 0;
  }

  private static int history(Session session, Words words) {
    boolean whole = words.on("no-trunc");
    List<Json.JsonObject> rows = new ArrayList<>();
    for (Json item :
        Session.items(session.engine().get(Query.of("/images/{}/history", words.argument(0))))) {
      Json.JsonObject layer = Session.object(item);
      rows.add(
          Json.object()
              .put("ID", shortId(layer.string("Id", ""), whole))
              .put("CreatedSince", ago(layer.number("Created", 0)))
              .put(
                  "CreatedBy",
                  Containers.cut(layer.string("CreatedBy", "").replace('\t', ' '), whole ? 0 : 45))
              .put("Size", Humans.size(layer.number("Size", 0)))
              .put("Comment", layer.string("Comment", "")));
    }
    if (words.on("quiet")) {
      rows.forEach(r -> session.out().println(r.string("ID", "")));
      return 0;
    }
    Rows.print(
        session,
        List.of(
            new Rows.Column("IMAGE", "ID"),
            new Rows.Column("CREATED", "CreatedSince"),
            new Rows.Column("CREATED BY", "CreatedBy"),
            new Rows.Column("SIZE", "Size"),
            new Rows.Column("COMMENT", "Comment")),
        rows,
        words.text("format", ""));
    return 0;
  }

  /// The engine makes the image itself; Docker's cannot, and says that there is no such page.
  private static int bootstrap(Session session, Words words) throws IOException {
    try {
      Query query = Query.of("/gantry/images/bootstrap").with("name", words.argument(0));
      progress(session, session.engine().open("POST", query, null), words.on("quiet"));
    } catch (ApiError e) {
      if (e.status() == 404 && e.text().contains("page not found")) {
        throw new Exit(
            1, "this engine cannot make base images: " + session.engine().address().text());
      }
      throw e;
    }
    session.out().println(withTag(words.argument(0)));
    return 0;
  }
}
