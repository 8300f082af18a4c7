package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What `gantry build` can beyond the classic endpoint: secrets, outputs, checks, git, the same
/// image from the same inputs.
class GantryBuildIT extends BuildTest {
  private static final String SECRET = "hunter2-b61f0c9e4d";

  /// Files of the engine that hold the secret, in any build's folder, layer, log or journal.
  private static String traces(Engine engine) {
    return Command.of("grep", "-rlaF", SECRET, engine.folder().toString()).run().out();
  }

  @Test
  void secretsStayNowhere(Engine engine) throws IOException {
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    file(
        "Dockerfile",
        """
        FROM busybox
        RUN --mount=type=secret,id=one,required=true wc -c < /run/secrets/one > /size
        RUN --mount=type=secret,id=one,env=TOKEN test ${#TOKEN} = 18
        RUN test ! -e /run/secrets
        """);
    Outcome built =
        build(engine, "-t", "secretive", "--secret", "id=one,src=" + secret).succeeded();
    assertFalse(built.out().contains(SECRET));
    assertEquals(
        "18\n", engine.docker("run", "--rm", "secretive", "cat", "/size").succeeded().out());
    assertEquals("", traces(engine));
    assertFalse(engine.docker("history", "--no-trunc", "secretive").out().contains(SECRET));
    Outcome without = build(engine, "--no-cache");
    assertTrue(without.err().contains("secret one: not found"), without.err());
  }

  @Test
  void killedInAStepWithASecretItLeavesNoTrace(Engine engine)
      throws IOException, InterruptedException {
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    file("Dockerfile", "FROM busybox\nRUN --mount=type=secret,id=one sleep 1000\n");
    Process client = command(engine, "--secret", "id=one,src=" + secret).start();
    try {
      Eventually.within(
          Duration.ofSeconds(60),
          "the step does not run",
          () ->
              engine
                  .docker("ps", "--no-trunc", "--format", "{{.Command}}")
                  .out()
                  .contains("sleep 1000"));
      engine.kill();
      engine.restart();
    } finally {
      client.destroyForcibly().waitFor();
    }
    assertEquals("", traces(engine));
    assertEquals("", engine.docker("ps", "-aq").out());
    try (var left = Files.list(engine.folder().resolve("data/build"))) {
      assertEquals(
          List.of(),
          left.map(p -> p.getFileName().toString())
              .filter(n -> !List.of("caches", "contexts", "history").contains(n))
              .toList());
    }
  }

  @Test
  void theSameInputsMakeTheSameImage(Engine engine) throws IOException {
    // a layer of the cache with the same content would have the time of its own build
    file("f", "data " + System.nanoTime() + "\n");
    file("Dockerfile", "FROM busybox\nCOPY f /f\nRUN date > /dev/null; echo x > /x\nWORKDIR /w\n");
    String first = build(engine, "-q").succeeded().line();
    long then = System.currentTimeMillis() / 1000; // times are kept to the second
    Eventually.within(
        Duration.ofSeconds(10),
        "the clock stands",
        () -> System.currentTimeMillis() / 1000 > then + 1);
    assertEquals(first, build(engine, "-q", "--no-cache").succeeded().line());
    String dated = build(engine, "-q", "--build-arg", "SOURCE_DATE_EPOCH=86400").succeeded().line();
    assertEquals(
        "1970-01-02T00:00:00Z", engine.docker("inspect", "-f", "{{.Created}}", dated).line());
  }

  @Test
  void anImageIsBuiltAgainAndCompared(Engine engine) throws IOException {
    file("f", "data " + System.nanoTime() + "\n");
    file("Dockerfile", "FROM busybox\nARG A=1\nCOPY f /f\nRUN echo $A > /a\nENV E=e\n");
    build(engine, "-t", "verified").succeeded();
    Outcome same = engine.gantry("image", "verify", "verified", context.toString()).succeeded();
    assertTrue(same.out().contains("verified is what " + context + " makes"), same.out());
    Outcome other =
        engine.gantry("image", "verify", "--build-arg=A=2", "verified", context.toString());
    assertEquals(1, other.code());
    assertTrue(other.out().contains("makes: /a is a file of 0:0"), other.out());
    file("Dockerfile", "FROM busybox\nCOPY f /f\nENV E=other\n");
    Outcome environment = engine.gantry("image", "verify", "verified", context.toString());
    assertTrue(environment.out().contains("Config.Env is "), environment.out());
  }

  @Test
  void verifyNamesTimesModesAndWhatIsBelow(Engine engine) throws IOException {
    file("f", "data\n");
    file("Dockerfile", "FROM busybox\nCOPY f /f\n");
    Path f = context.resolve("f");
    Files.setLastModifiedTime(f, FileTime.from(Instant.ofEpochSecond(1_500_000_000)));
    build(engine, "--no-cache", "-t", "held").succeeded();
    assertVerified(engine, 0, "held is what ");
    Files.setLastModifiedTime(f, FileTime.from(Instant.ofEpochSecond(1_400_000_000)));
    assertVerified(
        engine,
        1,
        "the time of /f is 2017-07-14T02:40:00Z, built again it is 2014-05-13T16:53:20Z");
    Files.setPosixFilePermissions(f, PosixFilePermissions.fromString("rw-------"));
    assertVerified(engine, 1, "built again it is a file of 0:0 with mode 600");
    file("Dockerfile", "FROM scratch\nCOPY f /f\n");
    assertVerified(engine, 1, "held is not what ");
    file("Dockerfile", "FROM busybox\nRUN exit 3\n");
    assertVerified(engine, 3, "");
  }

