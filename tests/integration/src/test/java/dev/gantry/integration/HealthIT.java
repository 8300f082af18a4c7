package dev.gantry.integration;

import static dev.gantry.integration.Containers.PATIENCE;
import static dev.gantry.integration.Containers.awaitStatus;
import static dev.gantry.integration.Containers.create;
import static dev.gantry.integration.Containers.events;
import static dev.gantry.integration.Containers.inspect;
import static dev.gantry.integration.Containers.now;
import static dev.gantry.integration.Containers.run;
import static dev.gantry.integration.Containers.state;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Health checks: Docker's by its CLI, ours over HTTP and TCP by the API.
@ExtendWith(EngineExtension.class)
class HealthIT {
  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-f", id));
  }

  private static Json.JsonObject health(Engine engine, String name) {
    return state(engine, name).object("Health").orElseGet(Json::object);
  }

  private static void awaitHealth(Engine engine, String name, String status) {
    Eventually.within(
        PATIENCE,
        () -> name + " becomes " + status + ": " + inspect(engine, name),
        () -> health(engine, name).string("Status", "").equals(status));
  }

  private static Map<String, Json> check(String... test) {
    return Map.of(
        "Healthcheck",
        Json.object()
            .put("Test", Json.strings(List.of(test)))
            .put("Interval", 100_000_000L)
            .put("Retries", 1));
  }

  private static Map<String, Json> checkAnd(String action, String... test) {
    Json.JsonObject check = (Json.JsonObject) check(test).get("Healthcheck");
    return Map.of("Healthcheck", check.put("OnFailure", action));
  }

  private static void start(Engine engine, String name) {
    engine.docker("start", name).succeeded();
  }

  @Test
  void commandDecidesAndIsShown(Engine engine) {
    long since = now();
    run(
        engine,
        "fickle",
        "sleep 1000",
        "--health-cmd",
        "echo looking; test -e /ok",
        "--health-interval",
        "200ms",
        "--health-retries",
        "3");
    awaitHealth(engine, "fickle", "unhealthy");
    Json.JsonObject seen = health(engine, "fickle");
    assertTrue(seen.number("FailingStreak", 0) >= 3, seen::toString);
    Json.JsonObject last = seen.objects("Log").getLast();
    assertEquals("looking\n", last.string("Output", ""));
    assertEquals(1, last.number("ExitCode", -1));
    engine.docker("exec", "fickle", "touch", "/ok").succeeded();
    awaitHealth(engine, "fickle", "healthy");
    assertEquals(0, health(engine, "fickle").number("FailingStreak", -1));
    Eventually.within(
        PATIENCE, "five results", () -> health(engine, "fickle").objects("Log").size() == 5);
    String line = engine.docker("ps", "--filter", "health=healthy").succeeded().out();
    assertTrue(line.contains("(healthy)"), line);
    List<String> told = new ArrayList<>(events(engine, since, "fickle", "{{.Action}}"));
    told.removeIf(action -> !action.startsWith("health_status"));
    assertEquals(List.of("health_status: unhealthy", "health_status: healthy"), told);
    engine.docker("stop", "-t", "0", "fickle").succeeded();
    assertEquals("unhealthy", health(engine, "fickle").string("Status", ""));
  }

  @Test
  void slowCheckIsEndedAndCounts(Engine engine) {
    run(
        engine,
        "slow",
        "sleep 1000",
        "--health-cmd",
        "sleep 1000",
        "--health-interval",
        "100ms",
        "--health-timeout",
        "300ms",
        "--health-retries",
        "1");
    awaitHealth(engine, "slow", "unhealthy");
    Json.JsonObject result = health(engine, "slow").objects("Log").getFirst();
    assertEquals(-1, result.number("ExitCode", 0));
    assertEquals("Health check exceeded timeout (300ms)", result.string("Output", ""));
  }

  @Test
  void failuresWithinTheStartPeriodAreForgiven(Engine engine) {
    run(
        engine,
        "starter",
        "sleep 1000",
        "--health-cmd",
        "test -e /ok",
        "--health-interval",
        "1h",
        "--health-start-period",
        "1h",
        "--health-start-interval",
        "100ms",
        "--health-retries",
        "1");
    Eventually.within(
        PATIENCE, "five results", () -> health(engine, "starter").objects("Log").size() == 5);
    assertEquals("starting", health(engine, "starter").string("Status", ""));
    assertEquals(0, health(engine, "starter").number("FailingStreak", -1));
    engine.docker("exec", "starter", "touch", "/ok").succeeded();
    awaitHealth(engine, "starter", "healthy");
  }

  @Test
  void checksOverHttpAndTcpNeedNothingInTheImage(Engine engine) {
    String server = "mkdir /w; echo fine >/w/index.html; exec httpd -f -p 8080 -h /w";
    create(engine, "page", check("HTTP", "http://localhost:8080/"), "sh", "-c", server);
    create(engine, "port", check("TCP", "8080"), "sh", "-c", server);
    create(engine, "lost", check("HTTP", "http://localhost:8080/none"), "sh", "-c", server);
    create(engine, "shut", check("TCP", "127.0.0.1:9"), "sh", "-c", server);
    for (String name : List.of("page", "port", "lost", "shut")) {
      start(engine, name);
    }
    awaitHealth(engine, "page", "healthy");
    String output = health(engine, "page").objects("Log").getLast().string("Output", "");
    assertTrue(output.startsWith("HTTP/1."), output);
    awaitHealth(engine, "port", "healthy");
    awaitHealth(engine, "shut", "unhealthy");
    Eventually.within(
        PATIENCE,
        () -> "the answer is in the log: " + health(engine, "lost"),
        () ->
            health(engine, "lost").objects("Log").stream()
                .anyMatch(r -> r.string("Output", "").contains(" 404 ")));
    awaitHealth(engine, "lost", "unhealthy");
    // an engine that comes later goes on checking
    engine.kill();
    engine.restart();
    assertEquals("healthy", health(engine, "page").string("Status", ""));
    engine.docker("exec", "page", "rm", "/w/index.html").succeeded();
    awaitHealth(engine, "page", "unhealthy");
  }

  @Test
  void unhealthyContainerIsTreatedAsItsCheckSays(Engine engine) {
    // the check fails once the program has said so: a signal before its trap would be lost
    String[] fails = {"CMD", "test", "!", "-e", "/up"};
    create(engine, "killed", checkAnd("kill", fails), "sh", "-c", "touch /up; sleep 1000");
    create(
        engine,
        "stopped",
        checkAnd("stop", fails),
        "sh",
        "-c",
        "trap 'exit 4' TERM; touch /up; while :; do sleep 0.05; done");
    create(
        engine,
        "renewed",
        checkAnd("restart", fails),
        "sh",
        "-c",
        "trap exit TERM; test -e /was && rm /up || touch /was /up; while :; do sleep 0.05; done");
    engine.docker("start", "killed", "stopped", "renewed").succeeded();
    awaitStatus(engine, "killed", "exited");
    assertEquals(137, state(engine, "killed").number("ExitCode", -1));
    awaitStatus(engine, "stopped", "exited");
    assertEquals(4, state(engine, "stopped").number("ExitCode", -1));
    Eventually.within(
        PATIENCE,
        () -> "it was restarted: " + inspect(engine, "renewed"),
        () -> inspect(engine, "renewed").number("RestartCount", 0) >= 1);
    awaitHealth(engine, "renewed", "healthy");
  }

  @Test
  void noneSwitchesTheCheckOff(Engine engine) {
    run(engine, "unchecked", "sleep 1000", "--no-healthcheck");
    assertEquals(
        "<no value>",
        inspect(engine, "unchecked", "{{.State.Health}}").replace("<nil>", "<no value>"));
    Json.JsonObject body =
        Json.object()
            .put("Image", engine.busybox())
            .put("Healthcheck", Json.object().put("Test", Json.strings(List.of("SOMETHING", "x"))));
    engine.request("POST", "/containers/create", body.toString()).expect(400);
  }

  @Test
  void flagsOfOursAskFromInsideTheContainersNetwork(Engine engine) {
    String server = "mkdir /w; echo fine >/w/index.html; exec httpd -f -p 8080 -h /w";
    for (List<String> flags :
        List.of(
            List.of("asked", "--health-http", "http://localhost:8080/"),
            List.of("reached", "--health-tcp", "8080"))) {
      List<String> words = new ArrayList<>(List.of("run", "-d", "--name", flags.get(0)));
      words.addAll(flags.subList(1, 3));
      words.addAll(List.of("--health-interval", "100ms", "--health-retries", "1"));
      words.addAll(List.of("--health-on-failure", "stop", "--stop-timeout", "0"));
      words.addAll(List.of(engine.busybox(), "sh", "-c", server));
      engine.gantry(words.toArray(String[]::new)).succeeded();
    }
    awaitHealth(engine, "asked", "healthy");
    awaitHealth(engine, "reached", "healthy");
    engine.docker("exec", "asked", "rm", "/w/index.html").succeeded();
    awaitStatus(engine, "asked", "exited");
    assertEquals("running", state(engine, "reached").string("Status", ""));
    engine.gantry("run", "--health-http", "ftp://localhost/", engine.busybox(), "true").exited(125);
    engine.gantry("run", "--health-on-failure", "weep", engine.busybox(), "true").exited(125);
  }

  /// A server that takes the connection and says nothing, one that says something else, and one
  /// whose answer comes in pieces.
  @Test
  void slowAndStrangeServersAreToldApart(Engine engine) {
    Map<String, String> servers =
        Map.of(
            "silent", "exec nc -ll -p 80 -e sleep 1000",
            "strange", "while :; do echo '220 ready' | nc -l -p 80; done",
            "pieces",
                "printf '#!/bin/sh\\nprintf \"HTTP/1.1 2\"; sleep 0.2; printf \"04 None\\\\r\\\\n\";"
                    + " sleep 0.1; printf \"\\\\r\\\\n\"' >/s; chmod +x /s;"
                    + " while :; do nc -l -p 80 -e /s; done");
    servers.forEach(
        (name, script) -> {
          Json.JsonObject check =
              (Json.JsonObject) check("HTTP", "http://localhost/").get("Healthcheck");
          check.put("Timeout", 2_000_000_000L).put("Retries", 1000);
          create(engine, name, Map.of("Healthcheck", check), "sh", "-c", script);
          start(engine, name);
        });
    Map<String, String> expected =
        Map.of(
            "silent", "Health check exceeded timeout (2s)",
            "strange", "no HTTP answer: 220 ready",
            "pieces", "HTTP/1.1 204 None");
    expected.forEach(
        (name, text) ->
            Eventually.within(
                PATIENCE,
                () -> name + " is told: " + health(engine, name),
                () ->
                    health(engine, name).objects("Log").stream()
                        .anyMatch(r -> r.string("Output", "").startsWith(text))));
    assertEquals("healthy", health(engine, "pieces").string("Status", ""));
  }
}
