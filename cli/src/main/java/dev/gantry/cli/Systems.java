package dev.gantry.cli;

import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/// The commands about the engine itself, and `inspect`, which is about everything.
final class Systems {
  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.nnnnnnnnnxxx", Locale.ROOT);

  private Systems() {}

  static List<Command> commands() {
    return List.of(
        Command.of(
            "version",
            "[OPTIONS]",
            "Show the version information",
            List.of(Flag.text("format", 'f', "Format output using a custom template")),
            0,
            0,
            Systems::version),
        Command.of(
            "info",
            "[OPTIONS]",
            "Display system-wide information",
            List.of(Flag.text("format", 'f', "Format output using a custom template")),
            0,
            0,
            Systems::info),
        Command.of(
            "events",
            "[OPTIONS]",
            "Get real time events from the server",
            List.of(
                Flag.list("filter", 'f', "Filter output based on conditions provided"),
                Flag.text("format", ' ', "Format output using a custom template"),
                Flag.text("since", ' ', "Show all events created since timestamp"),
                Flag.text("until", ' ', "Stream events until this timestamp")),
            0,
            0,
            Systems::events),
        Command.of(
            "inspect",
            "[OPTIONS] NAME|ID [NAME|ID...]",
            "Return low-level information on objects",
            List.of(
                Flag.text("format", 'f', "Format output using a custom template"),
                Flag.bool("size", 's', "Display total file sizes if the type is container"),
                Flag.text("type", ' ', "Only inspect objects of the given type")),
            1,
            -1,
            (s, w) -> inspect(s, w, w.text("type", ""))),
        Command.of(
            "container inspect",
            "[OPTIONS] CONTAINER [CONTAINER...]",
            "Display detailed information on one or more containers",
            inspectFlags(),
            1,
            -1,
            (s, w) -> inspect(s, w, "container")),
        Command.of(
            "image inspect",
            "[OPTIONS] IMAGE [IMAGE...]",
            "Display detailed information on one or more images",
            inspectFlags(),
            1,
            -1,
            (s, w) -> inspect(s, w, "image")),
        Command.of(
            "completion",
            "SHELL",
            "Generate the autocompletion script for bash, zsh or fish",
            List.of(),
            1,
            1,
            (session, words) -> {
              session.out().print(Completion.script(words.argument(0)));
              return 0;
            }),
        Command.leading(
            "__complete",
            "",
            "Candidates for a shell's completion",
            List.of(),
            0,
            (session, words) -> {
              Completion.candidates(session, words.arguments()).forEach(session.out()::println);
              return 0;
            }));
  }

  private static List<Flag> inspectFlags() {
    return List.of(
        Flag.text("format", 'f', "Format output using a custom template"),
        Flag.bool("size", 's', "Display total file sizes"));
  }

  private static int version(Session session, Words words) {
    Json.JsonObject client =
        Json.object()
            .put("Version", Gantry.VERSION)
            .put("ApiVersion", "1.48")
            .put("Os", "linux")
            .put("Arch", System.getProperty("os.arch").replace("x86_64", "amd64"));
    Json.JsonObject server = Session.object(session.engine().get(Query.of("/version")));
    if (words.has("format")) {
      Json.JsonObject both = Json.object().put("Client", client).put("Server", server);
      String format = words.text("format", "");
      session
          .out()
          .println(Template.parse(format.equals("json") ? "{{json .}}" : format).apply(both));
      return 0;
    }
    session.out().println("Client:\n Version:           " + Gantry.VERSION);
    session.out().println("\nServer:");
    server
        .members()
        .forEach(
            (key, value) -> {
              if (!(value instanceof Json.JsonArray) && !(value instanceof Json.JsonObject)) {
                session
                    .out()
                    .println(
                        " "
                            + (key + ":" + " ".repeat(18)).substring(0, 18)
                            + " "
                            + Template.go(value));
              }
            });
    return 0;
  }

