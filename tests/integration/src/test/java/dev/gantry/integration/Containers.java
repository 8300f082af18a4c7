package dev.gantry.integration;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// What tests of containers by the real Docker CLI have in common.
final class Containers {
  /// How long a condition may take on a machine that does much else.
  static final Duration PATIENCE = Duration.ofSeconds(60);

  private Containers() {}

  /// Runs `script` detached, with further flags of `docker run`.
  static void run(Engine engine, String name, String script, String... flags) {
    List<String> words = new ArrayList<>(List.of("run", "-d", "--name", name));
    words.addAll(List.of(flags));
    words.addAll(List.of(engine.busybox(), "sh", "-c", script));
    engine.docker(words.toArray(String[]::new)).succeeded();
  }

  static String inspect(Engine engine, String name, String format) {
    return engine.docker("inspect", "--format", format, name).succeeded().line();
  }

  static Json.JsonObject inspect(Engine engine, String name) {
    return (Json.JsonObject) engine.json("/containers/" + name + "/json");
  }

  static Json.JsonObject state(Engine engine, String name) {
    return inspect(engine, name).object("State").orElseThrow();
  }

  static String status(Engine engine, String name) {
    return state(engine, name).string("Status", "");
  }

  static void awaitStatus(Engine engine, String name, String status) {
    Eventually.within(
        PATIENCE,
        () -> name + " is " + status + ": " + inspect(engine, name),
        () -> status(engine, name).equals(status));
  }

  static void awaitLog(Engine engine, String name, String text) {
    Eventually.within(
        PATIENCE,
        () -> name + " prints " + text + ": " + engine.docker("logs", name),
        () -> engine.docker("logs", name).out().contains(text));
  }

  /// What happened to `name` since `since` (seconds), as `--format` says.
  static List<String> events(Engine engine, long since, String name, String format) {
    return events(engine, since, "container", name, format);
  }

  static List<String> events(Engine engine, long since, String kind, String name, String format) {
    return engine
        .docker(
            "events",
            "--since",
            Long.toString(since),
            "--until",
            Long.toString(now() + 1),
            "--filter",
            kind + "=" + name,
            "--format",
            format)
        .succeeded()
        .out()
        .lines()
        .toList();
  }

  static long now() {
    return System.currentTimeMillis() / 1000;
  }

  /// Makes a container through the API, for what Docker's CLI has no flag for.
  static String create(Engine engine, String name, Map<String, Json> config, String... command) {
    Json.JsonObject body =
        Json.object().put("Image", engine.busybox()).put("Cmd", Json.strings(List.of(command)));
    config.forEach(body::put);
    return Json.parseObject(
            engine
                .request("POST", "/containers/create?name=" + name, body.toString())
                .expect(201)
                .text())
        .string("Id", "");
  }
}
