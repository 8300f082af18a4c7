package dev.gantry.integration;

import static dev.gantry.integration.Containers.PATIENCE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/// Containers that nobody changes and that must go on through all kills of the engine: one that is
/// checked for its health, one that dies while no engine looks, those that may fail so and so
/// often, and a client that finds its server by name.
final class CrashFixtures {
  private static final int RETRIES = 2;
  private static final int MOST_DEATHS = 5;

  private final Engine engine;
  private final CrashEvents events;
  private final List<String> failing = new ArrayList<>();
  private final String patient;
  private final String victim;
  private final String server;
  private final String client;
  private boolean isWell = true;
  private String lastCheck = "";
  private int deaths;

  CrashFixtures(Engine engine, CrashEvents events) {
    this.engine = engine;
    this.events = events;
    Json.JsonObject check =
        Json.object()
            .put("Test", Json.array().add("CMD-SHELL").add("echo looked; test ! -e /sick"))
            .put("Interval", 300_000_000L)
            .put("Retries", 2);
    patient =
        started(Containers.body(engine, "exec sleep 1000000").put("Healthcheck", check), "no", "");
    awaitHealth("healthy");
    victim = started(Containers.body(engine, "echo run; exec sleep 1000000"), "always", "");
    engine.request("POST", "/networks/create", "{\"Name\":\"crash\"}").expect(201);
    server =
        started(
            Containers.body(engine, "exec httpd -f -p 80 -h /etc").put("Hostname", "server"),
            "no",
            "crash");
    client = started(Containers.body(engine, "exec sleep 1000000"), "no", "crash");
  }

  private String started(Json.JsonObject body, String policy, String network) {
    Json.JsonObject restart =
        Json.object()
            .put("Name", policy)
            .put("MaximumRetryCount", policy.equals("on-failure") ? RETRIES : 0);
    body.put(
        "HostConfig",
        Json.object()
            .put("RestartPolicy", restart)
            .put("NetworkMode", network.isEmpty() ? "default" : network));
    String id = Containers.create(engine, body).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    return id;
  }

  /// One more container that ends with 3 until its policy has had enough.
  void fail() {
    failing.add(started(Containers.body(engine, "echo tried; exit 3"), "on-failure", "none"));
  }

  /// Ends one container's process while no engine runs, as often as its restarts do not yet take
  /// long.
  void strike() {
    if (deaths == MOST_DEATHS) {
      return;
    }
    long pid = victimLife.pid();
    ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    deaths++;
    Eventually.within(PATIENCE, "the process ends", () -> !victimLife.equals(CrashLife.of(pid)));
  }

  private CrashLife victimLife = CrashLife.NONE;

  /// After a restart of the engine.
  void assertGoOn(int crash) {
    Json.JsonObject health = Containers.state(engine, patient).object("Health").orElseThrow();
    assertEquals(isWell ? "healthy" : "unhealthy", health.string("Status", ""), () -> "" + health);
    assertTrue(
        isWell == (health.number("FailingStreak", -1) < RETRIES),
        () -> "after crash " + crash + ": " + health);
    Eventually.within(
        PATIENCE,
        () -> "it is looked at further: " + Containers.state(engine, patient),
        () -> lastCheck().compareTo(lastCheck) > 0);
    lastCheck = lastCheck();

    Eventually.within(
        PATIENCE,
        () -> deaths + " restarts: " + Containers.inspect(engine, victim),
        () -> hasComeBack(Containers.inspect(engine, victim)));
    victimLife = CrashLife.of(Containers.state(engine, victim).number("Pid", 0));
    assertTrue(victimLife.isKnown(), () -> "it has ended again: " + told(victim));
    events.assertRuns(victim, deaths + 1, deaths, 137);
    events.assertAgrees(victim, Containers.inspect(engine, victim));

    String page = output(client, "wget", "-q", "-O", "-", "http://server/group");
    assertTrue(page.contains("nogroup"), () -> "after crash " + crash + ": " + page);
  }

  private String told(String id) {
    events.read();
    return Containers.inspect(engine, id).object("State") + " " + events.of(id);
  }

  private boolean hasComeBack(Json.JsonObject container) {
    return container.number("RestartCount", -1) == deaths
        && container.object("State").orElseThrow().string("Status", "").equals("running");
  }

  private String lastCheck() {
    List<Json.JsonObject> log =
        Containers.state(engine, patient).object("Health").orElseThrow().objects("Log");
    return log.isEmpty() ? "" : Instant.parse(log.getLast().string("Start", "")).toString();
  }

  private String output(String id, String... words) {
    Json.JsonObject body =
        Json.object()
            .put("Cmd", Json.strings(List.of(words)))
            .put("AttachStdout", true)
            .put("AttachStderr", true);
    String made =
        engine.request("POST", "/containers/" + id + "/exec", body.toString()).expect(201).text();
    String exec = Json.parseObject(made).string("Id", "");
    return Containers.text(
        engine
            .request("POST", "/exec/" + exec + "/start", "{\"Detach\":false}")
            .expect(200)
            .body());
  }

  /// The other way round with the health of the one that is checked.
  void turn() {
    isWell = !isWell;
    output(patient, isWell ? "rm" : "touch", "/sick");
    awaitHealth(isWell ? "healthy" : "unhealthy");
  }

  private void awaitHealth(String status) {
    Eventually.within(
        PATIENCE,
        () -> "it gets " + status + ": " + Containers.state(engine, patient),
        () ->
            Containers.state(engine, patient)
                .object("Health")
                .orElseThrow()
                .string("Status", "")
                .equals(status));
  }

  /// At the end: those that failed have been tried as often as was said, and every try was told.
  void assertTriedAsOftenAsWasSaid() {
    for (String id : failing) {
      Eventually.within(
          PATIENCE,
          () -> "it gives up: " + Containers.inspect(engine, id),
          () ->
              Containers.inspect(engine, id).number("RestartCount", -1) == RETRIES
                  && Containers.state(engine, id).string("Status", "").equals("exited"));
      events.assertRuns(id, RETRIES + 1, RETRIES + 1, 3);
      events.assertAgrees(id, Containers.inspect(engine, id));
      assertEquals(List.of("tried", "tried", "tried"), Containers.log(engine, id), id);
    }
  }

  /// Takes everything away.
  void clean() {
    for (String id : List.of(patient, victim, server, client)) {
      engine.request("DELETE", "/containers/" + id + "?force=1&v=1", "").expect(204);
    }
    failing.forEach(
        id -> engine.request("DELETE", "/containers/" + id + "?force=1&v=1", "").expect(204));
    engine.request("DELETE", "/networks/crash", "").expect(204);
  }
}
