package dev.gantry.integration;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// What tests of containers have in common, by the real Docker CLI or over the API alone.
final class Containers {
  /// How long a condition may take on a machine that does much else.
  static final Duration PATIENCE = Duration.ofSeconds(60);

  /// What the engine answered to a creation.
  record Created(int status, String id, String text) {
    String orElseThrow() {
      if (status != 201) {
        throw new AssertionError("create: " + status + " " + text);
      }
      return id;
    }
  }

  private Containers() {}

  /// Runs `script` detached, with further flags of `docker run`.
  static void run(Engine engine, String name, String script, String... flags) {
    List<String> words = new ArrayList<>(List.of("run", "-d", "--name", name));
    words.addAll(List.of(flags));
    words.addAll(List.of(engine.busybox(), "sh", "-c", script));
    engine.docker(words.toArray(String[]::new)).succeeded();
  }

  /// Runs `script` in a container that is gone afterwards, with further flags of `docker run`.
  static Outcome once(Engine engine, String script, String... flags) {
    List<String> words = new ArrayList<>(List.of("run", "--rm"));
    words.addAll(List.of(flags));
    words.addAll(List.of(engine.busybox(), "sh", "-c", script));
    return engine.docker(words.toArray(String[]::new));
  }

  /// The line that `script` prints in such a container.
  static String out(Engine engine, String script, String... flags) {
    return once(engine, script, flags).succeeded().line();
  }

  /// Removes all containers with their volumes, and all volumes that nothing uses.
  static void removeAllWithVolumes(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-fv", id));
    engine.docker("volume", "prune", "-af").succeeded();
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

  // ---- without any client

  /// A container of busybox that runs a shell script.
  static Json.JsonObject body(Engine engine, String script) {
    return Json.object()
        .put("Image", engine.busybox())
        .put("Cmd", Json.array().add("sh").add("-c").add(script));
  }

  static Created create(Engine engine, Json.JsonObject body) {
    Answer answer = engine.request("POST", "/containers/create", body.toString());
    String id = answer.status() == 201 ? Json.parseObject(answer.text()).string("Id", "") : "";
    return new Created(answer.status(), id, answer.text());
  }

  static String run(Engine engine, String script) {
    String id = create(engine, body(engine, script)).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    return id;
  }

  /// Waits for the end; the exit code.
  static long awaitExit(Engine engine, String id) {
    String text = engine.request("POST", "/containers/" + id + "/wait", "").expect(200).text();
    return Json.parseObject(text).number("StatusCode", -1);
  }

  /// Runs a command in the container and does not wait for it.
  static void exec(Engine engine, String id, String... words) {
    Json.JsonArray command = Json.array();
    for (String word : words) {
      command.add(word);
    }
    Answer created =
        engine.request(
            "POST", "/containers/" + id + "/exec", Json.object().put("Cmd", command).toString());
    String exec = Json.parseObject(created.expect(201).text()).string("Id", "");
    engine.request("POST", "/exec/" + exec + "/start", "{\"Detach\":true}").expect(200);
  }

  static List<String> log(Engine engine, String id) {
    return log(engine, id, false, "");
  }

  /// The lines of a log; where it comes raw from a terminal, without the carriage returns.
  static List<String> log(Engine engine, String id, boolean raw, String more) {
    byte[] body =
        engine.get("/containers/" + id + "/logs?stdout=1&stderr=1" + more).expect(200).body();
    String text = raw ? new String(body, StandardCharsets.UTF_8).replace("\r", "") : text(body);
    return text.lines().toList();
  }

  /// The payload of frames: stream, three zeros, length in four bytes, payload.
  static String text(byte[] frames) {
    StringBuilder text = new StringBuilder();
    ByteBuffer in = ByteBuffer.wrap(frames);
    while (in.remaining() >= 8) {
      in.getInt();
      byte[] payload = new byte[in.getInt()];
      in.get(payload);
      text.append(new String(payload, StandardCharsets.UTF_8));
    }
    return text.toString();
  }
}
