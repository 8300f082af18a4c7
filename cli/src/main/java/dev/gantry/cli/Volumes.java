package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The commands about volumes.
final class Volumes {
  private static final String MANY = "[OPTIONS] VOLUME [VOLUME...]";

  private Volumes() {}

  static Command command(String verb) {
    return switch (verb) {
      case "create" ->
          Command.of(
              "[OPTIONS] [VOLUME]",
              0,
              1,
              Volumes::create,
              ClusterVolumes.with(
                  Flag.text("driver", 'd', "The `driver` that makes it").standard("local"),
                  Flag.list("label", ' ', "A label: NAME=VALUE"),
                  Flag.text("name", ' ', "Its name").hide(),
                  Flag.map("opt", 'o', "An option of the driver: NAME=VALUE")));
      case "ls" ->
          Command.of(
              "[OPTIONS]",
              0,
              0,
              Volumes::list,
              Flag.bool("cluster", ' ', "Only those of the swarm").hide(),
              Flag.filter('f'),
              Flag.format(' '),
              Flag.bool("quiet", 'q', "Only the names"));
      case "rm" ->
          Command.of(
              MANY,
              1,
              -1,
              Volumes::remove,
              Flag.bool("force", 'f', "It is no error if there is none of that name"));
      case "inspect" -> Inspects.command(MANY, "volume");
      case "snapshot" ->
          Command.of("[OPTIONS] VOLUME [SNAPSHOT]", 1, 2, (s, w) -> copy(s, w, verb), pause());
      case "clone" ->
          Command.of("[OPTIONS] VOLUME NEW_VOLUME", 2, 2, (s, w) -> copy(s, w, verb), pause());
      case "export" ->
          Command.of(
              "[OPTIONS] VOLUME",
              1,
              1,
              Volumes::export,
              Flag.text("output", 'o', "Write to this file"),
              pause());
      case "import" -> Command.of("file|- VOLUME", 2, 2, Volumes::importTar);
      case "prune" -> Prunes.command("volume");
      default -> throw new IllegalStateException(verb);
    };
  }

  private static Flag pause() {
    return Flag.bool("pause", ' ', "Freeze the containers that use it meanwhile").standard("true");
  }

  /// `snapshot` and `clone`.
  private static int copy(Session session, Words words, String verb) {
    Query query =
        Query.of("/gantry/volumes/{}/" + verb, words.argument(0))
            .withText("to", words.arguments().size() > 1 ? words.argument(1) : "")
            .with("pause", words.on("pause", true));
    Json made = session.engine().post(query, null);
    session.out().println(Session.object(made).string("Name", ""));
    return 0;
  }

  private static int export(Session session, Words words) throws IOException {
    String file = words.text("output", "");
    Copies.Output.refuseTerminal(file);
    Query query =
        Query.of("/gantry/volumes/{}/archive", words.argument(0))
            .with("pause", words.on("pause", true));
    try (InputStream archive = session.engine().open("GET", query, null)) {
      Copies.Output.write(session, archive, file);
    }
    return 0;
  }

  private static int importTar(Session session, Words words) throws IOException {
    Query query = Query.of("/gantry/volumes/{}/archive", words.argument(1));
    try (InputStream archive = Images.source(session, words.argument(0));
        InputStream answer = session.engine().upload("PUT", query, archive)) {
      answer.transferTo(OutputStream.nullOutputStream());
    }
    session.out().println(words.argument(1));
    return 0;
  }

  private static int create(Session session, Words words) {
    boolean named = !words.arguments().isEmpty();
    if (named && words.has("name")) {
      throw new Exit(
          1,
          "conflicting options: cannot specify a volume-name through both --name and as a positional arg");
    }
    Json.JsonObject body =
        Json.object()
            .put("Name", named ? words.argument(0) : words.text("name", ""))
            .put("Driver", words.text("driver", "local"));
    if (words.has("opt")) {
      body.put("DriverOpts", RunRequest.pairs(words.list("opt")));
    }
    if (words.has("label")) {
      body.put("Labels", RunRequest.pairs(words.list("label")));
    }
    if (ClusterVolumes.isWanted(words)) {
      body.put("ClusterVolumeSpec", ClusterVolumes.spec(words));
    }
    Json answer = session.engine().post(Query.of("/volumes/create"), body);
    session.out().println(Session.object(answer).string("Name", ""));
    return 0;
  }

  private static int list(Session session, Words words) {
    boolean quiet = words.on("quiet");
    String format = words.text("format", "");
    if (format.isEmpty() && !quiet) {
      format = session.config().text("volumesFormat");
    }
    Query query = Query.of("/volumes").withText("filters", Filters.of(words));
    Json.JsonObject answer = Session.object(session.engine().get(query));
    List<Json.JsonObject> volumes = new ArrayList<>(answer.objects("Volumes"));
    volumes.sort(Comparator.comparing(v -> v.string("Name", "")));
    Rows rows = rows();
    volumes.forEach(volume -> rows.add(row(volume), volume.stringMap("Labels")));
    if (quiet && (format.isEmpty() || format.equals("table"))) {
      rows.printField(session, "Name");
    } else {
      rows.print(session, format);
    }
    return 0;
  }

  private static Rows rows() {
    return new Rows("*formatter.volumeContext")
        .column("DRIVER", "Driver")
        .column("VOLUME NAME", "Name")
        .heading("SCOPE", "Scope")
        .heading("MOUNTPOINT", "Mountpoint")
        .heading("LABELS", "Labels")
        .heading("LINKS", "Links")
        .heading("SIZE", "Size")
        .heading("GROUP", "Group")
        .heading("AVAILABILITY", "Availability")
        .heading("STATUS", "Status");
  }

  static Json.JsonObject row(Json.JsonObject volume) {
    Json.JsonObject usage = volume.object("UsageData").orElse(Json.object());
    boolean known = !usage.isEmpty();
    return Json.object()
        .put("Name", volume.string("Name", ""))
        .put("Driver", volume.string("Driver", ""))
        .put("Scope", volume.string("Scope", ""))
        .put("Mountpoint", volume.string("Mountpoint", ""))
        .put("Labels", ContainerList.pairs(volume.stringMap("Labels")))
        .put("Links", known ? Long.toString(usage.number("RefCount", 0)) : "N/A")
        .put("Size", known ? Humans.size(usage.number("Size", 0), 4) : "N/A")
        .put("Group", "N/A")
        .put("Availability", "N/A")
        .put("Status", "N/A");
  }

  private static int remove(Session session, Words words) throws Exception {
    return session.each(
        words.arguments(),
        name -> {
          session.engine().delete(Query.of("/volumes/{}", name).with("force", words.on("force")));
          session.out().println(name);
        });
  }
}
