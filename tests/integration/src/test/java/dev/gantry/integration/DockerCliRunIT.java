package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// `docker run` by the real Docker CLI.
@ExtendWith(EngineExtension.class)
class DockerCliRunIT {
  private static Outcome run(Engine engine, String... words) {
    String[] all = {"run", "--rm"};
    return engine.docker(
        java.util.stream.Stream.concat(Arrays.stream(all), Arrays.stream(words))
            .toArray(String[]::new));
  }

  @Test
  void printsWhatTheProgramWritesOnBothStreams(Engine engine) {
    Outcome run = run(engine, engine.busybox(), "sh", "-c", "echo out; echo err >&2").succeeded();
    assertEquals("out\n", run.out());
    assertEquals("err\n", run.err());
  }

  @Test
  void endsWithTheProgramsExitCode(Engine engine) {
    run(engine, engine.busybox(), "sh", "-c", "exit 42").exited(42);
    run(engine, engine.busybox(), "sh", "-c", "sh -c 'kill -9 $$'; exit $?").exited(137);
  }

  @Test
  void tellsTheMissingProgramFromTheForbiddenOne(Engine engine) {
    Outcome missing = run(engine, engine.busybox(), "nothing-here").exited(127);
    assertTrue(missing.err().contains("executable file not found in $PATH"), missing.err());
    Outcome folder = run(engine, engine.busybox(), "/etc").exited(126);
    assertTrue(folder.err().contains("permission denied"), folder.err());
    run(engine, "--no-such-flag", engine.busybox()).exited(125);
  }

  @Test
  void passesStandardInputThrough(Engine engine) {
    byte[] much = new byte[3_000_000];
    Arrays.fill(much, (byte) 'x');
    Outcome run =
        engine.dockerCommand("run", "--rm", "-i", engine.busybox(), "wc", "-c").input(much).run();
    assertEquals("3000000", run.succeeded().line());
  }

  @Test
  void copiesLargeOutputWhole(Engine engine) {
    Outcome run =
        run(engine, engine.busybox(), "sh", "-c", "dd if=/dev/zero bs=1M count=20 2>/dev/null");
    assertEquals(20 << 20, run.succeeded().bytes().length);
  }

  @Test
  void appliesEnvironmentFolderUserAndHostName(Engine engine) {
    Outcome run =
        run(
            engine,
            "-e",
            "A=1",
            "-w",
            "/tmp/new",
            "-u",
            "nobody",
            "-h",
            "box",
            engine.busybox(),
            "sh",
            "-c",
            "echo $A; pwd; id -un; hostname");
    assertEquals("1\n/tmp/new\nnobody\nbox\n", run.succeeded().out());
  }

  @Test
  void bindsHostFolders(Engine engine) throws IOException {
    Path folder = Files.createTempDirectory("gantry-bind");
    try {
      Files.writeString(folder.resolve("file"), "from the host");
      String bind = folder + ":/mine";
      assertEquals(
          "from the host", run(engine, "-v", bind, engine.busybox(), "cat", "/mine/file").line());
      run(engine, "-v", bind, engine.busybox(), "sh", "-c", "echo -n back >/mine/back").succeeded();
      assertEquals("back", Files.readString(folder.resolve("back"), StandardCharsets.UTF_8));
      Outcome readOnly =
          run(engine, "-v", bind + ":ro", engine.busybox(), "touch", "/mine/never").exited(1);
      assertTrue(readOnly.err().contains("Read-only file system"), readOnly.err());
    } finally {
      Files.deleteIfExists(folder.resolve("file"));
      Files.deleteIfExists(folder.resolve("back"));
      Files.deleteIfExists(folder);
    }
  }

  @Test
  void mountsTmpfsAndReadOnlyRoots(Engine engine) {
    Outcome run =
        run(
            engine,
            "--read-only",
            "--tmpfs",
            "/scratch:size=1m",
            engine.busybox(),
            "sh",
            "-c",
            "touch /scratch/ok && ! touch /never 2>/dev/null && grep -c ' /scratch tmpfs' /proc/mounts");
    assertEquals("1", run.succeeded().line());
  }

  @Test
  void givesTheContainerAnAddressOnTheBridge(Engine engine) {
    Outcome run = run(engine, engine.busybox(), "ip", "-o", "-4", "addr", "show", "eth0");
    assertTrue(run.succeeded().out().contains("inet "), run.out());
    assertEquals(
        "lo\n", run(engine, "--network", "none", engine.busybox(), "ls", "/sys/class/net").out());
  }

  @Test
  void namesTheImageThatIsNotThere(Engine engine) {
    Outcome run = run(engine, "--pull", "never", "nowhere/at-all:1", "true").exited(125);
    assertTrue(run.err().contains("No such image: nowhere/at-all:1"), run.err());
  }

  @Test
  void runsTheInitProgramAsProcessOne(Engine engine) {
    Outcome run = run(engine, "--init", engine.busybox(), "sh", "-c", "echo $$; cat /proc/1/comm");
    assertTrue(!run.succeeded().out().startsWith("1\n"), run.out());
  }
}
