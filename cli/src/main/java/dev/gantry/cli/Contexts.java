package dev.gantry.cli;

import dev.gantry.cli.ContextStore.Context;
import dev.gantry.client.Address;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The commands about contexts: addresses of engines under names, shared with Docker's command
/// line.
final class Contexts {
  private static final int MAX_FILE = 1 << 20;
  private static final List<String> ENGINE_KEYS =
      List.of("host", "ca", "cert", "key", "skip-tls-verify");

  private Contexts() {}

  static Command command(String verb) {
    return switch (verb) {
      case "create" ->
          Command.of(
              "[OPTIONS] CONTEXT",
              1,
              1,
              (s, w) -> write(s, w, false),
              Flag.text("description", ' ', "What it is"),
              Flag.list(
                  "docker",
                  ' ',
                  "Its engine: host=ADDRESS, and for TLS ca=, cert= and key=FILE, skip-tls-verify=true"),
              Flag.text("from", ' ', "Take the engine of this `context`"));
      case "update" ->
          Command.of(
              "[OPTIONS] CONTEXT",
              1,
              1,
              (s, w) -> write(s, w, true),
              Flag.text("description", ' ', "What it is"),
              Flag.list(
                  "docker",
                  ' ',
                  "Its engine: host=ADDRESS, and for TLS ca=, cert= and key=FILE, skip-tls-verify=true"));
      case "ls" ->
          Command.of(
              "[OPTIONS]",
              0,
              0,
              Contexts::list,
              Flag.format(' '),
              Flag.bool("quiet", 'q', "Only the names"));
      case "inspect" ->
          Command.of(
              "[OPTIONS] [CONTEXT] [CONTEXT...]", 0, -1, Contexts::inspect, Flag.format('f'));
      case "rm" ->
          Command.of(
              "CONTEXT [CONTEXT...]",
              1,
              -1,
              Contexts::remove,
              Flag.bool("force", 'f', "Even the current one; no error if there is none"));
      case "show" -> Command.of("", 0, 0, (s, w) -> show(s));
      case "use" -> Command.of("CONTEXT", 1, 1, Contexts::use);
      case "export" -> Command.of("CONTEXT [FILE|-]", 1, 2, Contexts::export);
      case "import" -> Command.of("CONTEXT FILE|-", 2, 2, Contexts::importFile);
      default -> throw new IllegalStateException(verb);
    };
  }

  private static ContextStore store(Session session) {
    return new ContextStore(session.config());
  }

  private static String variable() {
    return Surroundings.variable("DOCKER_HOST");
  }

  private static String current(Session session) {
    List<String> hosts = session.global().list("host");
    return store(session).current(session.global(), hosts.isEmpty() ? variable() : hosts.getLast());
  }

  private static Context find(Session session, String name) {
    if (!name.equals(ContextStore.DEFAULT)) {
      return store(session).require(name);
    }
    String host = variable().isEmpty() ? Gantry.SOCKET : variable();
    return new Context(name, "Current DOCKER_HOST based configuration", host, false);
  }

  private static void checkName(String name) {
    if (name.equals(ContextStore.DEFAULT)) {
      throw new Exit(1, "\"default\" is a reserved context name");
    }
    if (!name.matches("[a-zA-Z0-9][a-zA-Z0-9_.+-]+")) {
      throw new Exit(
          1,
          "context name \""
              + name
              + "\" is invalid, names are validated against regexp"
              + " \"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$\"");
    }
  }

