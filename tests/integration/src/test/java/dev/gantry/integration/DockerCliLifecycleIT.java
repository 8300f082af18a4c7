package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Outcome;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// A container's life by the real Docker CLI.
@ExtendWith(EngineExtension.class)
class DockerCliLifecycleIT {
  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-f", id));
  }

  private static void start(Engine engine, String name, String script) {
    engine.docker("run", "-d", "--name", name, engine.busybox(), "sh", "-c", script).succeeded();
  }

  private static String inspect(Engine engine, String name, String format) {
    return engine.docker("inspect", "--format", format, name).succeeded().line();
  }

  @Test
  void followedLogsEndWithTheContainer(Engine engine) {
    start(engine, "counter", "for i in 1 2 3; do echo line $i; sleep 0.2; done; echo bad >&2");
    Outcome logs = engine.docker("logs", "-f", "counter").succeeded();
    assertEquals("line 1\nline 2\nline 3\n", logs.out());
    assertEquals("bad\n", logs.err());
    assertEquals("line 3\n", engine.docker("logs", "--tail", "2", "counter").succeeded().out());
    assertTrue(
        engine
            .docker("logs", "-t", "counter")
            .out()
            .matches("(?s)\\d{4}-\\d\\d-\\d\\dT.*Z line 1\n.*"));
  }

  @Test
  void stopAsksFirstAndKillsAfterTheTimeout(Engine engine) {
    start(engine, "polite", "trap 'echo bye; exit 3' TERM; while :; do sleep 0.1; done");
    assertEquals("polite", engine.docker("stop", "polite").succeeded().line());
    assertEquals("3", inspect(engine, "polite", "{{.State.ExitCode}}"));
    assertEquals("bye", engine.docker("logs", "polite").line());
    start(engine, "deaf", "trap '' TERM; while :; do sleep 0.1; done");
    engine.docker("stop", "-t", "1", "deaf").succeeded();
    assertEquals("137 exited", inspect(engine, "deaf", "{{.State.ExitCode}} {{.State.Status}}"));
  }

  @Test
  void killSendsTheNamedSignal(Engine engine) {
    start(
        engine,
        "signalled",
        "trap 'echo hup' HUP; trap 'exit 9' USR1; while :; do sleep 0.1; done");
    engine.docker("kill", "-s", "HUP", "signalled").succeeded();
    engine.docker("kill", "-s", "USR1", "signalled").succeeded();
    assertEquals("9", engine.docker("wait", "signalled").succeeded().line());
    Outcome again = engine.docker("kill", "signalled").exited(1);
    assertTrue(again.err().contains("is not running"), again.err());
  }

  @Test
  void waitPrintsTheExitCode(Engine engine) {
    start(engine, "ending", "sleep 0.5; exit 11");
    assertEquals("11", engine.docker("wait", "ending").succeeded().line());
  }

  @Test
  void execRunsBesideTheProgram(Engine engine) {
    start(engine, "base", "sleep 1000");
    assertEquals("in", engine.docker("exec", "base", "echo", "in").succeeded().line());
    engine.docker("exec", "base", "sh", "-c", "exit 6").exited(6);
    engine.docker("exec", "base", "nothing-here").exited(127);
    Outcome piped =
        engine
            .dockerCommand(
                "exec", "-i", "-e", "X=1", "-w", "/tmp", "base", "sh", "-c", "cat; pwd; echo $X")
            .input("through\n")
            .run();
    assertEquals("through\n/tmp\n1\n", piped.succeeded().out());
    assertTrue(engine.docker("top", "base").succeeded().out().contains("sleep 1000"));
  }

  @Test
  void listsByStateNameAndLabel(Engine engine) {
    engine
        .docker(
            "run", "-d", "--name", "one", "--label", "kind=a", engine.busybox(), "sleep", "1000")
        .succeeded();
    start(engine, "two", "exit 4");
    engine.docker("wait", "two").succeeded();
    assertEquals("one", names(engine, "ps", "--format", "{{.Names}}"));
    assertEquals(
        "two", names(engine, "ps", "-a", "--filter", "status=exited", "--format", "{{.Names}}"));
    assertEquals(
        "two", names(engine, "ps", "-a", "--filter", "exited=4", "--format", "{{.Names}}"));
    assertEquals(
        "one", names(engine, "ps", "-a", "--filter", "label=kind=a", "--format", "{{.Names}}"));
    assertEquals("two", names(engine, "ps", "-a", "--filter", "name=tw", "--format", "{{.Names}}"));
    Outcome table = engine.docker("ps", "-a").succeeded();
    assertTrue(table.out().startsWith("CONTAINER ID   IMAGE"), table.out());
    assertTrue(table.out().contains("Exited (4)"), table.out());
  }

  private static String names(Engine engine, String... words) {
    return engine.docker(words).succeeded().line();
  }

  @Test
  void renamedContainerAnswersToTheNewNameOnly(Engine engine) {
    start(engine, "before", "sleep 1000");
    engine.docker("rename", "before", "after").succeeded();
    assertEquals("/after", inspect(engine, "after", "{{.Name}}"));
    engine.docker("inspect", "before").exited(1);
    start(engine, "other", "sleep 1000");
    assertTrue(
        engine.docker("rename", "other", "after").exited(1).err().contains("already in use"));
  }

  @Test
  void runningContainerIsRemovedOnlyByForce(Engine engine) {
    start(engine, "busy", "sleep 1000");
    Outcome refused = engine.docker("rm", "busy").exited(1);
    assertTrue(refused.err().contains("container is running"), refused.err());
    assertEquals("busy", engine.docker("rm", "-f", "busy").succeeded().line());
    Outcome gone = engine.docker("inspect", "busy").exited(1);
    assertTrue(
        gone.err().toLowerCase(java.util.Locale.ROOT).contains("no such object: busy"), gone.err());
  }

  @Test
  void restartKeepsTheFiles(Engine engine) {
    start(engine, "twice", "echo x >>/count; cat /count | wc -l; sleep 1000");
    engine.docker("restart", "-t", "0", "twice").succeeded();
    assertEquals(List.of("1", "2"), await(engine, "twice", 2));
  }

  private static List<String> await(Engine engine, String name, int lines) {
    dev.gantry.testkit.Eventually.within(
        java.time.Duration.ofSeconds(10),
        lines + " lines of " + name,
        () -> engine.docker("logs", name).out().lines().count() >= lines);
    return engine.docker("logs", name).out().lines().toList();
  }

  @Test
  void createdContainerStartsAttached(Engine engine) {
    engine.docker("create", "--name", "late", engine.busybox(), "echo", "now").succeeded();
    assertEquals("created", inspect(engine, "late", "{{.State.Status}}"));
    assertEquals("now", engine.docker("start", "-a", "late").succeeded().line());
  }

  @Test
  void removedOnExitLeavesNothing(Engine engine) {
    engine.docker("run", "--rm", "--name", "short", engine.busybox(), "true").succeeded();
    assertFalse(engine.docker("ps", "-aq", "--filter", "name=short").out().contains("short"));
    assertEquals("", engine.docker("ps", "-aq").line());
  }
}
