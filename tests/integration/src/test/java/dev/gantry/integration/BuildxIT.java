package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/// The real Buildx, Bake and Compose with their default builder: BuildKit's protocol on `/grpc` and
/// `/session`.
class BuildxIT extends BuildxTest {
  @Test
  void buildsStagesWithArgumentsSecretsAndCaches(Engine engine) throws IOException {
    file("a/f", "one\n");
    file("left/out", "x");
    file(".dockerignore", "left\n");
    file(
        "Dockerfile",
        """
        # syntax=docker/dockerfile:1
        ARG BASE=busybox
        FROM $BASE AS made
        ARG X=1
        RUN --mount=type=secret,id=tok test "$(cat /run/secrets/tok)" = hidden; echo "X is $X"
        RUN --mount=type=cache,target=/kept echo x >> /kept/f
        COPY . /all/
        FROM busybox AS unneeded
        RUN exit 9
        FROM busybox
        COPY --from=made --chown=7:8 /all/ /copied/
        COPY <<EOF /etc/made
        value
        EOF
        CMD ["cat", "/copied/a/f"]
        """);
    Files.writeString(folder.resolve("secret"), "hidden");
    String[] words = {
      "-t",
      "buildx:1",
      "--build-arg",
      "X=5",
      "--label",
      "l=a b",
      "--secret",
      "id=tok,src=" + folder.resolve("secret"),
      "--iidfile",
      folder.resolve("id").toString(),
      "--metadata-file",
      folder.resolve("metadata").toString()
    };
    Outcome first = build(engine, words).succeeded();
    assertTrue(first.err().contains("X is 5"), first.err());
    assertTrue(first.err().contains("[made 1/4] FROM docker.io/library/busybox"), first.err());
    assertTrue(first.err().contains("naming to docker.io/library/buildx:1"), first.err());
    assertFalse(first.err().contains("exit 9"), first.err());
    assertEquals("one\n", engine.docker("run", "--rm", "buildx:1").succeeded().out());
    assertEquals(
        "7 8\nDockerfile\na\n", sh(engine, "buildx:1", "stat -c '%u %g' /copied/a/f; ls /copied"));
    String id = engine.docker("inspect", "-f", "{{.Id}}", "buildx:1").line();
    assertEquals(id, Files.readString(folder.resolve("id")));
    assertTrue(Files.readString(folder.resolve("metadata")).contains(id));
    assertEquals("a b", engine.docker("inspect", "-f", "{{.Config.Labels.l}}", "buildx:1").line());

    Outcome again = build(engine, words).succeeded();
    assertTrue(again.err().contains("CACHED"), again.err());
    assertEquals(id, engine.docker("inspect", "-f", "{{.Id}}", "buildx:1").line());
    file("a/f", "two\n");
    build(engine, words).succeeded();
    assertEquals("two\n", engine.docker("run", "--rm", "buildx:1").succeeded().out());
  }

  @Test
  void failuresShowTheLinesOfTheDockerfile(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nRUN echo one\nRUN echo last words; exit 7\n");
    String run = build(engine).exited(1).err();
    assertTrue(run.contains("   3 | >>> RUN echo last words; exit 7"), run);
    assertTrue(
        run.contains(
            "process \"/bin/sh -c echo last words; exit 7\" did not complete successfully: exit"
                + " code: 7"),
        run);
    file("Dockerfile", "FROM busybox\nCOPY nothere /\n");
    String copy = build(engine).exited(1).err();
    assertTrue(copy.contains("   2 | >>> COPY nothere /"), copy);
    assertTrue(copy.contains("\"/nothere\": not found"), copy);
    file("Dockerfile", "FROM busybox\nRUNN x\n");
    String parse = build(engine).exited(1).err();
    assertTrue(parse.contains("unknown instruction: RUNN (did you mean RUN?)"), parse);
    assertTrue(
        build(engine, "-f", context.resolve("none").toString())
            .exited(1)
            .err()
            .contains("failed to read dockerfile: open none: no such file or directory"));
  }

  @Test
  void resultsGoToAFolderAnArchiveAndFromStandardInput(Engine engine) throws IOException {
    file("f", "one\n");
    file("Dockerfile", "FROM scratch\nCOPY f /d/f\n");
    Path out = folder.resolve("out");
    build(engine, "-o", "type=local,dest=" + out).succeeded();
    assertEquals("one\n", Files.readString(out.resolve("d/f")));
    Path tar = folder.resolve("out.tar");
    build(engine, "-o", "type=tar,dest=" + tar).succeeded();
    assertTrue(Command.of("tar", "tf", tar.toString()).run().out().contains("d/f"));
    String[] input = {"buildx", "build", "-q", "-"};
    String image =
        docker(engine, input).input("FROM busybox\nRUN echo given > /g\n").run().succeeded().line();
    assertEquals("given\n", sh(engine, image, "cat /g"));
    byte[] archive =
        Command.of("tar", "c", "-C", context.toString(), ".").run().succeeded().bytes();
    String other = docker(engine, input).input(archive).run().succeeded().line();
    assertTrue(other.startsWith("sha256:"), other);
  }