  private static int write(Session session, Words words, boolean update) throws IOException {
    String name = words.argument(0);
    checkName(name);
    ContextStore store = store(session);
    boolean there = store.all().stream().anyMatch(c -> c.name().equals(name));
    if (!update && there) {
      throw new Exit(1, "context \"" + name + "\" already exists");
    }
    Context before =
        update
            ? store.require(name)
            : words
                .text("from")
                .map(from -> find(session, from))
                .orElseGet(() -> find(session, current(session)));
    String description =
        words.text("description", update || words.has("from") ? before.description() : "");
    Map<String, byte[]> files = words.has("docker") ? files(words) : store.files(before.name());
    Map<String, String> engine = engine(words);
    String host =
        engine.containsKey("host") ? Address.parse(engine.get("host")).text() : before.host();
    boolean skip =
        words.has("docker")
            ? engine.getOrDefault("skip-tls-verify", "").equals("true")
            : before.skipsVerify();
    store.write(new Context(name, description, host, skip), files);
    session.out().println(name);
    session.out().flush();
    session
        .err()
        .println("Successfully " + (update ? "updated" : "created") + " context \"" + name + "\"");
    return 0;
  }

  private static Map<String, String> engine(Words words) {
    Map<String, String> settings = new LinkedHashMap<>();
    for (String value : Networks.parts(words, "docker")) {
      int equals = value.indexOf('=');
      String key = equals < 0 ? value : value.substring(0, equals);
      if (!ENGINE_KEYS.contains(key)) {
        throw new Exit(1, "unrecognized config key: " + key);
      }
      settings.put(key, value.substring(equals + 1));
    }
    return settings;
  }