  private static int info(Session session, Words words) {
    Json.JsonObject info = Session.object(session.engine().get(Query.of("/info")));
    if (words.has("format")) {
      String format = words.text("format", "");
      session
          .out()
          .println(Template.parse(format.equals("json") ? "{{json .}}" : format).apply(info));
      return 0;
    }
    session.out().println("Server:");
    info.members()
        .forEach(
            (key, value) -> {
              if (!(value instanceof Json.JsonArray) && !(value instanceof Json.JsonObject)) {
                session.out().println(" " + key + ": " + Template.go(value));
              }
            });
    return 0;
  }

  private static int events(Session session, Words words) throws IOException {
    Query query =
        Query.of("/events")
            .withText("since", Times.stamp(words.text("since", "")))
            .withText("until", Times.stamp(words.text("until", "")))
            .withText("filters", Containers.filters(words, ""));
    String format = words.text("format", "");
    Template template = Template.parse(format.equals("json") ? "{{json .}}" : format);
    try (InputStream in = session.engine().open("GET", query, null)) {
      EngineClient.each(
          in,
          event -> {
            session.out().println(format.isEmpty() ? line(event) : template.apply(event));
            session.out().flush();
          });
    }
    return 0;
  }

  /// `TIME TYPE ACTION ID (ATTRIBUTE=VALUE, …)`.
  private static String line(Json.JsonObject event) {
    long nanos = event.number("timeNano", 0);
    Instant time = Instant.ofEpochSecond(nanos / 1_000_000_000, nanos % 1_000_000_000);
    Json.JsonObject actor = event.object("Actor").orElse(Json.object());
    String attributes =
        actor.stringMap("Attributes").entrySet().stream()
            .sorted(java.util.Map.Entry.comparingByKey())
            .map(e -> e.getKey() + "=" + e.getValue())
            .collect(Collectors.joining(", "));
    return STAMP.format(time.atZone(ZoneId.systemDefault()))
        + " "
        + event.string("Type", "")
        + " "
        + event.string("Action", "")
        + " "
        + actor.string("ID", "")
        + (attributes.isEmpty() ? "" : " (" + attributes + ")");
  }

  private static int inspect(Session session, Words words, String type) {
    Json.JsonArray found = Json.array();
    List<String> missing = new ArrayList<>();
    for (String name : words.arguments()) {
      Optional<Json> object = find(session, type, name, words.on("size"));
      object.ifPresentOrElse(found::add, () -> missing.add(name));
    }
    String format = words.text("format", "");
    if (format.isEmpty() || format.equals("json")) {
      session
          .out()
          .println(
              format.isEmpty()
                  ? JsonWriter.indented(found, "    ", true)
                  : JsonWriter.plain(found));
    } else {
      Template template = Template.parse(format);
      found.items().forEach(object -> session.out().println(template.apply(object)));
      if (found.isEmpty()) {
        session.out().println();
      }
    }
    session.out().flush();
    for (String name : missing) {
      String what =
          type.isEmpty()
              ? "Error: No such object: " + name
              : "Error response from daemon: No such " + type + ": " + name;
      session.err().println(what);
    }
    return missing.isEmpty() ? 0 : 1;
  }

  private static Optional<Json> find(Session session, String type, String name, boolean size) {
    for (String kind :
        type.isEmpty() ? List.of("container", "image", "network", "volume") : List.of(type)) {
      Query query =
          switch (kind) {
            case "container" -> Query.of("/containers/{}/json", name).with("size", size);
            case "image" -> Query.of("/images/{}/json", name);
            case "network" -> Query.of("/networks/{}", name);
            case "volume" -> Query.of("/volumes/{}", name);
            default -> throw new Exit(1, "\"" + kind + "\" is not a valid value for --type");
          };
      try {
        return Optional.of(session.engine().get(query));
      } catch (ApiError e) {
        if (e.status() != 404 && e.status() != 400) {
          throw e;
        }
      }
    }
    return Optional.empty();
  }
}
