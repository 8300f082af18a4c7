package dev.gantry.cli;

import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Frames;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/// The commands about containers, and those of them that are one call each.
final class Containers {
  static final String ONE_OR_MORE = "CONTAINER [CONTAINER...]";
  private static final String MANY = "[OPTIONS] " + ONE_OR_MORE;

  private Containers() {}

  static Command command(String verb) {
    return switch (verb) {
      case "run" -> new Command("", RUN_USAGE, "", RunFlags.run(), 1, -1, false, Runs::run);
      case "create" ->
          new Command("", RUN_USAGE, "", RunFlags.create(), 1, -1, false, Runs::create);
      case "start" ->
          Command.of(
              MANY,
              1,
              -1,
              Containers::start,
              Flag.bool("attach", 'a', "Show its output, and pass signals on to it"),
              Flag.text("checkpoint", ' ', "Go on from this checkpoint").hide(),
              Flag.text("checkpoint-dir", ' ', "Where checkpoints are").hide(),
              detachKeys(),
              Flag.bool("interactive", 'i', "Give it our standard input"));
      case "stop", "restart" ->
          Command.of(
              MANY,
              1,
              -1,
              (s, w) -> stopOrRestart(s, w, verb),
              Flag.text("signal", 's', "The signal that asks it to end"),
              Flag.integer("timeout", 't', "Seconds to wait before it is killed; -1 for ever"),
              Flag.integer("time", ' ', "Older name of --timeout").hide());
      case "kill" ->
          Command.of(
              MANY,
              1,
              -1,
              Containers::kill,
              Flag.text("signal", 's', "The signal to send, by name or number"));
      case "pause", "unpause" -> Command.of(ONE_OR_MORE, 1, -1, (s, w) -> simple(s, w, verb));
      case "why" -> Reasons.command();
      case "wait" -> Command.of(ONE_OR_MORE, 1, -1, Containers::await);
      case "rm" ->
          Command.of(
              MANY,
              1,
              -1,
              Containers::remove,
              Flag.bool("force", 'f', "Kill it first if it runs"),
              Flag.bool("link", 'l', "Remove the link of this name, not the container"),
              Flag.bool("volumes", 'v', "Remove its nameless volumes too"));
      case "rename" -> Command.of("CONTAINER NEW_NAME", 2, 2, Containers::rename);
      case "ls" -> ContainerList.command();
      case "logs" ->
          Command.of(
              "[OPTIONS] CONTAINER",
              1,
              1,
              Containers::logs,
              Flag.bool("details", ' ', "Show the labels and variables that were logged along"),
              Flag.bool("follow", 'f', "Go on as long as it writes"),
              Flag.text("since", ' ', "Only from this time on, e.g. 42m or 2026-01-02T13:23:37Z"),
              Flag.text("tail", 'n', "How many lines from the end").standard("all"),
              Flag.bool("timestamps", 't', "Put the time before each line"),
              Flag.text("until", ' ', "Only up to this time"));
      case "top" ->
          new Command("", "CONTAINER [ps OPTIONS]", "", List.of(), 1, -1, false, Containers::top);
      case "attach" ->
          Command.of(
              "[OPTIONS] CONTAINER",
              1,
              1,
              Attaches::attach,
              detachKeys(),
              Flag.bool("no-stdin", ' ', "Leave its standard input alone"),
              Flag.bool("sig-proxy", ' ', "Pass signals on to it").standard("true"));
      case "exec" -> Execs.command();
      case "inspect" ->
          Command.of(
              MANY,
              1,
              -1,
              (s, w) -> Inspects.run(s, w, "container"),
              Flag.format('f'),
              Flag.bool("size", 's', "Sum up what it takes on the disk"));
      case "port" -> Command.of("CONTAINER [PRIVATE_PORT[/PROTO]]", 1, 3, Containers::port);
      case "diff" -> Command.of("CONTAINER", 1, 1, Containers::diff);
      case "stats" -> Stats.command();
      case "update" -> new Command("", MANY, "", Updates.flags(), 1, -1, true, Updates::run);
      case "export" ->
          Command.of(
              "[OPTIONS] CONTAINER",
              1,
              1,
              Copies::export,
              Flag.text("output", 'o', "Write to this file"));
      case "commit" ->
          Command.of(
              "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
              1,
              2,
              Containers::commit,
              Flag.text("author", 'a', "Who made it, e.g. \"Ada <ada@example.org>\""),
              Flag.list("change", 'c', "A line of a Dockerfile to apply"),
              Flag.text("message", 'm', "What it is about"),
              Flag.bool("pause", 'p', "Freeze the container meanwhile").standard("true").hide(),
              Flag.bool("no-pause", ' ', "Do not freeze the container meanwhile"));
      case "cp" -> Copies.command();
      case "prune" -> Prunes.command("container");
      default -> throw new IllegalStateException(verb);
    };
  }

  private static final String RUN_USAGE = "[OPTIONS] IMAGE [COMMAND] [ARG...]";

  static Flag detachKeys() {
    return Flag.text("detach-keys", ' ', "The keys that detach").standard("ctrl-p,ctrl-q").hide();
  }

  static Json.JsonObject inspect(Session session, String name) {
    return Session.object(session.engine().get(Query.of("/containers/{}/json", name)));
  }

  static boolean tty(Json.JsonObject container) {
    return container.object("Config").map(c -> c.bool("Tty", false)).orElse(false);
  }

