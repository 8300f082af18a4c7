package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// `images` and `history`.
final class ImageList {
  static final String NONE = "<none>";

  private ImageList() {}

  static Command command() {
    return Command.of(
        "[OPTIONS] [REPOSITORY[:TAG]]",
        0,
        1,
        ImageList::run,
        Flag.bool("all", 'a', "Also those between a base and what was built on it"),
        Flag.bool("digests", ' ', "Show the digests"),
        Flag.filter('f'),
        Flag.format(' '),
        Flag.bool("no-trunc", ' ', "Show everything in full length"),
        Flag.bool("quiet", 'q', "Only the ids"),
        Flag.bool(
            "tree",
            ' ',
            "Show the platforms of each image, and the containers made of it, below it"));
  }

  static Command history() {
    return Command.of(
        "[OPTIONS] IMAGE",
        1,
        1,
        ImageList::history,
        Flag.format(' '),
        Flag.bool("human", 'H', "Sizes and times for people").standard("true"),
        Flag.bool("no-trunc", ' ', "Show everything in full length"),
        Pulls.platform(),
        Flag.bool("quiet", 'q', "Only the ids"));
  }

  static String shortId(String id, boolean whole) {
    return whole || !id.startsWith("sha256:") ? id : id.substring(7, Math.min(id.length(), 19));
  }

  private static int run(Session session, Words words) {
    List<String> filters = new ArrayList<>(words.list("filter"));
    if (!words.arguments().isEmpty()) {
      filters.add("reference=" + words.argument(0));
    }
    Query query =
        Query.of("/images/json")
            .with("all", words.on("all"))
            .with("manifests", words.on("tree"))
            .withText("filters", Filters.of(filters));
    boolean quiet = words.on("quiet");
    String format = words.text("format", "");
    if (format.isEmpty() && !quiet) {
      format = session.config().text("imagesFormat");
    }
    boolean digests = words.on("digests") || format.contains(".Digest");
    List<Json.JsonObject> images = new ArrayList<>(Session.objects(session.engine().get(query)));
    images.sort(Comparator.comparingLong((Json.JsonObject i) -> -i.number("Created", 0)));
    if (words.on("tree")) {
      tree(session, images);
      return 0;
    }
    Rows rows = new Rows("*formatter.imageContext");
    rows.column("REPOSITORY", "Repository").column("TAG", "Tag");
    if (words.on("digests")) {
      rows.column("DIGEST", "Digest");
    }
    rows.column("IMAGE ID", "ID")
        .column("CREATED", "CreatedSince")
        .column("SIZE", "Size")
        .heading("DIGEST", "Digest")
        .heading("CREATED AT", "CreatedAt")
        .heading("CONTAINERS", "Containers")
        .heading("SHARED SIZE", "SharedSize")
        .heading("UNIQUE SIZE", "UniqueSize");
    for (Json.JsonObject image : images) {
      Images.rows(image, words.on("no-trunc"), digests).forEach(rows::add);
    }
    if (quiet && (format.isEmpty() || format.equals("table"))) {
      rows.printField(session, "ID");
    } else {
      rows.print(session, format);
    }
    return 0;
  }

  /// Each image once with all its names, and the containers that are made of it.
  private static void tree(Session session, List<Json.JsonObject> images) {
    Map<String, List<String>> users = new TreeMap<>();
    Query all = Query.of("/containers/json").with("all", true);
    for (Json.JsonObject container : Session.objects(session.engine().get(all))) {
      String name = String.join(",", container.strings("Names")).replace("/", "");
      users
          .computeIfAbsent(container.string("ImageID", ""), i -> new ArrayList<>())
          .add(name + " (" + container.string("State", "") + ")");
    }
    Table table = new Table(List.of("IMAGE", "ID", "SIZE", "IN USE"));
    for (Json.JsonObject image : images) {
      String id = image.string("Id", "");
      List<String> names = image.strings("RepoTags");
      List<String> containers = users.getOrDefault(id, List.of());
      table.row(
          List.of(
              names.isEmpty() ? NONE : names.getFirst(),
              shortId(id, false),
              Humans.size(image.number("Size", 0)),
              containers.isEmpty() ? "" : "yes"));
      names.stream().skip(1).forEach(name -> table.row(List.of(name, "", "", "")));
      for (Json.JsonObject manifest : image.objects("Manifests")) {
        platform(manifest).ifPresent(table::row);
      }
      containers.forEach(container -> table.row(List.of("└─ " + container, "", "", "")));
    }
    session.out().print(table.text());
  }

  /// A platform of the image; empty for what an index lists beside images.
  private static Optional<List<String>> platform(Json.JsonObject manifest) {
    if (!manifest.string("Kind", "").equals("image")) {
      return Optional.empty();
    }
    Json.JsonObject data = manifest.object("ImageData").orElseGet(Json::object);
    Json.JsonObject platform = data.object("Platform").orElseGet(Json::object);
    String variant = platform.string("variant", "");
    String name =
        platform.string("os", "")
            + "/"
            + platform.string("architecture", "")
            + (variant.isEmpty() ? "" : "/" + variant);
    long size = manifest.object("Size").map(s -> s.number("Total", 0)).orElse(0L);
    boolean here = manifest.bool("Available", false);
    return Optional.of(
        List.of(
            "├─ " + name,
            shortId(manifest.string("ID", ""), false),
            here ? Humans.size(size) : "not here",
            data.strings("Containers").isEmpty() ? "" : "yes"));
  }

  private static int history(Session session, Words words) {
    boolean whole = words.on("no-trunc");
    boolean human = words.on("human", true);
    Query query =
        Query.of("/images/{}/history", words.argument(0))
            .withText("platform", words.text("platform", ""));
    Rows rows = new Rows("*formatter.historyContext");
    rows.column("IMAGE", "ID")
        .column(human ? "CREATED" : "CREATED AT", human ? "CreatedSince" : "CreatedAt")
        .column("CREATED BY", "CreatedBy")
        .column("SIZE", "Size")
        .column("COMMENT", "Comment")
        .heading("CREATED AT", "CreatedAt")
        .heading("CREATED", "CreatedSince");
    for (Json.JsonObject layer : Session.objects(session.engine().get(query))) {
      long created = layer.number("Created", 0);
      long size = layer.number("Size", 0);
      String by = layer.string("CreatedBy", "").replace('\t', ' ');
      rows.add(
          Json.object()
              .put("ID", shortId(layer.string("Id", ""), whole))
              .put("CreatedAt", Times.offset(created))
              .put("CreatedSince", human ? Times.ago(created) : Times.offset(created))
              .put("CreatedBy", Containers.cut(by, whole ? 0 : 45))
              .put("Size", human ? Humans.size(size) : Long.toString(size))
              .put("Comment", layer.string("Comment", "")));
    }
    if (words.on("quiet")) {
      rows.printField(session, "ID");
    } else {
      rows.print(session, words.text("format", ""));
    }
    return 0;
  }
}
