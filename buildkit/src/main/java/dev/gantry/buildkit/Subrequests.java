package dev.gantry.buildkit;

import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.dockerfile.RunMount;
import dev.gantry.dockerfile.Warning;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Questions about a Dockerfile instead of a build of it: `docker buildx build --check` and
/// `--call`. The answers are JSON for programs and a text for people.
final class Subrequests {
  private static final String RULES = "https://docs.docker.com/go/dockerfile/rule/";

  private final String name;
  private final byte[] text;
  private final Dockerfile file;
  private final List<Warning> warnings;

  /// @param name the Dockerfile's
  /// @param text its content
  Subrequests(String name, byte[] text, Dockerfile file, List<Warning> warnings) {
    this.name = name;
    this.text = text.clone();
    this.file = file;
    this.warnings = warnings;
  }

  /// The gateway's answer to `request`.
  ///
  /// @param target as the client says; empty for the last stage
  Message answer(String request, String target, Map<String, String> arguments)
      throws GrpcException {
    return switch (request) {
      case "frontend.lint" -> lint();
      case "frontend.targets" -> targets();
      case "frontend.outline" -> outline(target, arguments);
      case "frontend.subrequests.describe" -> describe();
      default ->
          throw new GrpcException( // twice, as BuildKit's frontend says it
              GrpcException.UNKNOWN,
              "unsupported request " + request + ": unsupported request " + request);
    };
  }

