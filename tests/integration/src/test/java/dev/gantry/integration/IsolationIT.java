package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// What a container with the default rights must not be able to do, tried from inside. What the
/// runtime itself could be tricked into is in [OciTrapsIT]; docs/isolation.md lists all of it.
@ExtendWith(EngineExtension.class)
class IsolationIT {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  private Path folder = Path.of("/");

  @BeforeEach
  void makeFolder(Engine engine) throws IOException {
    Needs.dockerClient();
    engine.busybox();
    folder = Files.createTempDirectory(Path.of("/var/tmp"), "gantry-isolation");
  }

  @AfterEach
  void removeFolder() {
    if (folder.getNameCount() > 1) {
      Command.of("rm", "-rf", folder.toString()).run();
    }
  }

  private static Path source(String name) {
    return Needs.tree().resolve("tests/integration/src/test").resolve(name);
  }

  private Path probe() {
    assumeTrue(System.getProperty("os.arch").equals("amd64"), "the probes are for x86-64");
    Path program = folder.resolve("probe");
    Command.of(
            Needs.program("cc", "gcc").toString(),
            "-O1",
            "-static",
            "-o",
            program.toString(),
            source("c/probe.c").toString())
        .run()
        .succeeded();
    return program;
  }

  @Test
  void refusesEveryWayOut(Engine engine) throws IOException {
    engine
        .docker(
            "run", "-d", "--name", "other", "busybox", "sh", "-c", ">/the-other-one; sleep 1000")
        .succeeded();
    String[] disk = {"8", "0"};
    Outcome disks = Command.of("lsblk", "-dno", "MAJ:MIN").run();
    if (disks.code() == 0 && disks.out().contains(":")) {
      disk = disks.out().lines().findFirst().orElseThrow().strip().split(":");
    }
    try (ServerSocket host = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Outcome out =
          engine
              .dockerCommand(
                  "run",
                  "--rm",
                  "-v",
                  probe() + ":/probe:ro",
                  "-v",
                  source("scripts/isolation.sh") + ":/isolation.sh:ro",
                  "busybox",
                  "sh",
                  "/isolation.sh",
                  Long.toString(engine.pid()),
                  Integer.toString(host.getLocalPort()),
                  disk[0],
                  disk[1])
              .within(LIMIT)
              .run();
      assertEquals("done", out.line(), out.toString());
      out.succeeded();
    } finally {
      engine.docker("rm", "-f", "other");
    }
  }

  /// CVE-2024-21626: a working folder that is a descriptor of the runtime's.
  @Test
  void noWorkingFolderLeadsOut(Engine engine) {
    for (int fd : new int[] {3, 4, 5, 6, 7, 8, 100, 500, 900}) {
      Outcome out =
          engine
              .dockerCommand(
                  "run",
                  "--rm",
                  "-w",
                  "/proc/self/fd/" + fd,
                  "busybox",
                  "sh",
                  "-c",
                  "pwd; ls -a ..")
              .within(LIMIT)
              .run();
      assertFalse(out.code() == 0, out.toString());
      assertEquals("", out.out());
    }
  }

  /// CVE-2019-5736: the helper's program cannot be written, from inside or outside.
  @Test
  void theHelpersProgramCannotBeOverwritten(Engine engine) throws IOException {
    engine.docker("run", "-d", "--name", "box", "busybox", "sleep", "1000").succeeded();
    try {
      String pid = engine.docker("inspect", "-f", "{{.State.Pid}}", "box").succeeded().line();
      String stat = Files.readString(Path.of("/proc", pid, "stat"));
      String parent = stat.substring(stat.lastIndexOf(')') + 2).split(" ")[1];
      Path program = Path.of("/proc", parent, "exe");
      assertTrue(Files.readSymbolicLink(program).toString().startsWith("/memfd:gantry-shim"));
      assertThrows(IOException.class, () -> new FileOutputStream(program.toFile()).close());
      // as an image would try: the program to run is the runtime itself
      Outcome self = engine.dockerCommand("exec", "box", "/proc/self/exe").within(LIMIT).run();
      assertFalse(self.code() == 0, self.toString());
      assertEquals("ok", engine.docker("exec", "box", "echo", "ok").succeeded().line());
    } finally {
      engine.docker("rm", "-f", "box");
    }
  }

  @Test
  void aSetUserIdProgramGainsNothingWithoutNewPrivileges(Engine engine) {
    String script =
        "cp /probe /tmp/p; chmod 4755 /tmp/p; exec su -s /bin/sh nobody -c"
            + " '/tmp/p setuid 64 105 0; grep NoNewPrivs /proc/self/status'";
    String mount = probe() + ":/probe:ro";
    Outcome free = engine.docker("run", "--rm", "-v", mount, "busybox", "sh", "-c", script);
    assertEquals("setuid 0\nNoNewPrivs:\t0", free.succeeded().line());
    Outcome bound =
        engine.docker(
            "run",
            "--rm",
            "-v",
            mount,
            "--security-opt",
            "no-new-privileges",
            "busybox",
            "sh",
            "-c",
            script);
    assertEquals("setuid 1\nNoNewPrivs:\t1", bound.succeeded().line());
  }

  /// An exec has no more rights than the container's own program.
  @Test
  void anExecIsConfinedAsTheContainerIs(Engine engine) {
    engine
        .docker(
            "run",
            "-d",
            "--name",
            "box",
            "--cap-drop",
            "ALL",
            "--user",
            "1000",
            "busybox",
            "sleep",
            "1000")
        .succeeded();
    try {
      String wanted =
          "grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)|Seccomp:' /proc/self/status | sort -u; id -u";
      String own =
          engine
              .docker(
                  "run",
                  "--rm",
                  "--cap-drop",
                  "ALL",
                  "--user",
                  "1000",
                  "busybox",
                  "sh",
                  "-c",
                  wanted)
              .succeeded()
              .out();
      assertTrue(own.contains("CapBnd:\t0000000000000000"), own);
      assertEquals(own, engine.docker("exec", "box", "sh", "-c", wanted).succeeded().out());
      assertEquals(
          "0 1 2 3",
          engine.docker("exec", "box", "sh", "-c", "echo $(ls /proc/self/fd)").succeeded().line());
    } finally {
      engine.docker("rm", "-f", "box");
    }
  }

  /// /dev/stdout and its kin belong to the user.
  @Test
  void usersMayOpenTheirStreamsAgain(Engine engine) {
    Outcome out =
        engine.docker(
            "run",
            "--rm",
            "--user",
            "1000",
            "busybox",
            "sh",
            "-c",
            "echo a >/dev/stdout; echo b >/dev/stderr");
    assertEquals("a", out.succeeded().line());
    assertEquals("b", out.err().strip());
  }
}
