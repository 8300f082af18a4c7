package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.ResidentProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A resident program runs commands as a process of their own would, many at a time, for nobody but
/// its user, and nothing hangs or is lost when one of the two sides is killed.
@ExtendWith(EngineExtension.class)
class ResidentIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private ResidentProgram resident;

  @BeforeEach
  void start() {
    Needs.root();
    resident = new ResidentProgram().start();
  }

  @AfterEach
  void stop() {
    if (resident != null) {
      resident.close();
    }
  }

  /// A command line as a shell starts it.
  ///
  /// @param before shell words that set the scene, such as `umask 027`
  private static Command inShell(Command command, Path folder, String before) {
    List<String> words =
        new ArrayList<>(
            List.of("bash", "-c", "cd '" + folder + "' && " + before + " && exec \"$@\"", "sh"));
    words.addAll(command.words());
    Command shell = Command.of(words);
    command.environment().forEach(shell::with);
    return shell;
  }

  private static void assertSame(Outcome cold, Outcome warm) {
    assertEquals(cold.code(), warm.code(), () -> cold + "\n" + warm);
    assertEquals(cold.err(), warm.err());
    assertArrayEquals(cold.bytes(), warm.bytes(), () -> cold + "\n" + warm);
  }

  /// What it prints and ends with, once by a JVM of its own and once by the resident program.
  private Outcome assertSame(Engine engine, Path folder, String before, String... words) {
    Outcome warm = inShell(resident.on(engine, words), folder, before).run();
    assertSame(inShell(engine.gantryCommand(words), folder, before).run(), warm);
    return warm;
  }

  @Test
  void commandsPrintAndEndAsByThemselves(Engine engine, @TempDir Path folder) throws IOException {
    String image = engine.busybox();
    Files.writeString(folder.resolve("variables"), "A=1\nWORD\n");
    Path context = Files.createDirectories(folder.resolve("context/sub"));
    Files.writeString(context.resolve("File"), "FROM " + image + "\nCOPY sub/File /copied\n");
    String here = "export WORD='two words' HOME='" + folder + "'";
    for (String line :
        List.of(
            "version",
            "--version",
            "help",
            "run --help",
            "nonsense",
            "ps --nonsense",
            "ps --format {{.Names}}{{.Nothing}}",
            "inspect nobody",
            "run --rm " + image + " sh -c exit\t7",
            "run --rm " + image + " sh -c echo\tout;echo\terr>&2",
            "run --rm nosuch.invalid/image",
            "run --rm -t -i " + image + " true",
            "run --rm --env-file variables -e HOME -e NOT_SET " + image + " env -u HOSTNAME",
            "run --rm --env-file nowhere " + image,
            "run --rm -v ./context:/c " + image + " ls /c/sub",
            "build -q -f context/sub/File context",
            "build -q context/nowhere",
            "build -q -f nowhere context",
            "cp nobody:/etc .",
            "save -o image.tar nobody",
            "--config nowhere context ls -q",
            "-H nonsense ps")) {
      String[] words = line.split(" ");
      for (int i = 0; i < words.length; i++) {
        words[i] = words[i].replace('\t', ' ');
      }
      Outcome _ = assertSame(engine, folder, here, words);
    }
    // closed descriptors are for a process of its own
    Outcome closed = inShell(resident.command("version"), folder, "exec 2>&-").run();
    assertEquals("cold refused", closed.exited(90).line());
    // who reads us has seen enough
    String many = "run --rm " + image + " seq 1000000 | head -n 1; echo ${PIPESTATUS[0]}";
    for (Command one : List.of(engine.gantryCommand(), resident.on(engine))) {
      Command piped = Command.of("bash", "-c", "'" + String.join("' '", one.words()) + "' " + many);
      one.environment().forEach(piped::with);
      assertEquals("1\n141\n", piped.run().succeeded().out());
    }
  }

  @Test
  void filesAreMadeInTheFolderAndWithTheMaskOfTheShell(Engine engine, @TempDir Path folder)
      throws IOException {
    String image = engine.busybox();
    engine.gantry("create", "--name", "source", image).succeeded();
    Files.writeString(folder.resolve("Dockerfile"), "FROM " + image + "\n");
    for (String mask : List.of("027", "000")) {
      Path warm = Files.createDirectory(folder.resolve("warm-" + mask));
      Path cold = Files.createDirectory(folder.resolve("cold-" + mask));
      for (String[] words :
          List.of(
              new String[] {"save", "-o", "image.tar", image},
              new String[] {"export", "-o", "files.tar", "source"},
              new String[] {"build", "-q", "--iidfile", "id", ".."},
              new String[] {"build", "-q", "-o", "type=local,dest=out/deep", ".."},
              new String[] {"cp", "source:/etc", "copied"},
              new String[] {"run", "--rm", "--cidfile", "cid", image, "true"})) {
        inShell(resident.on(engine, words), warm, "umask " + mask).run().succeeded();
        inShell(engine.gantryCommand(words), cold, "umask " + mask).run().succeeded();
      }
      for (String name :
          List.of("image.tar", "files.tar", "id", "out", "out/deep", "copied", "cid")) {
        assertEquals(
            PosixFilePermissions.toString(Files.getPosixFilePermissions(cold.resolve(name))),
            PosixFilePermissions.toString(Files.getPosixFilePermissions(warm.resolve(name))),
            name + " under umask " + mask);
      }
      assertEquals(Files.readString(cold.resolve("id")), Files.readString(warm.resolve("id")));
    }
    engine.gantry("rm", "source").succeeded();
  }

  @Test
  void manyCommandsAtOnceKeepTheirStreamsVariablesAndFoldersApart(
      Engine engine, @TempDir Path folder) throws Exception {
    String image = engine.busybox();
    byte[] large = new byte[10 << 20];
    new Random(6).nextBytes(large);
    List<Process> clients = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      Path own = Files.createDirectory(folder.resolve("own-" + i));
      Files.writeString(own.resolve("variables"), "FILE=file-" + i + "\n");
      Command run =
          resident.on(
              engine,
              "run",
              "--rm",
              "-i",
              "-e",
              "WHO",
              "--env-file",
              "variables",
              image,
              "sh",
              "-c",
              "sort; echo $WHO $FILE; echo err-$WHO >&2; exit $((10+WHO))");
      clients.add(inShell(run, own, "export WHO=" + i).start());
    }
    Outcome counted =
        resident.on(engine, "run", "--rm", "-i", image, "md5sum").input(large).run().succeeded();
    String sum =
        java.util.HexFormat.of()
            .formatHex(java.security.MessageDigest.getInstance("MD5").digest(large));
    assertEquals(sum + "  -\n", counted.out());
    for (int i = 0; i < 8; i++) {
      Process client = clients.get(i);
      try (var in = client.outputWriter()) {
        in.write("b-" + i + "\na-" + i + "\n");
      }
      assertTrue(client.waitFor(60, TimeUnit.SECONDS), "a client goes on");
      String out =
          new String(
              client.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      String err =
          new String(
              client.getErrorStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      assertEquals("a-%1$d\nb-%1$d\n%1$d file-%1$d\n".formatted(i), out, err);
      assertEquals("err-" + i + "\n", err);
      assertEquals(10 + i, client.exitValue());
    }
    assertEquals(0, resident.running());
  }

  @Test
  void signalsEndACommandOrReachItsContainer(Engine engine) throws Exception {
    for (String[] one : new String[][] {{"TERM", "143"}, {"INT", "130"}, {"HUP", "129"}}) {
      Process events = resident.on(engine, "events").start();
      awaitRunning(1);
      kill(one[0], events.pid());
      assertTrue(events.waitFor(30, TimeUnit.SECONDS), "events goes on after " + one[0]);
      assertEquals(Integer.parseInt(one[1]), events.exitValue());
      awaitRunning(0);
    }
    String trap = "trap 'exit 42' TERM; echo ready; while :; do sleep 0.1; done";
    Process run = resident.on(engine, "run", "--rm", engine.busybox(), "sh", "-c", trap).start();
    assertEquals("ready", run.inputReader().readLine());
    kill("TERM", run.pid());
    assertTrue(run.waitFor(30, TimeUnit.SECONDS), "the container goes on");
    assertEquals(42, run.exitValue());
  }

  @Test
  void whicheverSideIsKilledTheOtherEnds(Engine engine) throws Exception {
    Process left = resident.on(engine, "events").start();
    awaitRunning(1);
    left.destroyForcibly().waitFor();
    awaitRunning(0);

    Process events = resident.on(engine, "events").start();
    awaitRunning(1);
    kill("KILL", resident.pid());
    assertTrue(events.waitFor(30, TimeUnit.SECONDS), "the launcher waits for ever");
    assertEquals(125, events.exitValue());
    assertEquals(
        "gantry: the resident program has ended in the middle of this command",
        events.errorReader().readLine());
    // its socket is still there, and nobody answers
    assertEquals("cold absent", resident.command("version").run().exited(90).line());
    resident.start();
    resident.on(engine, "ps").run().succeeded();
  }

  @Test
  void onlyProcessesOfItsOwnStandingAreServed() throws IOException {
    List<String> words = resident.command("version").words();
    for (List<String> changed :
        List.of(
            List.of("setpriv", "--no-new-privs"),
            List.of("setpriv", "--groups", "4711"),
            List.of("setpriv", "--bounding-set", "-sys_time", "--inh-caps", "-all"),
            List.of("unshare", "--net"),
            List.of("unshare", "--mount"),
            List.of("env", "TZ=Asia/Tokyo"),
            List.of("env", "JAVA_TOOL_OPTIONS=-Da=b"))) {
      assertEquals(
          "cold refused", resident.run(changed, words).exited(90).line(), changed::toString);
    }
    // another user does not even come in
    List<String> other =
        List.of(
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            "sh",
            "-c",
            "exec \"$@\"",
            "sh");
    assertEquals(
        "cold absent", resident.openedToAll(() -> resident.run(other, words)).exited(90).line());
    Files.deleteIfExists(Path.of("/tmp", ".gantry-65534"));
  }

  @Test
  void itEndsWhenItsProgramChangesAndMakesRoomForTheNext() throws IOException {
    long pid = resident.pid();
    Path lib = Needs.distribution().resolve("lib");
    Files.delete(Files.createTempFile(lib, "change-", ".test"));
    assertEquals("cold refused", resident.command("version").run().exited(90).line());
    Eventually.within(
        PATIENCE,
        "it goes on with an old program",
        () -> ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty());
    assertEquals("cold absent", resident.command("version").run().exited(90).line());
    resident.start();
    assertTrue(resident.pid() != pid);
    // a second one for the same folder ends at once
    long first = resident.pid();
    resident.second().succeeded();
    assertEquals(first, resident.pid());
  }

  private void awaitRunning(int count) {
    Eventually.within(PATIENCE, () -> resident.status(), () -> resident.running() == count);
  }

  private static void kill(String signal, long pid) {
    Command.of("kill", "-" + signal, Long.toString(pid)).run().succeeded();
  }
}
