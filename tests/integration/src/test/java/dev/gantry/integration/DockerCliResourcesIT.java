package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Outcome;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What containers use and may use, by the real Docker CLI: stats, update, pause.
@ExtendWith(EngineExtension.class)
class DockerCliResourcesIT {
  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-f", id));
  }

  private static void start(Engine engine, String name, String... flags) {
    List<String> words = new java.util.ArrayList<>(List.of("run", "-d", "--name", name));
    words.addAll(List.of(flags));
    words.addAll(List.of(engine.busybox(), "sleep", "1000"));
    engine.docker(words.toArray(String[]::new)).succeeded();
  }

  private static String inspect(Engine engine, String name, String format) {
    return engine.docker("inspect", "--format", format, name).succeeded().line();
  }

  @Test
  void limitsChangeWhileItRuns(Engine engine) {
    start(engine, "limited", "-m", "64m");
    engine
        .docker(
            "update",
            "-m",
            "32m",
            "--memory-swap",
            "64m",
            "--cpu-shares",
            "256",
            "--pids-limit",
            "5",
            "--restart",
            "on-failure:2",
            "limited")
        .succeeded();
    assertEquals(
        "33554432 67108864 256 5 on-failure 2",
        inspect(
            engine,
            "limited",
            "{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.CpuShares}} {{.PidsLimit}}"
                + " {{.RestartPolicy.Name}} {{.RestartPolicy.MaximumRetryCount}}{{end}}"));
    String usage =
        engine
            .docker("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", "limited")
            .succeeded()
            .line();
    assertTrue(usage.contains("/ 32MiB 1"), usage);
    // five processes and no more: the shell cannot fork that often
    Outcome bomb =
        engine.docker("exec", "limited", "sh", "-c", "for i in 1 2 3 4 5 6 7; do sleep 9 & done");
    assertTrue(bomb.err().contains("fork"), bomb.toString());
    engine.docker("update", "--pids-limit", "-1", "limited").succeeded();
    assertEquals("null", inspect(engine, "limited", "{{json .HostConfig.PidsLimit}}"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"Memory\":1073741824}|409|Memory limit should be smaller than already set memoryswap",
        "{\"Memory\":1000}|400|Minimum memory limit allowed is 6MB",
        "{\"CpusetCpus\":\"8000\"}|400|Requested CPUs are not available - requested 8000",
        "{\"RestartPolicy\":{\"Name\":\"x\"}}|400|invalid restart policy: unknown policy 'x'",
        "{\"CpuQuota\":50000}|409|CPU Quota cannot be updated as NanoCPUs has already been set",
        "{}|200|{\"Warnings\":null}"
      })
  void refusesAsDockerDoes(String body, int status, String text, Engine engine) {
    if (engine.docker("inspect", "strict").code() != 0) {
      start(engine, "strict", "-m", "64m", "--cpus", "0.5");
    }
    String answer = engine.request("POST", "/containers/strict/update", body).expect(status).text();
    assertTrue(answer.contains(text), answer);
  }

  @Test
  void statisticsHaveDockersShape(Engine engine) {
    start(engine, "measured");
    engine.docker("create", "--name", "idle", engine.busybox()).succeeded();
    Json.JsonObject once =
        (Json.JsonObject) engine.json("/containers/measured/stats?stream=0&one-shot=1");
    assertFalse(once.has("name"));
    assertEquals("0001-01-01T00:00:00Z", once.string("preread", ""));
    assertTrue(once.at("pids_stats", "current") instanceof Json.JsonNumber n && n.longValue() == 1);
    assertTrue(
        once.at("cpu_stats", "cpu_usage", "total_usage") instanceof Json.JsonNumber n
            && n.longValue() > 0);
    assertTrue(once.at("memory_stats", "usage") instanceof Json.JsonNumber n && n.longValue() > 0);
    assertTrue(once.at("networks", "eth0", "rx_bytes") instanceof Json.JsonNumber);
    Json.JsonObject two = (Json.JsonObject) engine.json("/containers/measured/stats?stream=0");
    assertEquals("/measured", two.string("name", ""));
    assertTrue(two.string("read", "").compareTo(two.string("preread", "9")) > 0, two.text());
    Json.JsonObject none = (Json.JsonObject) engine.json("/containers/idle/stats?stream=0");
    assertEquals("{}", none.object("memory_stats").orElseThrow().text());
    engine.request("GET", "/containers/measured/stats?stream=1&one-shot=1", "").expect(400);
  }

  @Test
  void pausedContainerDoesNothingUntilItGoesOn(Engine engine) {
    engine
        .docker(
            "run",
            "-d",
            "--name",
            "frozen",
            engine.busybox(),
            "sh",
            "-c",
            "while :; do echo tick; sleep 0.05; done")
        .succeeded();
    engine.docker("pause", "frozen").succeeded();
    assertEquals("paused true", inspect(engine, "frozen", "{{.State.Status}} {{.State.Running}}"));
    assertTrue(engine.docker("pause", "frozen").exited(1).err().contains("is already paused"));
    assertTrue(
        engine
            .docker("exec", "frozen", "true")
            .exited(1)
            .err()
            .contains("is paused, unpause the container before exec"));
    assertTrue(engine.docker("ps").out().contains("(Paused)"));
    long before = lines(engine);
    engine.docker("stats", "--no-stream", "frozen").succeeded();
    assertEquals(before, lines(engine));
    engine.docker("unpause", "frozen").succeeded();
    dev.gantry.testkit.Eventually.within(
        java.time.Duration.ofSeconds(20), "more ticks", () -> lines(engine) > before);
    engine.docker("pause", "frozen").succeeded();
    engine.docker("kill", "frozen").succeeded();
    assertEquals("137", inspect(engine, "frozen", "{{.State.ExitCode}}"));
  }

  private static long lines(Engine engine) {
    return engine.docker("logs", "frozen").out().lines().count();
  }
}
