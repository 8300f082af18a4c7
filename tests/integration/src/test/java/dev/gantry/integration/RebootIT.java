package dev.gantry.integration;

import static dev.gantry.integration.Containers.awaitStatus;
import static dev.gantry.integration.Containers.inspect;
import static dev.gantry.integration.Containers.run;
import static dev.gantry.integration.Containers.state;
import static dev.gantry.integration.Containers.status;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// The machine's power goes: engine, containers, monitors, control groups and run-time files are
/// gone at once. What runs after the next start of the engine, and in what order, follows restart
/// policies: as of a real dockerd that was treated so, with its shims, on this kernel.
class RebootIT {
  private static final String SLEEP = "echo run; exec sleep 1000000";

  @Test
  void policiesSayWhatRunsAgainAndWhatOthersNeedComesFirst() {
    try (Engine engine = Engine.start()) {
      Map<String, String> after = new LinkedHashMap<>();
      engine
          .docker("create", "--name", "unstarted", "--restart=always", engine.busybox())
          .succeeded();
      after.put("unstarted", "created 0 0");
      run(engine, "base", SLEEP, "--restart=always", "-v", "/data");
      after.put("base", "running 0 0");
      run(engine, "joined", SLEEP, "--restart=unless-stopped", "--network=container:base");
      after.put("joined", "running 0 0");
      run(engine, "linked", SLEEP, "--restart=always", "--link=base:other");
      after.put("linked", "running 0 0");
      run(engine, "heir", SLEEP, "--restart=on-failure", "--volumes-from=base");
      after.put("heir", "running 0 0");
      run(engine, "once", SLEEP);
      after.put("once", "exited 255 0");
      run(engine, "stopped-always", SLEEP, "--restart=always");
      after.put("stopped-always", "running 0 0");
      run(engine, "stopped-unless", SLEEP, "--restart=unless-stopped");
      after.put("stopped-unless", "exited 137 0");
      run(engine, "stopped-failed", SLEEP, "--restart=on-failure");
      after.put("stopped-failed", "running 0 0");
      String second = "test -e /second && exec sleep 1000000; touch /second; exit 4";
      run(engine, "limited", second, "--restart=on-failure:2");
      after.put("limited", "running 0 0"); // the try that it had before does not count
      run(engine, "done", "exit 0", "--restart=on-failure");
      after.put("done", "exited 0 0");
      run(engine, "enough", "exit 3", "--restart=on-failure:1");
      after.put("enough", "exited 3 1");
      run(engine, "removed", SLEEP, "--rm");
      awaitStatus(engine, "done", "exited");
      awaitStatus(engine, "enough", "exited");
      engine
          .docker("stop", "-t", "0", "stopped-always", "stopped-unless", "stopped-failed")
          .succeeded();
      Eventually.within(
          Containers.PATIENCE,
          () -> "its second run: " + inspect(engine, "limited"),
          () ->
              inspect(engine, "limited").number("RestartCount", 0) == 1
                  && status(engine, "limited").equals("running"));

      engine.powerOff();
      engine.restart();

      Map<String, String> seen = new LinkedHashMap<>();
      String format = "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}";
      after.keySet().forEach(name -> seen.put(name, inspect(engine, name, format)));
      assertEquals(after, seen);
      awaitGone(engine, "removed");
      List<Instant> starts =
          List.of("base", "joined", "linked", "heir", "stopped-always").stream()
              .map(name -> Instant.parse(state(engine, name).string("StartedAt", "")))
              .toList();
      assertEquals(starts.stream().sorted().toList(), starts);
      engine.docker("exec", "linked", "ping", "-c", "1", "-W", "5", "other").succeeded();
      assertEquals(
          engine.docker("exec", "base", "cat", "/sys/class/net/eth0/address").line(),
          engine.docker("exec", "joined", "cat", "/sys/class/net/eth0/address").line());
      assertEquals("run\nrun\n", engine.docker("logs", "base").out());
      String why = engine.gantry("why", "once").succeeded().out();
      assertTrue(why.contains("the machine went down"), why);
      assertEquals("unhealthy exited", statusesAfterHealth(engine));
    }
  }

  private static void awaitGone(Engine engine, String name) {
    Eventually.within(
        Containers.PATIENCE,
        () -> name + " is removed: " + engine.containers(),
        () -> engine.get("/containers/" + name + "/json").status() == 404);
  }

  /// What does not run any more is not healthy, however it ended.
  private static String statusesAfterHealth(Engine engine) {
    run(engine, "checked", SLEEP, "--health-cmd=true", "--health-interval=200ms");
    Eventually.within(
        Containers.PATIENCE,
        "it is healthy",
        () -> inspect(engine, "checked", "{{.State.Health.Status}}").equals("healthy"));
    engine.powerOff();
    engine.restart();
    return inspect(engine, "checked", "{{.State.Health.Status}}") + " " + status(engine, "checked");
  }
}
