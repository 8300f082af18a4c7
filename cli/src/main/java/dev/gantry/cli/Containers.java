package dev.gantry.cli;

import dev.gantry.client.EngineClient;
import dev.gantry.client.Frames;
import dev.gantry.client.Hijacked;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// The commands about containers.
final class Containers {
  private static final List<Flag> STOP =
      List.of(
          Flag.text("signal", 's', "Signal to send to the container"),
          Flag.integer("timeout", 't', "Seconds to wait before killing the container"),
          Flag.integer("time", ' ', "Seconds to wait before killing the container"));

  private Containers() {}

  static List<Command> commands() {
    return List.of(
        Command.leading(
            "run",
            "[OPTIONS] IMAGE [COMMAND] [ARG...]",
            "Create and run a new container from an image",
            RunFlags.RUN,
            1,
            Runs::run),
        Command.leading(
            "create",
            "[OPTIONS] IMAGE [COMMAND] [ARG...]",
            "Create a new container",
            RunFlags.CREATE,
            1,
            Runs::create),
        Command.of(
            "start",
            "[OPTIONS] CONTAINER [CONTAINER...]",
            "Start one or more stopped containers",
            List.of(
                Flag.bool("attach", 'a', "Attach STDOUT/STDERR and forward signals"),
                Flag.text(
                    "detach-keys", ' ', "Override the key sequence for detaching a container"),
                Flag.bool("interactive", 'i', "Attach container's STDIN")),
            1,
            -1,
            Containers::start),
        Command.of(
            "stop",
            "[OPTIONS] CONTAINER [CONTAINER...]",
            "Stop one or more running containers",
            STOP,
            1,
            -1,
            (s, w) -> stopOrRestart(s, w, "stop")),
        Command.of(
            "restart",
            "[OPTIONS] CONTAINER [CONTAINER...]",
            "Restart one or more containers",
            STOP,
            1,
            -1,
            (s, w) -> stopOrRestart(s, w, "restart")),
        Command.of(
            "kill",
            "[OPTIONS] CONTAINER [CONTAINER...]",
            "Kill one or more running containers",
            List.of(Flag.text("signal", 's', "Signal to send to the container")),
            1,
            -1,
            Containers::kill),
        simple("pause", "Pause all processes within one or more containers"),
        simple("unpause", "Unpause all processes within one or more containers"),
        Command.of(
            "wait",
            "CONTAINER [CONTAINER...]",
            "Block until one or more containers stop, then print their exit codes",
            List.of(),
            1,
            -1,
            Containers::await),
        Command.of(
            "rm",
            "[OPTIONS] CONTAINER [CONTAINER...]",
            "Remove one or more containers",
            List.of(
                Flag.bool("force", 'f', "Force the removal of a running container (uses SIGKILL)"),
                Flag.bool("link", 'l', "Remove the specified link"),
                Flag.bool(
                    "volumes", 'v', "Remove anonymous volumes associated with the container")),
            1,
            -1,
            Containers::remove),
        Command.of(
            "rename",
            "CONTAINER NEW_NAME",
            "Rename a container",
            List.of(),
            2,
            2,
            Containers::rename),
        Command.of(
            "ps",
            "[OPTIONS]",
            "List containers",
            List.of(
                Flag.bool("all", 'a', "Show all containers (default shows just running)"),
                Flag.list("filter", 'f', "Filter output based on conditions provided"),
                Flag.text("format", ' ', "Format output using a custom template"),
                Flag.integer("last", 'n', "Show n last created containers (includes all states)"),
                Flag.bool("latest", 'l', "Show the latest created container (includes all states)"),
                Flag.bool("no-trunc", ' ', "Don't truncate output"),
                Flag.bool("quiet", 'q', "Only display container IDs"),
                Flag.bool("size", 's', "Display total file sizes")),
            0,
            0,
            Containers::list),
        Command.of(
            "logs",
            "[OPTIONS] CONTAINER",
            "Fetch the logs of a container",
            List.of(
                Flag.bool("details", ' ', "Show extra details provided to logs"),
                Flag.bool("follow", 'f', "Follow log output"),
                Flag.text(
                    "since",
                    ' ',
                    "Show logs since timestamp or relative (e.g. \"42m\" for 42 minutes)"),
                Flag.text("tail", 'n', "Number of lines to show from the end of the logs"),
                Flag.bool("timestamps", 't', "Show timestamps"),
                Flag.text("until", ' ', "Show logs before a timestamp or relative")),
            1,
            1,
            Containers::logs),
        Command.of(
            "top",
            "CONTAINER [ps OPTIONS]",
            "Display the running processes of a container",
            List.of(),
            1,
            -1,
            Containers::top),
        Command.of(
            "attach",
            "[OPTIONS] CONTAINER",
            "Attach local standard input, output, and error streams to a running container",
            List.of(
                Flag.text(
                    "detach-keys", ' ', "Override the key sequence for detaching a container"),
                Flag.bool("no-stdin", ' ', "Do not attach STDIN"),
                Flag.bool("sig-proxy", ' ', "Proxy all received signals to the process")),
            1,
            1,
            Containers::attach),
        Command.leading(
            "exec",
            "[OPTIONS] CONTAINER COMMAND [ARG...]",
            "Execute a command in a running container",
            List.of(
                Flag.bool("detach", 'd', "Detached mode: run command in the background"),
                Flag.text(
                    "detach-keys", ' ', "Override the key sequence for detaching a container"),
                Flag.list("env", 'e', "Set environment variables"),
                Flag.bool("interactive", 'i', "Keep STDIN open even if not attached"),
                Flag.bool("privileged", ' ', "Give extended privileges to the command"),
                Flag.bool("tty", 't', "Allocate a pseudo-TTY"),
                Flag.text("user", 'u', "Username or UID (format: \"<name|uid>[:<group|gid>]\")"),
                Flag.text("workdir", 'w', "Working directory inside the container")),
            2,
            Containers::exec));
  }

