package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Our command line in pipes: input and its end, output, signals, files that flags name.
@ExtendWith(EngineExtension.class)
class GantryCliStreamsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /// Says again and again that it is ready, and ends with 42 at SIGTERM or SIGHUP.
  private static final String TRAP =
      "trap 'exit 42' TERM HUP; while :; do echo ready; sleep 0.1; done";

  /// Waits until the program has printed a line, which must be this one.
  private static void awaitLine(Process program, String expected) throws Exception {
    String line =
        CompletableFuture.supplyAsync(
                () -> {
                  try {
                    return String.valueOf(program.inputReader().readLine());
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                })
            .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    assertEquals(expected, line);
  }

  /// Sends the signal again and again: the first may come before the client listens for it.
  private static int endedBy(Process client, String signal) throws InterruptedException {
    for (int i = 0; i < 60 && client.isAlive(); i++) {
      Command.of("kill", "-" + signal, Long.toString(client.pid())).run();
      client.waitFor(500, TimeUnit.MILLISECONDS);
    }
    assertTrue(client.waitFor(1, TimeUnit.SECONDS), "the client goes on");
    return client.exitValue();
  }

  @Test
  void signalsOfAnAttachedRunReachTheContainer(Engine engine) throws Exception {
    Process client =
        engine.gantryCommand("run", "--rm", engine.busybox(), "sh", "-c", TRAP).start();
    awaitLine(client, "ready");
    assertEquals(42, endedBy(client, "TERM"));
  }

  @Test
  void signalsOfAnAttachReachTheContainer(Engine engine) throws Exception {
    String name = "attached";
    engine.gantry("run", "-d", "--name", name, engine.busybox(), "sh", "-c", TRAP).succeeded();
    Process client = engine.gantryCommand("attach", name).start();
    awaitLine(client, "ready");
    assertEquals(42, endedBy(client, "HUP"));
    engine.gantry("rm", name).succeeded();
  }

  @Test
  void withoutSigProxyOnlyTheClientEnds(Engine engine) throws Exception {
    String name = "left-alone";
    Process client =
        engine
            .gantryCommand(
                "run", "--sig-proxy=false", "--name", name, engine.busybox(), "sh", "-c", TRAP)
            .start();
    awaitLine(client, "ready");
    assertEquals(143, endedBy(client, "TERM"));
    assertEquals("true", engine.gantry("inspect", "-f", "{{.State.Running}}", name).line());
    engine.gantry("rm", "-f", name).succeeded();
  }

  @Test
  void endOfInputReachesTheContainerAndItsAnswerComesBack(Engine engine) {
    Outcome sorted =
        engine
            .gantryCommand("run", "--rm", "-i", engine.busybox(), "sort")
            .input("b\nc\na\n")
            .run();
    assertEquals("a\nb\nc\n", sorted.succeeded().out());
  }

  @Test
  void aLargeStreamComesThroughWhole(Engine engine) {
    byte[] megabytes = new byte[8 << 20];
    Outcome counted =
        engine
            .gantryCommand("run", "--rm", "-i", engine.busybox(), "sh", "-c", "cat | wc -c")
            .input(megabytes)
            .run();
    assertEquals(Integer.toString(megabytes.length), counted.succeeded().line().strip());
  }

  @Test
  void outputAndErrorsStayApart(Engine engine) {
    Outcome both =
        engine.gantry(
            "run", "--rm", engine.busybox(), "sh", "-c", "echo out; echo err >&2; exit 9");
    assertEquals("out\n", both.out());
    assertEquals("err\n", both.err());
    assertEquals(9, both.code());
  }

  @Test
  void filesGiveVariablesAndLabelsAndTakeTheId(Engine engine, @TempDir Path scratch)
      throws IOException {
    Path variables = Files.writeString(scratch.resolve("env"), "# note\nA=1\nHERE\nNOT_HERE\n");
    Path labels = Files.writeString(scratch.resolve("labels"), "tier=web\n");
    Path id = scratch.resolve("id");
    String name = "from-files";
    Outcome ran =
        engine
            .gantryCommand(
                "run",
                "--name",
                name,
                "--env-file",
                variables.toString(),
                "-e",
                "B=2",
                "--label-file",
                labels.toString(),
                "--cidfile",
                id.toString(),
                engine.busybox(),
                "sh",
                "-c",
                "echo $A $B $HERE ${NOT_HERE-unset}")
            .with("HERE", "ours")
            .run();
    assertEquals("1 2 ours unset", ran.succeeded().line());
    assertEquals(
        Files.readString(id) + " web",
        engine.gantry("inspect", "-f", "{{.Id}} {{.Config.Labels.tier}}", name).line());
    engine.gantry("rm", name).succeeded();
  }

  @Test
  void completionKnowsCommandsFlagsAndNames(Engine engine) {
    String name = "complete-me";
    engine.gantry("create", "--name", name, engine.busybox(), "true").succeeded();
    Map<List<String>, String> wanted =
        Map.of(
            List.of("ima"), "images",
            List.of("image", ""), "bootstrap",
            List.of("run", "--na"), "--name",
            List.of("start", ""), name,
            List.of("network", "inspect", ""), "bridge",
            List.of("run", "--network", ""), "host",
            List.of("run", "-it", ""), engine.busybox());
    wanted.forEach(
        (words, candidate) -> {
          List<String> all = new java.util.ArrayList<>(List.of("__complete", "--"));
          all.addAll(words);
          Outcome outcome = engine.gantry(all.toArray(String[]::new)).succeeded();
          assertTrue(
              outcome.out().lines().anyMatch(candidate::equals),
              () -> words + " gave " + outcome.out());
        });
    engine.gantry("rm", name).succeeded();
  }
}
