package dev.gantry.conformance.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.PlainHttp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The Dockerfiles of `build/corpus.txt`, built by our engine: the file trees, configurations and
/// histories are those of a real dockerd with Buildx, and what fails there fails here.
///
/// Docker's side is recorded in `build/recorded.txt`; with `GANTRY_RECORD_BUILDS=1` this test makes
/// the recording anew (the socket of a dockerd that runs serves as well) with the dockerd of
/// `tools/real-peers` and the Buildx of `tools/real-clients`; with `GANTRY_RECORD_NEW=1` beside it
/// only what is not recorded yet.
class BuildCorpusIT {
  private static final Duration LIMIT = Duration.ofMinutes(3);

  /// What an engine puts into each container, and busybox's links.
  private static final Pattern OF_THE_ENGINE =
      Pattern.compile(
          "/|/\\.dockerenv|/dockerenv|/(bin|dev|proc|sys)(/.*)?|/etc|/etc/(hosts|hostname|resolv\\.conf|mtab)");

  @TempDir Path folder;

  @Test
  void buildsWhatDockerBuilds() throws IOException {
    List<CorpusCase> cases = CorpusCase.all();
    assertTrue(cases.size() >= 60, "the corpus has " + cases.size() + " cases");
    String record = System.getenv("GANTRY_RECORD_BUILDS");
    if (record != null) {
      record(cases, record);
      return;
    }
    Map<String, Map<String, String>> recorded = recorded();
    List<String> faults = new ArrayList<>();
    try (Engine engine = Engine.start()) {
      box(engine.socket());
      for (CorpusCase one : cases) {
        Map<String, String> docker = recorded.getOrDefault(one.name(), Map.of());
        Map<String, String> ours =
            facts(one, engine.socket(), words -> ours(engine, one, docker, words));
        faults.addAll(compare(one, docker, ours));
      }
    }
    assertEquals("", String.join("\n", faults));
  }

  /// Our own command line; Docker's with Buildx where the answer is meant for programs, and where a
  /// failure's text is what counts.
  private static Command ours(
      Engine engine, CorpusCase one, Map<String, String> docker, List<String> words) {
    return one.isCheck() || docker.getOrDefault("error", "").contains("failed to solve")
        ? buildx(Needs.dockerClient().toString(), "unix://" + engine.socket(), words)
        : engine.gantryCommand(words.toArray(String[]::new));
  }

  private static Command buildx(String client, String host, List<String> words) {
    List<String> all = new ArrayList<>(List.of(client, "-H", host));
    all.addAll(words);
    all.add(4, "--provenance=false");
    return Command.of(all).with("DOCKER_CONFIG", Needs.dockerConfig().toString()); // has Buildx
  }

  private static List<String> compare(
      CorpusCase one, Map<String, String> docker, Map<String, String> ours) {
    List<String> faults = new ArrayList<>();
    TreeSet<String> keys = new TreeSet<>(docker.keySet());
    keys.addAll(ours.keySet());
    if (!docker.getOrDefault("error", "").contains("failed to solve")) {
      keys.remove("error"); // the client's own words, not the engine's
    }
    keys.remove("Config.ArgsEscaped"); // of Windows alone, and as the base image was imported
    for (String key : keys) {
      boolean same =
          plain(docker.getOrDefault(key, "none")).equals(plain(ours.getOrDefault(key, "none")));
      boolean known = one.differences().containsKey(key) || one.differences().containsKey("all");
      if (!same && !known) {
        faults.add(
            one.name()
                + " "
                + key
                + "\n  dockerd: "
                + plain(docker.getOrDefault(key, "none"))
                + "\n  ours:    "
                + plain(ours.getOrDefault(key, "none"))
                + (ours.containsKey("error") ? "\n  " + ours.get("error") : ""));
      }
    }
    for (String known : one.differences().keySet()) {
      boolean same =
          known.equals("all")
              ? without(docker).equals(without(ours))
              : plain(docker.getOrDefault(known, "")).equals(plain(ours.getOrDefault(known, "")));
      if (same) {
        faults.add(one.name() + " no longer differs: " + known);
      }
    }
    return faults;
  }