  private static Command simple(String verb, String help) {
    return Command.of(
        verb,
        "CONTAINER [CONTAINER...]",
        help,
        List.of(),
        1,
        -1,
        (session, words) ->
            session.each(
                words.arguments(),
                name -> {
                  session.engine().post(Query.of("/containers/{}/" + verb, name), null);
                  session.out().println(name);
                }));
  }

  static String cut(String text, int width) {
    return width == 0 || text.length() <= width ? text : text.substring(0, width - 1) + "…";
  }

  /// The `filters` parameter: keys with lists of values.
  static String filters(Words words, String reference) {
    Json.JsonObject filters = Json.object();
    List<String> all = new ArrayList<>(words.list("filter"));
    if (!reference.isEmpty()) {
      all.add("reference=" + reference);
    }
    for (String filter : all) {
      int equals = filter.indexOf('=');
      if (equals < 0) {
        throw new UsageError(
            125,
            "invalid argument \""
                + filter
                + "\" for \"-f, --filter\" flag: invalid filter '"
                + filter
                + "'");
      }
      String key = filter.substring(0, equals).strip().toLowerCase(Locale.ROOT);
      Json.JsonArray values =
          filters.get(key) instanceof Json.JsonArray array ? array : Json.array();
      filters.put(key, values.add(filter.substring(equals + 1)));
    }
    return filters.isEmpty() ? "" : filters.text();
  }

  private static Json.JsonObject inspect(Session session, String name) {
    return Session.object(session.engine().get(Query.of("/containers/{}/json", name)));
  }

  private static boolean tty(Json.JsonObject container) {
    return container.object("Config").map(c -> c.bool("Tty", false)).orElse(false);
  }

  private static int start(Session session, Words words) throws Exception {
    if (words.on("attach") || words.on("interactive")) {
      if (words.arguments().size() > 1) {
        throw new Exit(1, "you cannot start and attach multiple containers at once");
      }
      Json.JsonObject container = inspect(session, words.argument(0));
      String id = container.string("Id", "");
      boolean stdin =
          words.on("interactive")
              && container.object("Config").map(c -> c.bool("OpenStdin", false)).orElse(false);
      boolean removed =
          container.object("HostConfig").map(h -> h.bool("AutoRemove", false)).orElse(false);
      return Runs.attached(
          session,
          id,
          tty(container),
          stdin,
          removed,
          () -> session.engine().post(Query.of("/containers/{}/start", id), null));
    }
    List<String> failed = new ArrayList<>();
    for (String name : words.arguments()) {
      int code =
          session.each(
              List.of(name),
              n -> {
                session.engine().post(Query.of("/containers/{}/start", n), null);
                session.out().println(n);
              });
      if (code != 0) {
        failed.add(name);
      }
    }
    if (!failed.isEmpty()) {
      throw new Exit(1, "Error: failed to start containers: " + String.join(", ", failed));
    }
    return 0;
  }

  private static int stopOrRestart(Session session, Words words, String verb) throws Exception {
    return session.each(
        words.arguments(),
        name -> {
          Query query =
              Query.of("/containers/{}/" + verb, name).withText("signal", words.text("signal", ""));
          query.withText("t", words.text("timeout").or(() -> words.text("time")).orElse(""));
          session.engine().post(query, null);
          session.out().println(name);
        });
  }

