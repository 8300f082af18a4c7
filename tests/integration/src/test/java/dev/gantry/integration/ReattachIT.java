package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// What can be done with containers that were started by an engine that was killed. One kill for
/// all: everything before it happens on the first engine, everything after on the second.
class ReattachIT {
  private static final String ATTACH = "/attach?stream=1&stdin=1&stdout=1&stderr=1";
  private static final String TRAP = "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done";

  @Test
  void everythingWorksOnContainersOfAKilledEngine() throws Exception {
    try (Engine engine = Engine.start()) {
      engine.busybox();
      final String terminal = start(engine, echo().put("Tty", true));
      final String pipes = start(engine, echo().put("StdinOnce", true));
      final String ends = run(engine, "until [ -e /go ]; do sleep 0.05; done; echo late; exit 7");
      final String shot = run(engine, "echo up; sleep 1000");
      final String talks = run(engine, "until [ -e /go ]; do echo more; sleep 0.05; done; exit 6");
      final String stops = run(engine, TRAP);
      final String restarts = run(engine, TRAP);
      final String paused = run(engine, TRAP);
      final String named = run(engine, TRAP);
      Containers.awaitStatus(engine, shot, "running");
      for (String id : List.of(stops, restarts, paused, named, shot)) {
        Eventually.within(
            Containers.PATIENCE, id + " is up", () -> Containers.log(engine, id).contains("up"));
      }
      engine.request("POST", "/containers/" + paused + "/pause", "").expect(204);
      converse(engine, terminal, "before");
      long restartedPid = pid(engine, restarts);
      final long endsPid = pid(engine, ends);
      final long shotPid = pid(engine, shot);

      engine.kill();
      touch(endsPid, "go");
      ProcessHandle.of(shotPid).orElseThrow().destroyForcibly();
      awaitGone(endsPid);
      awaitGone(shotPid);
      engine.restart();

      assertEnded(engine, ends, 7);
      assertEquals(List.of("late"), Containers.log(engine, ends));
      assertEnded(engine, shot, 137);
      converse(engine, terminal, "after");
      conversePipes(engine, pipes);
      followAndWait(engine, talks);
      assertEquals("root", exec(engine, named, "whoami"));
      engine.request("POST", "/containers/" + named + "/rename?name=other", "").expect(204);
      assertEquals(named, Containers.inspect(engine, "other").string("Id", ""));
      engine.request("DELETE", "/containers/other?force=1", "").expect(204);
      assertEquals(404, engine.get("/containers/" + named + "/json").status());
      engine.request("POST", "/containers/" + stops + "/stop", "").expect(204);
      assertEnded(engine, stops, 3);
      engine.request("POST", "/containers/" + restarts + "/restart", "").expect(204);
      assertEquals("running", Containers.status(engine, restarts));
      assertNotEquals(restartedPid, pid(engine, restarts));
      assertEquals("paused", Containers.status(engine, paused));
      engine.request("POST", "/containers/" + paused + "/unpause", "").expect(204);
      assertEquals("running", Containers.status(engine, paused));
      engine.request("POST", "/containers/" + paused + "/stop", "").expect(204);
      assertEnded(engine, paused, 3);
    }
  }

  /// Answers each line of its input until that ends.
  private static Json.JsonObject echo() {
    return Json.object()
        .put("Cmd", Json.strings(List.of("sh", "-c", "while read -r x; do echo got $x; done")))
        .put("OpenStdin", true);
  }

  private static String start(Engine engine, Json.JsonObject body) {
    String id = Containers.create(engine, body.put("Image", engine.busybox())).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    return id;
  }

  private static String run(Engine engine, String script) {
    return Containers.run(engine, script);
  }

  private static long pid(Engine engine, String id) {
    return Containers.state(engine, id).number("Pid", 0);
  }

  /// Makes a file in a running container, past the engine.
  private static void touch(long pid, String name) throws IOException {
    Files.createFile(Path.of("/proc", Long.toString(pid), "root", name));
  }

  private static void awaitGone(long pid) {
    Eventually.within(
        Containers.PATIENCE,
        pid + " ends",
        () -> !Files.exists(Path.of("/proc", Long.toString(pid))));
  }

  private static void assertEnded(Engine engine, String id, int code) {
    assertEquals(code, Containers.awaitExit(engine, id));
    Json.JsonObject state = Containers.state(engine, id);
    assertEquals("exited", state.string("Status", ""), state::toString);
    assertEquals(code, state.number("ExitCode", -1), state::toString);
  }

  /// Types at the terminal and reads the answer; resizes it.
  private static void converse(Engine engine, String id, String word) throws IOException {
    engine.request("POST", "/containers/" + id + "/resize?h=33&w=99", "").expect(200);
    assertEquals("33 99", exec(engine, id, "stty", "-F", "/dev/console", "size"));
    try (Hijacked attached = Hijacked.open(engine, "/containers/" + id + ATTACH)) {
      attached.write(word + "\n");
      StringBuilder seen = new StringBuilder();
      while (seen.indexOf("got " + word) < 0) {
        int b = attached.in().read();
        assertTrue(b >= 0, () -> "ended after " + seen);
        seen.append((char) b);
      }
    }
  }

  /// Input, its end, and the output up to there.
  private static void conversePipes(Engine engine, String id) throws IOException {
    String all;
    try (Hijacked attached = Hijacked.open(engine, "/containers/" + id + ATTACH)) {
      attached.write("one\ntwo\n");
      attached.closeInput();
      all = attached.readFrames();
    }
    assertEquals("got one\ngot two\n", all);
    assertEnded(engine, id, 0);
  }

  private static void followAndWait(Engine engine, String id) throws Exception {
    CompletableFuture<List<String>> followed =
        CompletableFuture.supplyAsync(() -> Containers.log(engine, id, false, "&follow=1"));
    CompletableFuture<Long> awaited =
        CompletableFuture.supplyAsync(() -> Containers.awaitExit(engine, id));
    touch(pid(engine, id), "go");
    assertEquals(6, awaited.get(Containers.PATIENCE.toSeconds(), TimeUnit.SECONDS));
    List<String> lines = followed.get(Containers.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    assertEquals(Containers.log(engine, id), lines);
    assertTrue(lines.stream().allMatch("more"::equals), lines::toString);
  }

  /// What a command in the container prints, in one line.
  private static String exec(Engine engine, String id, String... words) throws IOException {
    Json.JsonObject body =
        Json.object().put("AttachStdout", true).put("Cmd", Json.strings(List.of(words)));
    String exec =
        Json.parseObject(
                engine
                    .request("POST", "/containers/" + id + "/exec", body.toString())
                    .expect(201)
                    .text())
            .string("Id", "");
    byte[] out = engine.request("POST", "/exec/" + exec + "/start", "{}").expect(200).body();
    return Containers.text(out).strip();
  }
}