  /// Without what is of the engine's inside: its numbers of what it has fetched.
  private static String plain(String text) {
    return text.startsWith("ERROR: ")
        ? text.replaceFirst("^ERROR: (failed to build: )?(failed to solve: )?", "")
            .replaceAll("checksum of ref [^ ]+: ", "checksum: ")
        : text;
  }

  private static Map<String, String> without(Map<String, String> facts) {
    Map<String, String> all = new LinkedHashMap<>(facts);
    all.remove("error");
    return all;
  }

  // ---- what a build comes to

  private Map<String, String> facts(
      CorpusCase one, Path socket, Function<List<String>, Command> builder) throws IOException {
    Path context = folder.resolve(one.name() + "-" + Math.abs(socket.hashCode()));
    one.lay(context);
    String tag = "corpus-" + one.name() + ":1";
    List<String> words = new ArrayList<>(List.of("build"));
    if (!one.isCheck()) {
      words.addAll(List.of("-q", "-t", tag));
    }
    words.addAll(one.words(context));
    words.add(context.toString());
    Outcome built = builder.apply(words).within(LIMIT).run();
    Map<String, String> facts = new LinkedHashMap<>();
    if (one.isCheck()) {
      return warnings(built);
    }
    if (built.code() != 0) {
      facts.put("exit", "failed");
      String last = built.err().strip().lines().reduce("", (a, b) -> b);
      facts.put("error", last.replaceAll("/[^ ]*/overlay2/[a-z0-9]+/merged", ""));
      return facts;
    }
    facts.put("exit", "built");
    if (one.isFiles()) {
      folder(context.resolve("out"), facts);
      return facts;
    }
    Json.JsonObject image = json(socket, "GET", "/images/" + tag + "/json", "");
    image
        .object("Config")
        .orElseGet(Json::object)
        .members()
        .forEach(
            (key, value) -> {
              String text = value.text();
              if (!List.of("null", "\"\"", "[]", "{}", "false").contains(text)) {
                facts.put("Config." + key, sorted(value));
              }
            });
    facts.put("Author", image.string("Author", ""));
    facts.put("Platform", image.string("Os", "") + "/" + image.string("Architecture", ""));
    facts.put("History", history(socket, tag));
    files(socket, tag)
        .forEach(
            (path, line) -> {
              if (!OF_THE_ENGINE.matcher(path).matches()) {
                facts.put(path, line);
              }
            });
    return facts;
  }