  private static int kill(Session session, Words words) throws Exception {
    return session.each(
        words.arguments(),
        name -> {
          session
              .engine()
              .post(
                  Query.of("/containers/{}/kill", name)
                      .withText("signal", words.text("signal", "")),
                  null);
          session.out().println(name);
        });
  }

  private static int await(Session session, Words words) throws Exception {
    return session.each(
        words.arguments(),
        name -> {
          Json.JsonObject exit =
              Session.object(session.engine().post(Query.of("/containers/{}/wait", name), null));
          session.out().println(exit.number("StatusCode", 0));
        });
  }

  private static int remove(Session session, Words words) throws Exception {
    return session.each(
        words.arguments(),
        name -> {
          session
              .engine()
              .delete(
                  Query.of("/containers/{}", name)
                      .with("force", words.on("force"))
                      .with("v", words.on("volumes"))
                      .with("link", words.on("link")));
          session.out().println(name);
        });
  }

  private static int rename(Session session, Words words) {
    session
        .engine()
        .post(
            Query.of("/containers/{}/rename", words.argument(0)).with("name", words.argument(1)),
            null);
    return 0;
  }

  private static int list(Session session, Words words) {
    String last =
        words.on("latest") ? "1" : words.number("last", -1) > 0 ? words.text("last", "") : "";
    Query query =
        Query.of("/containers/json")
            .with("all", words.on("all") || !last.isEmpty())
            .withText("limit", last)
            .with("size", words.on("size"))
            .withText("filters", filters(words, ""));
    boolean whole = words.on("no-trunc");
    List<Json.JsonObject> rows =
        Session.items(session.engine().get(query)).stream()
            .map(c -> row(Session.object(c), whole))
            .toList();
    if (words.on("quiet") && !words.has("format")) {
      rows.forEach(r -> session.out().println(r.string("ID", "")));
      return 0;
    }
    List<Rows.Column> columns =
        new ArrayList<>(
            List.of(
                new Rows.Column("CONTAINER ID", "ID"),
                new Rows.Column("IMAGE", "Image"),
                new Rows.Column("COMMAND", "Command"),
                new Rows.Column("CREATED", "RunningFor"),
                new Rows.Column("STATUS", "Status"),
                new Rows.Column("PORTS", "Ports"),
                new Rows.Column("NAMES", "Names")));
    if (words.on("size")) {
      columns.add(new Rows.Column("SIZE", "Size"));
    }
    Rows.print(session, columns, rows, words.text("format", ""));
    return 0;
  }

  private static Json.JsonObject row(Json.JsonObject container, boolean whole) {
    String id = container.string("Id", "");
    String image = container.string("Image", "");
    String command = container.string("Command", "");
    long created = container.number("Created", 0);
    String names =
        container.strings("Names").stream()
            .map(n -> n.substring(1))
            .filter(n -> whole || n.indexOf('/') < 0)
            .collect(Collectors.joining(","));
    String labels =
        container.stringMap("Labels").entrySet().stream()
            .map(e -> e.getKey() + "=" + e.getValue())
            .collect(Collectors.joining(","));
    String size = Humans.size(container.number("SizeRw", 0));
    long root = container.number("SizeRootFs", 0);
    return Json.object()
        .put("ID", whole || id.length() < 12 ? id : id.substring(0, 12))
        .put("Names", names)
        .put("Image", !whole && image.startsWith("sha256:") ? image.substring(7, 19) : image)
        .put("Command", "\"" + (whole ? command : cut(command, 20)) + "\"")
        .put(
            "CreatedAt",
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss Z z", Locale.ROOT)
                .format(Instant.ofEpochSecond(created).atZone(ZoneId.systemDefault())))
        .put("RunningFor", Images.ago(created))
        .put("State", container.string("State", ""))
        .put("Status", container.string("Status", ""))
        .put("Ports", ports(container))
        .put("Size", root > 0 ? size + " (virtual " + Humans.size(root) + ")" : size)
        .put("Labels", labels)
        .put(
            "Mounts",
            container.objects("Mounts").stream()
                .map(m -> m.string("Name").filter(n -> !n.isEmpty()).orElse(m.string("Source", "")))
                .map(m -> whole ? m : cut(m, 15))
                .collect(Collectors.joining(",")))
        .put(
            "LocalVolumes",
            Long.toString(
                container.objects("Mounts").stream()
                    .filter(m -> m.string("Driver", "").equals("local"))
                    .count()))
        .put(
            "Networks",
            container
                .object("NetworkSettings")
                .flatMap(n -> n.object("Networks"))
                .map(n -> String.join(",", n.members().keySet()))
                .orElse(""))
        .put("Platform", Json.NULL);
  }

