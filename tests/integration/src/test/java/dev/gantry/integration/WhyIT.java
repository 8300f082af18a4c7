package dev.gantry.integration;

import static dev.gantry.integration.Containers.PATIENCE;
import static dev.gantry.integration.Containers.awaitLog;
import static dev.gantry.integration.Containers.awaitStatus;
import static dev.gantry.integration.Containers.create;
import static dev.gantry.integration.Containers.run;
import static dev.gantry.integration.Containers.state;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Staged deaths, each named rightly by `gantry why`.
@ExtendWith(EngineExtension.class)
class WhyIT {
  /// Fills a shell variable until the kernel steps in.
  private static final String HOG = "x=0123456789; while :; do x=$x$x; done";

  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-f", id));
  }

  private static Json.JsonObject why(Engine engine, String name) {
    return (Json.JsonObject) engine.json("/gantry/containers/" + name + "/why");
  }

  private static String awaitCause(Engine engine, String name) {
    awaitStatus(engine, name, "exited");
    return why(engine, name).string("Cause", "");
  }

  private static String told(Engine engine, String name) {
    return engine.gantry("why", name).succeeded().out();
  }

  @Test
  void memoryOfTheMainProcess(Engine engine) {
    run(engine, "hog", "echo growing; " + HOG, "-m", "24m", "--memory-swap", "24m");
    assertEquals("oom", awaitCause(engine, "hog"));
    String told = told(engine, "hog");
    assertTrue(told.contains("ran out of memory: the kernel killed its main process"), told);
    assertTrue(told.contains("limit of 24 MiB"), told);
    assertTrue(told.contains("growing"), told);
    assertEquals(24 << 20, why(engine, "hog").object("Limits").orElseThrow().number("memory", 0));
  }

  @Test
  void memoryOfAChild(Engine engine) {
    run(engine, "parent", "sh -c '" + HOG + "'; exit 7", "-m", "24m", "--memory-swap", "24m");
    assertEquals("oom-of-child", awaitCause(engine, "parent"));
    assertEquals(7, why(engine, "parent").number("ExitCode", -1));
  }

  @Test
  void signalsByUsersAndOthers(Engine engine) {
    run(engine, "killed", "sleep 1000");
    engine.docker("kill", "killed").succeeded();
    assertEquals("killed-by-user", awaitCause(engine, "killed"));
    run(engine, "struck", "sleep 1000");
    ProcessHandle.of(state(engine, "struck").number("Pid", 0)).orElseThrow().destroyForcibly();
    assertEquals("killed-from-outside", awaitCause(engine, "struck"));
    String told = told(engine, "struck");
    assertTrue(told.contains("SIGKILL that did not come through the engine"), told);
  }

  @Test
  void stopInTimeAndTooLate(Engine engine) {
    run(engine, "polite", "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done");
    awaitLog(engine, "polite", "up");
    engine.docker("stop", "polite").succeeded();
    assertEquals("stopped", awaitCause(engine, "polite"));
    run(engine, "deaf", "trap '' TERM; echo up; while :; do sleep 0.05; done");
    awaitLog(engine, "deaf", "up");
    engine.docker("stop", "-t", "1", "deaf").succeeded();
    assertEquals("stop-timeout", awaitCause(engine, "deaf"));
  }

  @Test
  void failedHealthChecks(Engine engine) {
    Json.JsonObject check =
        Json.object()
            .put("Test", Json.strings(List.of("CMD-SHELL", "echo feeling bad; false")))
            .put("Interval", 100_000_000L)
            .put("Retries", 2)
            .put("OnFailure", "kill");
    create(engine, "sick", Map.of("Healthcheck", check), "sleep", "1000");
    engine.docker("start", "sick").succeeded();
    assertEquals("health", awaitCause(engine, "sick"));
    String told = told(engine, "sick");
    assertTrue(told.contains("feeling bad"), told);
  }

  @Test
  void exitsAndCrashesOfTheProgram(Engine engine) {
    run(engine, "failed", "echo last words >&2; exit 1");
    assertEquals("exited", awaitCause(engine, "failed"));
    assertTrue(told(engine, "failed").contains("last words"));
    run(engine, "fine", "exit 0");
    assertEquals("completed", awaitCause(engine, "fine"));
    // a shell that ends as its child did, with the child's signal in its exit code
    run(engine, "faulty", "exec busybox sh -c 'kill -SEGV $$'", "--init");
    awaitStatus(engine, "faulty", "exited");
    assertEquals(139, why(engine, "faulty").number("ExitCode", -1));
    assertEquals("crashed", why(engine, "faulty").string("Cause", ""));
  }

  @Test
  void startsThatFail(Engine engine) {
    engine.docker("run", "-d", "--name", "empty", engine.busybox(), "no-such-program").exited(127);
    assertEquals("command", why(engine, "empty").string("Cause", ""));
    assertTrue(told(engine, "empty").contains("no-such-program"));
    engine
        .docker(
            "volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/no/such", "gone")
        .succeeded();
    engine
        .docker("run", "-d", "--name", "mounted", "-v", "gone:/v", engine.busybox(), "true")
        .exited(127);
    assertEquals("start-failed", why(engine, "mounted").string("Cause", ""));
    assertTrue(told(engine, "mounted").contains("failed to mount local volume"));
    engine.docker("rm", "mounted").succeeded();
    engine.docker("volume", "rm", "gone").succeeded();
  }

  @Test
  void deathsWhileNoEngineRuns(Engine engine) {
    run(engine, "alone", "echo up; while [ ! -e /go ]; do sleep 0.05; done; sleep 0.5; exit 4");
    run(
        engine,
        "alone-oom",
        "echo up; while [ ! -e /go ]; do sleep 0.05; done; sleep 0.5; " + HOG,
        "-m",
        "24m",
        "--memory-swap",
        "24m");
    List<String> names = List.of("alone", "alone-oom");
    names.forEach(name -> awaitLog(engine, name, "up"));
    List<Long> pids = names.stream().map(n -> state(engine, n).number("Pid", 0)).toList();
    names.forEach(name -> engine.docker("exec", name, "touch", "/go").succeeded());
    engine.kill();
    pids.forEach(pid -> Eventually.within(PATIENCE, "process " + pid + " ends", () -> ended(pid)));
    engine.restart();
    assertEquals("exited", awaitCause(engine, "alone"));
    assertEquals("oom", awaitCause(engine, "alone-oom"));
    assertTrue(told(engine, "alone").contains("exit code 4"));
  }

  @Test
  void whoseWishItWasOutlivesTheEngine(Engine engine) throws Exception {
    run(
        engine,
        "asked",
        "trap 'until [ -e /go ]; do sleep 0.05; done; exit 0' TERM; echo up;"
            + " while :; do sleep 0.05; done",
        "--restart=unless-stopped");
    awaitLog(engine, "asked", "up");
    long pid = state(engine, "asked").number("Pid", 0);
    Process stop = engine.dockerCommand("stop", "-t", "600", "asked").start();
    long since = Containers.now() - 600;
    Eventually.within(
        PATIENCE,
        () -> "it is asked to stop: " + engine.log(),
        () ->
            !Containers.events(engine, since, "asked", "{{.Action}}").stream()
                .filter("kill"::equals)
                .toList()
                .isEmpty());
    engine.kill();
    stop.waitFor();
    // the container ends while nobody looks
    Files.createFile(Path.of("/proc", Long.toString(pid), "root/go"));
    Eventually.within(PATIENCE, "process " + pid + " ends", () -> ended(pid));
    engine.restart();
    assertEquals("stopped", awaitCause(engine, "asked"));
    String told = told(engine, "asked");
    assertTrue(told.contains("while no engine ran"), told);
    assertEquals(0, Containers.inspect(engine, "asked").number("RestartCount", -1));
  }

  private static boolean ended(long pid) {
    return ProcessHandle.of(pid).map(p -> !p.isAlive()).orElse(true);
  }

  @Test
  void whatChangedSinceItRanWell(Engine engine) {
    run(
        engine,
        "changed",
        "test -e /was || { touch /was; exit 0; }; " + HOG,
        "-m",
        "1g",
        "--memory-swap",
        "1g");
    assertEquals("completed", awaitCause(engine, "changed"));
    engine.docker("update", "-m", "24m", "--memory-swap", "24m", "changed").succeeded();
    engine.docker("start", "changed").succeeded();
    assertEquals("oom", awaitCause(engine, "changed"));
    String told = told(engine, "changed");
    assertTrue(told.contains("resources.memory.limit: 1073741824 → 25165824"), told);
  }
}