  /// What the build checks say, for programs.
  private static Map<String, String> warnings(Outcome checked) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("exit", Integer.toString(checked.code()));
    String out = checked.out().strip();
    if (!out.startsWith("{")) {
      facts.put("error", checked.err().strip().lines().reduce("", (a, b) -> b));
      return facts;
    }
    List<String> all = new ArrayList<>();
    for (Json.JsonObject w : Json.parseObject(out).objects("warnings")) {
      List<Json.JsonObject> ranges =
          w.object("location").map(l -> l.objects("ranges")).orElse(List.of());
      String lines =
          ranges.stream()
              .map(r -> r.object("start").orElseThrow().number("line", 0) + "")
              .collect(Collectors.joining(","));
      all.add(
          w.string("ruleName", "")
              + " at "
              + lines
              + ": "
              + w.string("detail", "")
              + " ("
              + w.string("description", "")
              + ") "
              + w.string("url", ""));
    }
    all.sort(String::compareTo); // by rule: the order of the same line's is nobody's
    for (int i = 0; i < all.size(); i++) {
      facts.put("warning " + i, all.get(i));
    }
    return facts;
  }

  /// The files of a folder that a build has written to.
  private static void folder(Path out, Map<String, String> facts) throws IOException {
    try (Stream<Path> all = Files.walk(out)) {
      for (Path file : all.sorted().toList()) {
        String what =
            Files.isSymbolicLink(file)
                ? "-> " + Files.readSymbolicLink(file)
                : Files.isDirectory(file)
                    ? "folder"
                    : PosixFilePermissions.toString(Files.getPosixFilePermissions(file))
                        + " "
                        + Files.readString(file).replace("\n", "\\n");
        facts.put("out/" + out.relativize(file), what);
      }
    }
  }

  private static String sorted(Json value) {
    return value instanceof Json.JsonObject o
        ? o.members().entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .map(e -> e.getKey() + ":" + sorted(e.getValue()))
            .collect(Collectors.joining(" ", "{", "}"))
        : value.text();
  }

  private static String history(Path socket, String tag) throws IOException {
    String text = PlainHttp.send(socket, "GET", "/images/" + tag + "/history", new byte[0]).text();
    List<String> lines = new ArrayList<>();
    if (Json.parse(text) instanceof Json.JsonArray items) {
      for (Json item : items) {
        lines.add(((Json.JsonObject) item).string("CreatedBy", ""));
      }
    }
    return String.join(" ; ", lines).replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r");
  }

  private static Map<String, String> files(Path socket, String tag) throws IOException {
    String body = "{\"Image\":\"" + tag + "\",\"Cmd\":[\"x\"]}";
    String id = json(socket, "POST", "/containers/create", body).string("Id", "");
    try {
      Answer export =
          PlainHttp.send(socket, "GET", "/containers/" + id + "/export", new byte[0]).expect(200);
      return TarListing.of(export.body());
    } finally {
      Answer ignored = PlainHttp.send(socket, "DELETE", "/containers/" + id, new byte[0]);
    }
  }

  private static Json.JsonObject json(Path socket, String method, String target, String body)
      throws IOException {
    return Json.parseObject(PlainHttp.send(socket, method, target, body.getBytes()).text());
  }

  private static void box(Path socket) throws IOException {
    String target = "/images/create?fromSrc=-&repo=box&tag=1&changes=CMD%20%5B%22sh%22%5D";
    Answer ignored = PlainHttp.send(socket, "POST", target, Busybox.tar()).expect(200);
  }

  // ---- the recording

  private static Map<String, Map<String, String>> recorded() {
    Map<String, Map<String, String>> all = new LinkedHashMap<>();
    Map<String, String> current = new LinkedHashMap<>();
    for (String line : CorpusCase.resource("recorded.txt").lines().toList()) {
      if (line.startsWith("== ")) {
        current = new LinkedHashMap<>();
        all.put(line.substring(3), current);
      } else if (line.indexOf(" = ") > 0) {
        int at = line.indexOf(" = ");
        current.put(line.substring(0, at), line.substring(at + 3));
      }
    }
    return all;
  }

  private void record(List<CorpusCase> cases, String running) throws IOException {
    Needs.root();
    Needs.peers();
    String client = Needs.dockerClient().toString();
    String tool = Needs.tree().resolve("tools/real-peers").toString();
    String name = "corpus" + ProcessHandle.current().pid();
    StringBuilder out = new StringBuilder();
    try {
      Path socket = Path.of(running);
      if (!running.startsWith("/")) {
        Outcome started =
            Command.of(tool, "dockerd", name, "--cgroup-parent", "/" + name).within(LIMIT).run();
        socket = Path.of(started.succeeded().line());
      }
      box(socket);
      String host = "unix://" + socket;
      Map<String, Map<String, String>> before =
          System.getenv("GANTRY_RECORD_NEW") == null ? Map.of() : recorded();
      for (CorpusCase one : cases) {
        out.append("== ").append(one.name()).append('\n');
        Map<String, String> facts = before.get(one.name());
        if (facts == null) {
          facts = facts(one, socket, words -> buildx(client, host, words));
        }
        facts.forEach((key, value) -> out.append(key).append(" = ").append(value).append('\n'));
      }
    } finally {
      Command.of(tool, "stop", name).within(LIMIT).run();
    }
    Path resources = Needs.tree().resolve("tests/conformance/src/test/resources/build");
    Files.writeString(resources.resolve("recorded.txt"), out);
  }
}