  private void assertVerified(Engine engine, int code, String said) {
    Outcome outcome = engine.gantry("image", "verify", "held", context.toString());
    assertEquals(code, outcome.code(), outcome.out() + outcome.err());
    assertTrue(outcome.out().contains(said), outcome.out());
  }

  /// As Buildx does: so a checkout makes the same image on each machine.
  @Test
  void aDateOfTheEnvironmentCounts(Engine engine) throws IOException {
    file("f", "data\n");
    file("Dockerfile", "FROM busybox\nCOPY f /f\n");
    String first = dated(engine);
    Files.setLastModifiedTime(
        context.resolve("f"), FileTime.from(Instant.ofEpochSecond(1_600_000_000)));
    assertEquals(first, dated(engine));
    assertEquals(
        "2014-05-13T16:53:20Z", engine.docker("inspect", "-f", "{{.Created}}", first).line());
  }

  private String dated(Engine engine) {
    return engine
        .gantryCommand("build", "-q", "--no-cache", context.toString())
        .with("SOURCE_DATE_EPOCH", "1400000000")
        .run()
        .succeeded()
        .line();
  }

  @Test
  void resultsGoWhereTheyShall(Engine engine) throws IOException {
    file("Dockerfile", "FROM scratch\nCOPY d /made\n");
    file("d/f", "data\n");
    Path out = folder.resolve("out");
    build(engine, "-o", out.toString()).succeeded();
    assertEquals("data\n", Files.readString(out.resolve("made/f")));
    Path tar = out.resolve("x.tar");
    build(engine, "-o", "type=tar,dest=" + tar).succeeded();
    assertTrue(Command.of("tar", "-tf", tar.toString()).run().out().contains("made/f"));
    Path archive = out.resolve("image.tar");
    build(engine, "-t", "packed:1", "-o", "type=docker,dest=" + archive).succeeded();
    assertEquals("", engine.docker("images", "-q", "packed:1").out());
    engine.docker("load", "-i", archive.toString()).succeeded();
    assertFalse(engine.docker("images", "-q", "packed:1").out().isEmpty());
    engine.docker("rmi", "packed:1").succeeded();
  }

  @Test
  void checksAndFailuresPointAtTheLine(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nCMD echo\nRUN exit 7\n");
    Outcome checked = build(engine, "--check");
    assertEquals(1, checked.code());
    assertTrue(checked.out().contains("JSONArgsRecommended"), checked.out());
    assertTrue(checked.out().contains("   2 | >>> CMD echo"), checked.out());
    Outcome failed = build(engine, "--progress", "plain");
    assertEquals(7, failed.code());
    assertTrue(failed.err().contains("   3 | >>> RUN exit 7"), failed.err());
    assertTrue(failed.out().contains("#3 [3/3] RUN exit 7"), failed.out());
    file("Dockerfile", "FROM busybox\nRUN --network=host true\n");
    assertTrue(build(engine).err().contains("network.host is not allowed"));
    build(engine, "--allow", "network.host").succeeded();
  }

  /// The state before the failed step: its files, folder, user, environment and arguments.
  @Test
  void aFailedBuildCanBeEntered(Engine engine) throws IOException {
    String head =
        "FROM busybox\nENV SET=env\nARG GIVEN=default\nWORKDIR /work\nRUN echo kept > kept\nUSER 12\n";
    String before = engine.docker("images", "-aq").out();
    for (String step : List.of("RUN touch more; exit 7", "COPY none /")) {
      file("Dockerfile", head + step + "\nRUN echo later > /later\n");
      Outcome entered =
          command(engine, "--debug", "--build-arg", "GIVEN=a b")
              .input("pwd; id -u; echo $SET-$GIVEN; ls; exit 3\n")
              .run();
      assertEquals(step.startsWith("RUN") ? 7 : 1, entered.code());
      assertTrue(entered.out().endsWith("\n/work\n12\nenv-a b\nkept\n"), entered::out);
      assertTrue(entered.err().contains(">>> " + step), entered::err);
    }
    assertEquals("", engine.docker("ps", "-aq").out());
    assertEquals(before, engine.docker("images", "-aq").out(), "of the shells");
  }

  @Test
  void gitUrlsReachNoFileOfTheMachine(Engine engine) throws IOException {
    Path repository = context.resolve("repository.git");
    Command.of("git", "init", "--quiet", repository.toString()).run().succeeded();
    for (String url :
        List.of(
            "file://" + repository,
            "ext::sh -c touch% " + context + "/made",
            "--upload-pack=touch " + context + "/made",
            "git@127.0.0.1:-oProxyCommand=touch " + context + "/made")) {
      Outcome refused = engine.gantry("build", "--", url);
      assertEquals(1, refused.code(), url);
    }
    file("Dockerfile", "FROM busybox\nADD ssh://-oProxyCommand=touch%20made/x.git /x\n");
    assertEquals(1, build(engine).code());
    assertFalse(Files.exists(context.resolve("made")));
  }
}