  private static Map<String, byte[]> files(Words words) throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (Map.Entry<String, String> setting : engine(words).entrySet()) {
      if (List.of("ca", "cert", "key").contains(setting.getKey())) {
        try {
          files.put(setting.getKey() + ".pem", Files.readAllBytes(Path.of(setting.getValue())));
        } catch (IOException e) {
          throw new Exit(1, "open " + setting.getValue() + ": " + FileProblems.text(e));
        }
      }
    }
    return files;
  }

  private static int list(Session session, Words words) {
    List<Context> all = new ArrayList<>();
    all.add(find(session, ContextStore.DEFAULT));
    all.addAll(store(session).all());
    String current = current(session);
    if (words.on("quiet")) {
      all.forEach(context -> session.out().println(context.name()));
      return 0;
    }
    String format = words.text("format", "");
    boolean table = format.isEmpty() || format.startsWith("table");
    Rows rows =
        new Rows("*formatter.clientContextContext")
            .column("NAME", "Name")
            .column("DESCRIPTION", "Description")
            .column("DOCKER ENDPOINT", "DockerEndpoint")
            .column("ERROR", "Error");
    for (Context context : all) {
      boolean used = context.name().equals(current);
      Json.JsonObject row = Json.object();
      if (!table) {
        row.put("Current", used);
      }
      rows.add(
          row.put("Name", context.name() + (used && table ? " *" : ""))
              .put("Description", context.description())
              .put("DockerEndpoint", context.host())
              .put("Error", ""));
    }
    rows.print(session, format);
    session.out().flush();
    if (!variable().isEmpty() && current.equals(ContextStore.DEFAULT)) {
      session
          .err()
          .println(
              "Warning: DOCKER_HOST environment variable overrides the active context. To use a"
                  + " context, either set the global --context flag, or unset DOCKER_HOST"
                  + " environment variable.");
    }
    return 0;
  }

  private static int inspect(Session session, Words words) {
    List<String> names =
        words.arguments().isEmpty() ? List.of(current(session)) : words.arguments();
    Inspects.Printer printer = new Inspects.Printer(words.text("format", ""));
    for (String name : names) {
      Context context = find(session, name);
      boolean unnamed = name.equals(ContextStore.DEFAULT);
      Json.JsonObject metadata = Json.object();
      if (!unnamed && !context.description().isEmpty()) {
        metadata.put("Description", context.description());
      }
      String place = unnamed ? "<IN MEMORY>" : store(session).folder(name).toString();
      String secrets = unnamed ? "<IN MEMORY>" : place.replace("contexts/meta", "contexts/tls");
      printer.add(
          Json.object()
              .put("Name", name)
              .put("Metadata", metadata)
              .put("Endpoints", ContextStore.endpoints(context))
              .put("TLSMaterial", material(session, name))
              .put("Storage", Json.object().put("MetadataPath", place).put("TLSPath", secrets)));
    }
    session.out().print(printer.text());
    session.out().flush();
    session.err().print(printer.problem());
    return printer.problem().isEmpty() ? 0 : 1;
  }

  private static Json material(Session session, String name) {
    List<String> files = List.copyOf(store(session).files(name).keySet());
    return files.isEmpty() ? Json.object() : Json.object().put("docker", Json.strings(files));
  }

  private static int remove(Session session, Words words) {
    String current = current(session);
    int code = 0;
    for (String name : words.arguments()) {
      try {
        if (name.equals(ContextStore.DEFAULT)) {
          throw new Exit(1, "context \"default\" cannot be removed");
        }
        boolean there = store(session).all().stream().anyMatch(c -> c.name().equals(name));
        if (name.equals(current)) {
          if (!words.on("force")) {
            throw new Exit(1, "context \"" + name + "\" is in use, set -f flag to force remove");
          }
          session.config().set("currentContext", "");
        }
        if (there || !words.on("force")) {
          store(session).remove(name);
        }
        session.out().println(name);
        session.out().flush();
      } catch (Exit e) {
        session.err().println(e.text());
        code = 1;
      }
    }
    return code;
  }

  private static int show(Session session) {
    session.out().println(current(session));
    return 0;
  }

  private static int use(Session session, Words words) {
    String name = words.argument(0);
    boolean unnamed = name.equals(ContextStore.DEFAULT);
    if (!unnamed) {
      store(session).require(name);
    }
    session.config().set("currentContext", unnamed ? "" : name);
    session.out().println(name);
    session.out().flush();
    session.err().println("Current context is now \"" + name + "\"");
    if (!unnamed && !variable().isEmpty()) {
      session
          .err()
          .println(
              "Warning: DOCKER_HOST environment variable overrides the active context. To use \""
                  + name
                  + "\", either set the global --context flag, or unset DOCKER_HOST environment"
                  + " variable.");
    }
    return 0;
  }

  private static int export(Session session, Words words) throws IOException {
    Context context = find(session, words.argument(0));
    String file =
        words.arguments().size() > 1 ? words.argument(1) : context.name() + ".dockercontext";
    byte[] archive = ContextArchive.write(context, store(session).files(context.name()));
    if (file.equals("-")) {
      if (Streams.outputIsTerminal()) {
        throw new Exit(1, "cowardly refusing to export to a terminal, specify a file path");
      }
      session.rawOut().write(archive);
      return 0;
    }
    Path target = Path.of(file);
    if (Files.exists(target)) {
      throw new Exit(1, "open " + file + ": file exists");
    }
    Files.write(target, archive);
    session.err().println("Written file \"" + file + "\"");
    return 0;
  }

  private static int importFile(Session session, Words words) throws IOException {
    String name = words.argument(0);
    String file = words.argument(1);
    checkName(name);
    ContextStore store = store(session);
    if (store.all().stream().anyMatch(c -> c.name().equals(name))) {
      throw new Exit(1, "context \"" + name + "\" already exists");
    }
    byte[] archive;
    try (InputStream in = file.equals("-") ? session.in() : Files.newInputStream(Path.of(file))) {
      archive = in.readNBytes(MAX_FILE + 1);
    } catch (IOException e) {
      throw new Exit(1, "open " + file + ": " + FileProblems.text(e));
    }
    if (archive.length > MAX_FILE) {
      throw new Exit(1, "the context in " + file + " is larger than 1 MB");
    }
    ContextArchive read = ContextArchive.read(archive, file);
    Context context = read.context();
    store.write(
        new Context(name, context.description(), context.host(), context.skipsVerify()),
        read.files());
    session.out().println(name);
    session.out().flush();
    session.err().println("Successfully imported context \"" + name + "\"");
    return 0;
  }
}