  private static String ports(Json.JsonObject container) {
    List<String> texts = new ArrayList<>();
    for (Json.JsonObject port : container.objects("Ports")) {
      String inside = port.number("PrivatePort", 0) + "/" + port.string("Type", "tcp");
      long outside = port.number("PublicPort", 0);
      String ip = port.string("IP", "");
      String host = ip.indexOf(':') >= 0 ? "[" + ip + "]" : ip;
      texts.add(outside == 0 ? inside : host + ":" + outside + "->" + inside);
    }
    return String.join(", ", texts);
  }

  private static int logs(Session session, Words words) throws IOException {
    String name = words.argument(0);
    boolean tty = tty(inspect(session, name));
    Query query =
        Query.of("/containers/{}/logs", name)
            .with("stdout", true)
            .with("stderr", true)
            .with("follow", words.on("follow"))
            .with("timestamps", words.on("timestamps"))
            .with("details", words.on("details"))
            .withText("tail", words.text("tail", ""))
            .withText("since", Times.stamp(words.text("since", "")))
            .withText("until", Times.stamp(words.text("until", "")));
    try (InputStream in = session.engine().open("GET", query, null)) {
      if (tty) {
        in.transferTo(session.rawOut());
      } else {
        Frames.copy(in, session.rawOut(), session.err());
      }
    }
    return 0;
  }

  private static int top(Session session, Words words) {
    List<String> arguments = words.arguments();
    Query query = Query.of("/containers/{}/top", arguments.getFirst());
    query.withText("ps_args", String.join(" ", arguments.subList(1, arguments.size())));
    Json.JsonObject answer = Session.object(session.engine().get(query));
    Table table = new Table(answer.strings("Titles").toArray(String[]::new));
    for (Json process : answer.items("Processes")) {
      table.row(Session.items(process).stream().map(Template::go).toList());
    }
    session.out().print(table.text());
    return 0;
  }

  private static int attach(Session session, Words words) throws Exception {
    Json.JsonObject container = inspect(session, words.argument(0));
    Json.JsonObject state = container.object("State").orElse(Json.object());
    if (!state.bool("Running", false)) {
      throw new Exit(1, "cannot attach to a stopped container, start it first");
    }
    if (state.bool("Paused", false)) {
      throw new Exit(1, "cannot attach to a paused container, unpause it first");
    }
    boolean open = container.object("Config").map(c -> c.bool("OpenStdin", false)).orElse(false);
    boolean stdin = open && !words.on("no-stdin");
    if (tty(container) && stdin && !Streams.inputIsTerminal()) {
      throw new Exit(1, "the input device is not a TTY");
    }
    return Runs.attached(
        session, container.string("Id", ""), tty(container), stdin, false, () -> {});
  }

  private static int exec(Session session, Words words) throws IOException {
    boolean tty = words.on("tty");
    boolean stdin = words.on("interactive");
    boolean detach = words.on("detach");
    if (tty && stdin && !detach && !Streams.inputIsTerminal()) {
      throw new Exit(1, "the input device is not a TTY");
    }
    List<String> arguments = words.arguments();
    Json.JsonObject body =
        Json.object()
            .put("User", words.text("user", ""))
            .put("Privileged", words.on("privileged"))
            .put("Tty", tty)
            .put("AttachStdin", stdin && !detach)
            .put("AttachStderr", !detach)
            .put("AttachStdout", !detach)
            .put("Env", Json.strings(words.list("env")))
            .put("WorkingDir", words.text("workdir", ""))
            .put("Cmd", Json.strings(arguments.subList(1, arguments.size())));
    EngineClient engine = session.engine();
    // a stopped container is refused before an exec is made for it
    inspect(session, arguments.getFirst());
    String id =
        Session.object(engine.post(Query.of("/containers/{}/exec", arguments.getFirst()), body))
            .string("Id", "");
    Query start = Query.of("/exec/{}/start", id);
    if (detach) {
      engine.post(start, Json.object().put("Detach", true).put("Tty", tty));
      return 0;
    }
    Json.JsonObject how = Json.object().put("Detach", false).put("Tty", tty);
    try (Hijacked connection = engine.hijack(start, how)) {
      if (new Streams(session, tty, stdin).copy(connection, "/exec/" + id + "/resize", () -> {})) {
        session.err().println("read escape sequence");
        return 0;
      }
    }
    return (int) Session.object(engine.get(Query.of("/exec/{}/json", id))).number("ExitCode", 0);
  }
}