  private static int start(Session session, Words words) throws Exception {
    if (words.on("attach") || words.on("interactive")) {
      return Attaches.start(session, words);
    }
    if (words.has("checkpoint") && words.arguments().size() > 1) {
      throw new Exit(1, "you cannot restore multiple containers at once");
    }
    List<String> failed = new ArrayList<>();
    for (String name : words.arguments()) {
      int code =
          session.each(
              List.of(name),
              n -> {
                Query query =
                    Query.of("/containers/{}/start", n)
                        .withText("checkpoint", words.text("checkpoint", ""))
                        .withText("checkpoint-dir", words.text("checkpoint-dir", ""));
                session.engine().post(query, null);
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

  private static int simple(Session session, Words words, String verb) throws Exception {
    return session.each(
        words.arguments(),
        name -> {
          session.engine().post(Query.of("/containers/{}/" + verb, name), null);
          session.out().println(name);
        });
  }

  private static int stopOrRestart(Session session, Words words, String verb) throws Exception {
    if (words.has("time") && words.has("timeout")) {
      throw new Exit(1, "conflicting options: cannot specify both --timeout and --time");
    }
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
          Query query = Query.of("/containers/{}/kill", name);
          session.engine().post(query.withText("signal", words.text("signal", "")), null);
          session.out().println(name);
        });
  }

  private static int await(Session session, Words words) throws Exception {
    return session.each(
        words.arguments(),
        name -> {
          Json exit = session.engine().post(Query.of("/containers/{}/wait", name), null);
          session.out().println(Session.object(exit).number("StatusCode", 0));
        });
  }

  private static int remove(Session session, Words words) throws Exception {
    int code =
        session.each(
            words.arguments(),
            name -> {
              Query query = Query.of("/containers/{}", name.replaceFirst("^/+(?=.)", ""));
              query
                  .with("force", words.on("force"))
                  .with("v", words.on("volumes"))
                  .with("link", words.on("link"));
              try {
                session.engine().delete(query);
                session.out().println(name);
              } catch (ApiError e) {
                if (!words.on("force") || e.status() != 404) {
                  throw e;
                }
                session.out().flush();
                session.err().println("Error response from daemon: " + e.text());
              }
            });
    return code;
  }

  private static int rename(Session session, Words words) {
    try {
      Query query = Query.of("/containers/{}/rename", words.argument(0));
      session.engine().post(query.with("name", words.argument(1)), null);
      return 0;
    } catch (ApiError e) {
      session.err().println("Error response from daemon: " + e.text());
      throw new Exit(1, "Error: failed to rename container named " + words.argument(0));
    }
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
            .withText("tail", words.text("tail", "all"))
            .withText("since", Times.stamp("since", words.text("since", "")))
            .withText("until", Times.stamp("until", words.text("until", "")));
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
    Table table = new Table(20, answer.strings("Titles"));
    for (Json process : answer.items("Processes")) {
      table.row(
          Session.items(process).stream().map(dev.gantry.cli.template.Template::text).toList());
    }
    session.out().print(table.text());
    return 0;
  }

  private static int port(Session session, Words words) {
    if (words.arguments().size() == 3) {
      if (!words.argument(0).equals("explain")) {
        throw new UsageError(
            1, "docker port requires at most 2 arguments, or: explain CONTAINER PORT");
      }
      return PortExplain.run(session, words.argument(1), words.argument(2));
    }
    Json.JsonObject container = inspect(session, words.argument(0));
    Json.JsonObject ports =
        container.object("NetworkSettings").flatMap(n -> n.object("Ports")).orElse(Json.object());
    if (words.arguments().size() == 2) {
      String wanted = words.argument(1);
      String key = wanted.indexOf('/') < 0 ? wanted + "/tcp" : wanted;
      List<String> places = places(ports, key);
      if (places.isEmpty()) {
        throw new Exit(
            1, "Error: No public port '" + wanted + "' published for " + words.argument(0));
      }
      places.forEach(session.out()::println);
      return 0;
    }
    for (String key : ports.members().keySet().stream().sorted(Containers::byNumber).toList()) {
      places(ports, key).forEach(place -> session.out().println(key + " -> " + place));
    }
    return 0;
  }

  private static int byNumber(String a, String b) {
    int order =
        Integer.compare(
            Integer.parseInt(a.replaceFirst("/.*", "")),
            Integer.parseInt(b.replaceFirst("/.*", "")));
    return order != 0 ? order : a.compareTo(b);
  }

  private static List<String> places(Json.JsonObject ports, String key) {
    List<String> places = new ArrayList<>();
    for (Json.JsonObject place : ports.objects(key)) {
      places.add(
          ContainerList.address(place.string("HostIp", "")) + ":" + place.string("HostPort", ""));
    }
    return places;
  }

  private static int diff(Session session, Words words) {
    Json changes = session.engine().get(Query.of("/containers/{}/changes", words.argument(0)));
    for (Json.JsonObject change : Session.objects(changes)) {
      char kind = "CAD".charAt(Math.clamp(change.number("Kind", 0), 0, 2));
      session.out().println(kind + " " + change.string("Path", ""));
    }
    return 0;
  }

  private static int commit(Session session, Words words) {
    Query query = Query.of("/commit").with("container", words.argument(0));
    if (words.arguments().size() > 1) {
      ImageName name = ImageName.parse(words.argument(1));
      query.with("repo", name.repository()).with("tag", name.tag());
    }
    query
        .withText("comment", words.text("message", ""))
        .withText("author", words.text("author", ""))
        .with("pause", words.on("no-pause") || !words.on("pause", true) ? "0" : "1");
    words.list("change").forEach(change -> query.with("changes", change));
    EngineClient engine = session.engine();
    session.out().println(Session.object(engine.post(query, null)).string("Id", ""));
    return 0;
  }

  /// The text cut to `width` letters, the last a `…`; whole for 0.
  static String cut(String text, int width) {
    return width == 0 || text.codePointCount(0, text.length()) <= width
        ? text
        : text.substring(0, text.offsetByCodePoints(0, width - 1)) + "…";
  }
}