  @Test
  void bakeBuildsTargetsThatStandOnOthers(Engine engine) throws IOException {
    file("f", "one\n");
    file("Dockerfile", "FROM busybox\nCOPY f /f\n");
    file("named/g", "two\n");
    Path bake = folder.resolve("bake.json");
    Files.writeString(
        bake,
        """
        {"group": {"default": {"targets": ["one", "two", "three"]}},
         "target": {
          "one": {"context": "%1$s", "tags": ["bake:one"]},
          "two": {"context": "%1$s", "contexts": {"foo": "target:one", "dir": "%1$s/named"},
                  "dockerfile-inline": "FROM foo\\nCOPY --from=dir g /g\\n", "tags": ["bake:two"]},
          "three": {"context": "%1$s", "tags": ["bake:three"], "args": {"A": "1"}}}}
        """
            .formatted(context));
    docker(
            engine,
            "buildx",
            "bake",
            "--allow",
            "fs.read=" + folder,
            "--progress",
            "plain",
            "-f",
            bake.toString())
        .run()
        .succeeded();
    assertEquals("one\ntwo\n", sh(engine, "bake:two", "cat /f /g"));
    assertEquals("one\n", sh(engine, "bake:three", "cat /f"));
  }

  @Test
  void composeBuildsAServiceOnAnother(Engine engine) throws IOException {
    assumeTrue(
        docker(engine, "compose", "version").run().code() == 0,
        "needs Docker's Compose: tools/real-clients");
    file("f", "one\n");
    file("Dockerfile", "FROM busybox\nCOPY f /f\n");
    Path compose = context.resolve("compose.yaml");
    file(
        "compose.yaml",
        """
        services:
          base:
            image: composed:base
            build: .
          top:
            image: composed:top
            build:
              context: .
              dockerfile_inline: |
                FROM base
                RUN cp /f /g
              additional_contexts:
                base: service:base
        """);
    docker(engine, "compose", "-p", "gbuildx", "-f", compose.toString(), "build").run().succeeded();
    assertEquals("one\n", sh(engine, "composed:top", "cat /g"));
  }

  @Test
  void aCancelledBuildLeavesNoContainer(Engine engine) throws Exception {
    file("Dockerfile", "FROM busybox\nRUN echo began; sleep 1000\n");
    Process client = command(engine).start();
    try {
      Eventually.within(
          Duration.ofSeconds(60),
          () -> "no step runs",
          () -> !engine.docker("ps", "-q").out().isBlank());
      client.destroy(); // SIGTERM: Buildx cancels, as at the first ^C
      Eventually.within(
          Duration.ofSeconds(60),
          () -> engine.docker("ps", "-a").out(),
          () -> engine.docker("ps", "-aq").out().isBlank());
      Eventually.within(Duration.ofSeconds(60), () -> "client runs", () -> !client.isAlive());
      assertTrue(client.exitValue() != 0);
    } finally {
      client.destroyForcibly();
    }
    // the next build is not in its way
    file("Dockerfile", "FROM busybox\nRUN echo fine\n");
    build(engine).succeeded();
  }

  @Test
  void historyAndCacheAreListedAndRemoved(Engine engine) throws IOException {
    file("f", "listed\n");
    file("Dockerfile", "FROM busybox\nRUN echo remembered words\nCOPY f /listed\n");
    build(engine, "-t", "listed:1").succeeded();
    String logs = docker(engine, "buildx", "history", "logs").run().succeeded().err();
    assertTrue(logs.contains("remembered words"), logs);
    docker(engine, "buildx", "history", "rm", "--all").run().succeeded();
    assertFalse(
        docker(engine, "buildx", "history", "ls").run().succeeded().out().contains("Completed"));
    String usage = docker(engine, "buildx", "du", "--verbose").run().succeeded().out();
    assertTrue(usage.contains("remembered words"), usage);
    docker(engine, "builder", "prune", "-af").run().succeeded();
    String left = docker(engine, "buildx", "du", "--verbose").run().succeeded().out();
    assertFalse(left.contains("remembered words"), left);
    assertEquals("listed\n", sh(engine, "listed:1", "cat /listed"));
  }

  @Test
  void checksWarnAndMayFail(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox AS Base\nARG A=1\n");
    Outcome check = build(engine, "--check").exited(1);
    assertTrue((check.out() + check.err()).contains("StageNameCasing"), check.toString());
    String outline = build(engine, "--call", "outline").succeeded().out();
    assertTrue(outline.contains("BUILD ARG"), outline);
    String warned = build(engine).succeeded().err();
    assertTrue(warned.contains("Stage name 'Base' should be lowercase (line 1)"), warned);
    file("Dockerfile", "# check=error=true\nFROM busybox AS Base\n");
    String failed = build(engine).exited(1).err();
    assertTrue(failed.contains("lint violation found for rules: StageNameCasing"), failed);
  }
}