  private static Message result(Json json, String people, String status) {
    Message result = new Message().message(3, new Message());
    result.entry(10, "result.json", bytes(JsonWriter.indented(json, "  ", true)));
    result.entry(10, "result.txt", bytes(people));
    result.entry(10, "version", bytes("1.0.0"));
    if (!status.isEmpty()) {
      result.entry(10, "result.statuscode", bytes(status));
    }
    return new Message().message(3, result);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /// Where people read about a rule.
  static String url(String rule) {
    String words = rule.replaceAll("([a-z])([A-Z])|([A-Z])([A-Z][a-z])", "$1$3-$2$4");
    return RULES + words.toLowerCase(Locale.ROOT) + "/";
  }

  private static Json.JsonObject location(int first, int last) {
    return Json.object()
        .put(
            "ranges",
            Json.array()
                .add(
                    Json.object()
                        .put("start", Json.object().put("line", first))
                        .put("end", Json.object().put("line", last))));
  }

  private static Json.JsonObject location(Origin origin) {
    return location(origin.first(), origin.last());
  }

  private String source() {
    return Base64.getEncoder().encodeToString(text);
  }

  // ---- the answers

  private Message lint() {
    Json.JsonArray all = Json.array();
    StringBuilder people = new StringBuilder();
    for (Warning w : warnings) {
      all.add(
          Json.object()
              .put("ruleName", w.rule())
              .put("description", w.description())
              .put("url", url(w.rule()))
              .put("detail", w.detail())
              .put("location", location(w.line(), w.line())));
      people
          .append("\nWARNING: ")
          .append(w.rule())
          .append(" - ")
          .append(url(w.rule()))
          .append('\n')
          .append(w.detail())
          .append('\n');
    }
    Json.JsonObject source =
        Json.object().put("filename", name).put("language", "Dockerfile").put("data", source());
    return result(
        Json.object()
            .put("warnings", all.isEmpty() ? Json.NULL : all)
            .put("sources", Json.array().add(source)),
        people.toString(),
        warnings.isEmpty() ? "0" : "1");
  }

  private Message targets() {
    Json.JsonArray all = Json.array();
    StringBuilder people = new StringBuilder("TARGET\tDESCRIPTION\n");
    for (Dockerfile.Stage stage : file.stages()) {
      boolean last = stage.index() == file.stages().size() - 1;
      Json.JsonObject target = Json.object();
      String own = stage.from().name();
      if (!own.isEmpty()) {
        target.put("name", own);
      }
      if (last) {
        target.put("default", true);
      }
      String about = description(own, stage.from().origin());
      if (!about.isEmpty()) {
        target.put("description", about);
      }
      all.add(
          target
              .put("base", stage.from().image())
              .put("location", location(stage.from().origin())));
      if (last || !own.isEmpty()) {
        people.append(own).append(last ? " (default)\t" : "\t").append(about).append('\n');
      }
    }
    return result(
        Json.object().put("targets", all).put("sources", Json.array().add(source())),
        people.toString(),
        "");
  }

  private Message outline(String target, Map<String, String> arguments) throws GrpcException {
    if (!target.isEmpty() && file.stage(target, file.stages().size()).isEmpty()) {
      throw new GrpcException(
          GrpcException.UNKNOWN, "target stage \"" + target + "\" could not be found");
    }
    Dockerfile.Stage stage =
        target.isEmpty()
            ? file.stages().getLast()
            : file.stage(target, file.stages().size()).orElseThrow();
    Map<Integer, Dockerfile.Stage> needed = new TreeMap<>();
    need(stage, needed);
    Arguments args = new Arguments(arguments);
    Json.JsonArray secrets = Json.array();
    Json.JsonArray agents = Json.array();
    for (Dockerfile.Stage each : needed.values()) {
      args.named(each.from().origin().text());
      for (Instruction instruction : each.instructions()) {
        if (instruction instanceof Instruction.Arg arg) {
          arg.arguments().forEach(a -> args.add(a, arg.origin()));
        } else if (instruction instanceof Instruction.Run run) {
          for (String mount : run.mounts()) {
            mount(mount, run.origin(), secrets, agents);
          }
        }
      }
    }
    Json.JsonObject answer = Json.object();
    StringBuilder people = new StringBuilder();
    people.append("TARGET:\t").append(stage.label()).append('\n');
    put(answer, "name", stage.from().name());
    String about = description(stage.from().name(), stage.from().origin());
    put(answer, "description", about);
    if (!about.isEmpty()) {
      people.append("DESCRIPTION:\t").append(about).append('\n');
    }
    list(answer, "args", args.all(), people, "BUILD ARG\tVALUE\tDESCRIPTION");
    list(answer, "secrets", secrets, people, "SECRET\tREQUIRED");
    list(answer, "ssh", agents, people, "SSH\tREQUIRED");
    return result(answer.put("sources", Json.array().add(source())), people.toString(), "");
  }

  private static void put(Json.JsonObject object, String name, String value) {
    if (!value.isEmpty()) {
      object.put(name, value);
    }
  }

  /// Lists of nothing are left out.
  private static void list(
      Json.JsonObject answer, String name, Json.JsonArray all, StringBuilder people, String head) {
    if (all.isEmpty()) {
      return;
    }
    answer.put(name, all);
    people.append('\n').append(head).append('\n');
    for (Json one : all.items()) {
      Json.JsonObject each = (Json.JsonObject) one;
      people.append(each.string("name", ""));
      if (name.equals("args")) {
        people.append('\t').append(each.string("value", ""));
        people.append('\t').append(each.string("description", ""));
      } else {
        people.append('\t').append(each.bool("required", false) ? "true" : "");
      }
      people.append('\n');
    }
  }

  /// What a comment above an instruction says of `name`: `# NAME words`.
  private String description(String name, Origin origin) {
    List<String> lines = new String(text, StandardCharsets.UTF_8).lines().toList();
    String found = "";
    for (int i = origin.first() - 2; i >= 0 && lines.get(i).strip().startsWith("#"); i--) {
      String comment = lines.get(i).strip().substring(1).strip();
      if (!name.isEmpty() && comment.startsWith(name + " ")) {
        found = comment.substring(name.length() + 1).strip();
      }
    }
    return found;
  }

  /// The arguments that a target takes, each with the value that it would have.
  private final class Arguments {
    private final Map<String, String> given;
    private final Map<String, String> values = new LinkedHashMap<>();
    private final Map<Integer, List<Json.JsonObject>> byLine = new TreeMap<>();

    Arguments(Map<String, String> given) {
      this.given = given;
    }

    /// Arguments before the first FROM that the text of a FROM names.
    void named(String from) {
      for (Instruction.Arg arg : file.arguments()) {
        for (Instruction.Argument a : arg.arguments()) {
          if (from.matches("(?s).*\\$\\{?" + Pattern.quote(a.name()) + "\\b.*")) {
            put(a, arg.origin());
          }
        }
      }
    }

    /// One of a stage; without a value it is the one before the first FROM.
    void add(Instruction.Argument own, Origin origin) {
      for (Instruction.Arg arg : file.arguments()) {
        for (Instruction.Argument a : arg.arguments()) {
          if (own.value().isEmpty() && a.name().equals(own.name())) {
            put(a, arg.origin());
            return;
          }
        }
      }
      put(own, origin);
    }

    private void put(Instruction.Argument a, Origin origin) {
      if (values.containsKey(a.name())) {
        return;
      }
      String value = given.getOrDefault(a.name(), a.value().map(this::expanded).orElse(""));
      values.put(a.name(), value);
      Json.JsonObject one = Json.object().put("name", a.name());
      Subrequests.put(one, "description", description(a.name(), origin));
      Subrequests.put(one, "value", value);
      byLine
          .computeIfAbsent(origin.first(), l -> new ArrayList<>())
          .add(one.put("location", location(origin)));
    }

    Json.JsonArray all() {
      Json.JsonArray all = Json.array();
      byLine.values().forEach(line -> line.forEach(all::add));
      return all;
    }

    private String expanded(String word) {
      try {
        return new Expansion(file.directives().escape(), values::get).word(word);
      } catch (ParseFailure e) {
        return word; // the build itself will say so
      }
    }
  }

  /// The stage and those that it stands on or takes files from.
  private void need(Dockerfile.Stage stage, Map<Integer, Dockerfile.Stage> needed) {
    if (needed.putIfAbsent(stage.index(), stage) != null) {
      return;
    }
    List<String> names = new ArrayList<>(List.of(stage.from().image()));
    for (Instruction instruction : stage.instructions()) {
      if (instruction instanceof Instruction.Copy copy) {
        names.add(copy.flags().from());
      } else if (instruction instanceof Instruction.Run run) {
        run.mounts().stream()
            .flatMap(mount -> Stream.of(mount.split(",")))
            .filter(field -> field.startsWith("from="))
            .forEach(field -> names.add(field.substring("from=".length())));
      }
    }
    names.forEach(name -> file.stage(name, stage.index()).ifPresent(s -> need(s, needed)));
  }

  private static void mount(
      String text, Origin origin, Json.JsonArray secrets, Json.JsonArray agents) {
    RunMount mount;
    try {
      mount = RunMount.parse(text);
    } catch (ParseFailure e) {
      return; // the build itself will say so
    }
    String id = mount.id().isEmpty() && mount.kind().equals("ssh") ? "default" : mount.id();
    Json.JsonObject entry = Json.object().put("name", id);
    if (mount.required()) {
      entry.put("required", true);
    }
    switch (mount.kind()) {
      case "secret" -> secrets.add(entry.put("location", location(origin)));
      case "ssh" -> agents.add(entry.put("location", location(origin)));
      default -> {}
    }
  }

  private static Message describe() {
    Json.JsonArray all = Json.array();
    StringBuilder people = new StringBuilder("NAME\tVERSION\tDESCRIPTION\n");
    Json.JsonArray target =
        Json.array()
            .add(Json.object().put("name", "target").put("description", "Target build stage"));
    describe(
        "frontend.outline",
        "List all parameters current build target supports",
        target,
        all,
        people);
    describe(
        "frontend.targets", "List all targets current build supports", Json.array(), all, people);
    describe(
        "frontend.subrequests.describe", "List available subrequest types", Json.NULL, all, people);
    return result(all, people.toString(), "");
  }

  private static void describe(
      String request, String about, Json options, Json.JsonArray all, StringBuilder people) {
    Json.JsonArray metadata = Json.array();
    for (String key : List.of("result.json", "result.txt")) {
      metadata.add(Json.object().put("name", key).put("description", ""));
    }
    all.add(
        Json.object()
            .put("name", request)
            .put("version", "1.0.0")
            .put("type", "rpc")
            .put("description", about)
            .put("opts", options)
            .put("inputs", Json.NULL)
            .put("metadata", metadata)
            .put("refs", Json.NULL));
    String shown = request.substring("frontend.".length());
    people.append(shown).append("\t1.0.0\t").append(about).append('\n');
  }
}
