package dev.gantry.buildkit;

import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.dockerfile.RunMount;
import dev.gantry.dockerfile.Warning;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
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
          throw new GrpcException(GrpcException.UNIMPLEMENTED, "unsupported request " + request);
    };
  }

  private static Message result(Json json, String people, String status) {
    Message result = new Message().message(3, new Message());
    result.entry(10, "result.json", bytes(json.text()));
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
        Json.object().put("warnings", all).put("sources", Json.array().add(source)),
        people.toString(),
        warnings.isEmpty() ? "0" : "1");
  }

  private Message targets() {
    Json.JsonArray all = Json.array();
    StringBuilder people = new StringBuilder("TARGET\tDESCRIPTION\n");
    for (Dockerfile.Stage stage : file.stages()) {
      boolean last = stage.index() == file.stages().size() - 1;
      Json.JsonObject target = Json.object();
      if (!stage.from().name().isEmpty()) {
        target.put("name", stage.from().name());
      }
      if (last) {
        target.put("default", true);
      }
      all.add(
          target
              .put("base", stage.from().image())
              .put("location", location(stage.from().origin())));
      if (last || !stage.from().name().isEmpty()) {
        people.append(stage.from().name()).append(last ? " (default)\t\n" : "\t\n");
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
    Json.JsonArray args = Json.array();
    Json.JsonArray secrets = Json.array();
    Json.JsonArray agents = Json.array();
    Json.JsonArray caches = Json.array();
    for (Instruction.Arg arg : file.arguments()) {
      args(arg, arguments, args);
    }
    Map<Integer, Dockerfile.Stage> needed = new TreeMap<>();
    need(stage, needed);
    for (Dockerfile.Stage each : needed.values()) {
      for (Instruction instruction : each.instructions()) {
        if (instruction instanceof Instruction.Arg arg) {
          args(arg, arguments, args);
        } else if (instruction instanceof Instruction.Run run) {
          for (String mount : run.mounts()) {
            mount(mount, run.origin(), secrets, agents, caches);
          }
        }
      }
    }
    StringBuilder people = new StringBuilder();
    people.append("TARGET:\t").append(stage.label()).append("\n\nBUILD ARG\tVALUE\n");
    for (int i = 0; i < args.size(); i++) {
      if (args.get(i) instanceof Json.JsonObject a) {
        people.append(a.string("name", "")).append('\t').append(a.string("value", ""));
        people.append('\n');
      }
    }
    return result(
        Json.object()
            .put("name", stage.from().name())
            .put("args", args)
            .put("secrets", secrets)
            .put("ssh", agents)
            .put("cache", caches)
            .put("sources", Json.array().add(source())),
        people.toString(),
        "");
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

  private static void args(Instruction.Arg arg, Map<String, String> arguments, Json.JsonArray all) {
    for (Instruction.Argument a : arg.arguments()) {
      String value = arguments.getOrDefault(a.name(), a.value().orElse(""));
      all.add(
          Json.object()
              .put("name", a.name())
              .put("value", value)
              .put("location", location(arg.origin())));
    }
  }

  private static void mount(
      String text,
      Origin origin,
      Json.JsonArray secrets,
      Json.JsonArray agents,
      Json.JsonArray caches) {
    RunMount mount;
    try {
      mount = RunMount.parse(text);
    } catch (ParseFailure e) {
      return; // the build itself will say so
    }
    Json.JsonObject entry = Json.object().put("name", mount.id()).put("location", location(origin));
    switch (mount.kind()) {
      case "secret" -> secrets.add(entry.put("required", mount.required()));
      case "ssh" -> agents.add(entry.put("required", mount.required()));
      case "cache" ->
          caches.add(
              Json.object()
                  .put("ID", mount.id().isEmpty() ? mount.target() : mount.id())
                  .put("location", location(origin)));
      default -> {}
    }
  }

  private static Message describe() {
    Json.JsonArray all = Json.array();
    StringBuilder people = new StringBuilder("NAME\tVERSION\n");
    for (String request :
        List.of(
            "frontend.lint",
            "frontend.outline",
            "frontend.targets",
            "frontend.subrequests.describe")) {
      all.add(
          Json.object()
              .put("name", request)
              .put("version", "1.0.0")
              .put("type", "rpc")
              .put(
                  "metadata",
                  Json.array()
                      .add(Json.object().put("name", "result.json"))
                      .add(Json.object().put("name", "result.txt"))));
      people.append(request).append("\t1.0.0\n");
    }
    return result(all, people.toString(), "");
  }
}
