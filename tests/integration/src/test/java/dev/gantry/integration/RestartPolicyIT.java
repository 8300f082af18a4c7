package dev.gantry.integration;

import static dev.gantry.integration.Containers.PATIENCE;
import static dev.gantry.integration.Containers.awaitLog;
import static dev.gantry.integration.Containers.awaitStatus;
import static dev.gantry.integration.Containers.inspect;
import static dev.gantry.integration.Containers.run;
import static dev.gantry.integration.Containers.state;
import static dev.gantry.integration.Containers.status;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Restart policies by the real Docker CLI, and what becomes of them when the engine is killed.
@ExtendWith(EngineExtension.class)
class RestartPolicyIT {
  /// Ends with 5 when it is told to; a signal before `ready` is printed would be lost.
  private static final String ON_SIGNAL =
      "trap 'exit 5' USR1; echo ready; while :; do sleep 0.05; done";

  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-f", id));
  }

  private static void awaitRestarts(Engine engine, String name, int count) {
    Eventually.within(
        PATIENCE,
        () -> count + " restarts: " + inspect(engine, name),
        () -> inspect(engine, name).number("RestartCount", 0) >= count);
  }

  /// Lines that all runs of `name` have printed.
  private static long printed(Engine engine, String name, String line) {
    return engine.docker("logs", name).out().lines().filter(line::equals).count();
  }

  private static void endNextRun(Engine engine, String name, int run) {
    Eventually.within(
        PATIENCE,
        () -> "run " + run + " of " + name + ": " + inspect(engine, name),
        () -> printed(engine, name, "ready") == run);
    engine.docker("kill", "-s", "USR1", name).succeeded();
  }

  @Test
  void onFailureTriesAsOftenAsWasSaid(Engine engine) {
    run(engine, "failing", "echo tried; exit 3", "--restart", "on-failure:2");
    Eventually.within(
        PATIENCE,
        () -> "it gives up: " + inspect(engine, "failing"),
        () ->
            inspect(engine, "failing").number("RestartCount", 0) == 2
                && status(engine, "failing").equals("exited"));
    assertEquals(3, state(engine, "failing").number("ExitCode", -1));
    assertEquals(3, printed(engine, "failing", "tried"));
    engine
        .docker("run", "--restart", "on-failure:2", "--name", "fine", engine.busybox(), "true")
        .succeeded();
    assertEquals("0 exited", inspect(engine, "fine", "{{.RestartCount}} {{.State.Status}}"));
  }

  @Test
  void alwaysEndsWithStopAndCountsAnewAfterStart(Engine engine) {
    run(engine, "again", "exit 0", "--restart", "always");
    awaitRestarts(engine, "again", 2);
    engine.docker("stop", "-t", "0", "again").succeeded();
    assertEquals("exited", status(engine, "again"));
    engine.docker("update", "--restart", "no", "again").succeeded();
    engine.docker("start", "again").succeeded();
    awaitStatus(engine, "again", "exited");
    assertEquals(0, inspect(engine, "again").number("RestartCount", -1));
  }

  @Test
  void onlyEndsThatNobodyAskedForAreFollowedByARestart(Engine engine) {
    run(engine, "mortal", ON_SIGNAL, "--restart", "unless-stopped");
    endNextRun(engine, "mortal", 1);
    awaitRestarts(engine, "mortal", 1);
    awaitStatus(engine, "mortal", "running");
    engine.docker("kill", "mortal").succeeded();
    assertEquals("137 exited", inspect(engine, "mortal", "{{.State.ExitCode}} {{.State.Status}}"));
  }

  @Test
  void updateChangesThePolicyOfARunningContainer(Engine engine) {
    run(engine, "changed", ON_SIGNAL);
    engine.docker("update", "--restart", "on-failure:4", "changed").succeeded();
    endNextRun(engine, "changed", 1);
    endNextRun(engine, "changed", 2);
    awaitRestarts(engine, "changed", 2);
    engine.docker("update", "--restart", "no", "changed").succeeded();
    endNextRun(engine, "changed", 3);
    awaitStatus(engine, "changed", "exited");
    assertEquals(
        "no:0 5",
        inspect(
            engine,
            "changed",
            "{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}"
                + " {{.State.ExitCode}}"));
    String refused =
        engine
            .docker("run", "--rm", "--name", "brief", "-d", engine.busybox(), "sleep", "1000")
            .succeeded()
            .line();
    assertTrue(
        engine
            .docker("update", "--restart", "always", refused)
            .exited(1)
            .err()
            .contains("AutoRemove"));
  }

  @Test
  void policiesOutliveTheEngine(Engine engine) {
    run(engine, "c-always", ON_SIGNAL, "--restart", "always");
    run(engine, "c-unless", ON_SIGNAL, "--restart", "unless-stopped");
    run(engine, "c-never", ON_SIGNAL);
    run(engine, "c-backoff", "exit 1", "--restart", "always");
    engine
        .docker(
            "run",
            "-d",
            "--name",
            "c-user",
            "--restart",
            "always",
            "--network",
            "container:c-always",
            engine.busybox(),
            "sleep",
            "1000")
        .succeeded();
    for (String name : List.of("c-always", "c-unless", "c-never")) {
      awaitLog(engine, name, "ready");
    }
    awaitRestarts(engine, "c-backoff", 2);
    engine.docker("stop", "-t", "0", "c-always", "c-unless", "c-user").succeeded();
    engine.kill();
    engine.restart();
    awaitStatus(engine, "c-always", "running");
    awaitStatus(engine, "c-user", "running");
    assertEquals("exited", status(engine, "c-unless"));
    assertEquals("running", status(engine, "c-never"));
    long restarts = inspect(engine, "c-backoff").number("RestartCount", 0);
    assertTrue(restarts >= 2, () -> "forgot its restarts: " + restarts);
    awaitRestarts(engine, "c-backoff", (int) restarts + 1);
    // an end while no engine was there is followed by a restart all the same
    awaitLog(engine, "c-always", "ready\nready");
    long pid = state(engine, "c-always").number("Pid", 0);
    engine.kill();
    ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    engine.restart();
    awaitRestarts(engine, "c-always", 1);
    awaitStatus(engine, "c-always", "running");
    assertEquals("exited", status(engine, "c-unless"));
  }
}
