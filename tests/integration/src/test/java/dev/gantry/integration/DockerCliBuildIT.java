package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/// `docker build` of the real Docker CLI without BuildKit: `POST /build`.
class DockerCliBuildIT extends BuildTest {
  @Override
  Command command(Engine engine, String... words) {
    return engine.dockerCommand(withContext(List.of("build"), words)).with("DOCKER_BUILDKIT", "0");
  }

  @Test
  void buildsStagesAndUsesLayersAgain(Engine engine) throws IOException {
    file("f", "one\n");
    file("d/g", "two\n");
    file(
        "Dockerfile",
        """
        ARG BASE=busybox
        FROM $BASE AS made
        ARG X=1
        ENV A=$X B="two words"
        WORKDIR /work
        COPY f d/ ./
        RUN echo "$A $B $X" > out; echo warn >&2
        RUN <<EOF
        set -e
        echo script > /script
        EOF
        FROM busybox AS unneeded
        RUN exit 9
        FROM busybox
        COPY --from=made --chown=7:8 --chmod=750 /work/ /copied/
        COPY --from=made /script /
        COPY <<EOF /etc/made
        value $BASE
        EOF
        EXPOSE 80
        LABEL l="a b"
        USER 7
        CMD ["cat", "/copied/out"]
        """);
    Outcome first = build(engine, "-t", "stages:1", "--build-arg", "X=5").succeeded();
    assertTrue(first.out().contains("\u001b[91mwarn"), first.out());
    assertFalse(first.out().contains("exit 9"), first.out());
    assertTrue(first.out().contains("Successfully tagged stages:1"), first.out());
    String id = engine.docker("images", "-q", "--no-trunc", "stages:1").line();
    assertEquals("5 two words 5\n", engine.docker("run", "--rm", "stages:1").succeeded().out());
    assertEquals(
        "one\ntwo\n750 7 8\nscript\n",
        sh(
            engine,
            "stages:1",
            "cat /copied/f /copied/g; stat -c '%a %u %g' /copied/f; cat /script"));
    assertEquals(
        "map[80/tcp:{}] map[l:a b] 7",
        engine
            .docker(
                "inspect",
                "-f",
                "{{.Config.ExposedPorts}} {{.Config.Labels}} {{.Config.User}}",
                "stages:1")
            .line());

    Outcome again = build(engine, "-t", "stages:1", "--build-arg", "X=5").succeeded();
    assertEquals(7, again.out().split("Using cache", -1).length - 1, again.out());
    assertFalse(again.out().contains("Running in"), again.out());
    assertEquals(id, engine.docker("images", "-q", "--no-trunc", "stages:1").line());

    file("d/g", "three\n"); // changes one layer and what stands on it
    Outcome changed = build(engine, "-t", "stages:2", "--build-arg", "X=5").succeeded();
    assertTrue(changed.out().contains("Running in"), changed.out());
    assertEquals("three\n", sh(engine, "stages:2", "cat /copied/g"));
    String target = build(engine, "-q", "--target", "made").succeeded().line();
    assertEquals("1 two words 1\n", sh(engine, target, "cat /work/out"));
  }

  @Test
  void theDockerfileMayComeBesideTheContext(Engine engine) throws IOException {
    file("f", "of the context\n");
    String[] words = {"build", "-q", "-f", "-", context.toString()};
    String image =
        engine
            .dockerCommand(words)
            .with("DOCKER_BUILDKIT", "0")
            .input("FROM busybox\nCOPY f /g\n")
            .run()
            .succeeded()
            .line();
    assertEquals("of the context\n", engine.docker("run", "--rm", image, "cat", "/g").out());
    file("Dockerfile", "FROM busybox\n");
    assertTrue(
        build(engine, "--isolation", "hyperv").err().contains("unsupported isolation: \"hyperv\""));
    assertTrue(
        build(engine, "--security-opt", "x=y")
            .err()
            .contains("security options are not supported on linux"));
  }

  @Test
  void failuresNameWhatIsWrong(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nRUN echo before; exit 7\n");
    Outcome run = build(engine);
    assertEquals(7, run.code(), run.err());
    assertTrue(run.out().contains("before"), run.out());
    assertTrue(
        run.err()
            .contains("The command '/bin/sh -c echo before; exit 7' returned a non-zero code: 7"),
        run.err());
    file("Dockerfile", "FROM busybox\nCOPY nothere /x\n");
    Outcome copy = build(engine);
    assertEquals(1, copy.code());
    assertTrue(
        copy.err()
            .contains(
                "COPY failed: file not found in build context or excluded by .dockerignore: stat"
                    + " nothere: file does not exist"),
        copy.err());
    file("Dockerfile", "FROM busybox\nFOO x\n");
    assertTrue(
        build(engine)
            .err()
            .contains(
                "dockerfile parse error on line 2: unknown instruction: FOO (did you mean FROM?)"));
    file("Dockerfile", "FROM 127.0.0.1:1/none:1\n");
    assertTrue(build(engine).err().contains("127.0.0.1:1"));
    file("Dockerfile", "FROM busybox\nARG A\n");
    assertTrue(
        build(engine, "--build-arg", "B=1", "--target", "none")
            .err()
            .contains("target stage \"none\" could not be found"));
    assertTrue(
        build(engine, "--build-arg", "B=1")
            .succeeded()
            .out()
            .contains("[Warning] One or more build-args [B] were not consumed"));
    assertEquals("", engine.docker("ps", "-aq").out());
  }

  @Test
  void nothingOfTheHostComesInByLinks(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nCOPY link /x\n");
    Files.createSymbolicLink(context.resolve("link"), Path.of("/etc/hostname"));
    assertEquals(1, build(engine).code());
    file("Dockerfile", "FROM busybox\nCOPY folder/secret /x\n");
    Files.createSymbolicLink(context.resolve("folder"), Path.of("../../../../../../etc"));
    file("secretless", "");
    assertEquals(1, build(engine).code());
    file(
        "Dockerfile",
        "FROM busybox\nRUN --mount=type=bind,source=folder,target=/m cat /m/passwd\n");
    assertEquals(1, build(engine).code());
    // a link in the image leads inside the image
    file("Dockerfile", "FROM busybox\nRUN ln -s /../../../../made /way\nCOPY secretless /way/in\n");
    String image = build(engine, "-q").succeeded().line();
    assertEquals("/made/in\n", sh(engine, image, "ls /made/in"));
  }

  @Test
  void ignoresWhatTheFileSays(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nCOPY . /c/\n");
    file(".dockerignore", "*.tmp\n!keep.tmp\nfolder\n");
    file("a.tmp", "");
    file("keep.tmp", "");
    file("folder/x", "");
    file("b", "");
    String image = build(engine, "-q").succeeded().line();
    assertEquals(
        "/c/.dockerignore\n/c/Dockerfile\n/c/b\n/c/keep.tmp\n",
        sh(engine, image, "find /c -type f | sort"));
  }

  @Test
  void mountsOfRunLeaveNothing(Engine engine) throws IOException {
    file("f", "data\n");
    file(
        "Dockerfile",
        """
        FROM busybox AS other
        RUN echo stage > /s
        FROM busybox
        RUN --mount=type=cache,target=/cache echo x >> /cache/log
        RUN --mount=type=cache,target=/cache cat /cache/log > /seen
        RUN --mount=target=/context cat /context/f >> /seen
        RUN --mount=from=other,source=/s,target=/other cat /other >> /seen
        RUN --mount=type=tmpfs,target=/t echo gone > /t/x
        """);
    String image = build(engine, "-q").succeeded().line();
    assertEquals(
        "x\ndata\nstage\n",
        sh(
            engine,
            image,
            "cat /seen; ls /t /context /cache 2>/dev/null | grep -v :$ | tr -d '\\n'"));
  }

  @Test
  void clientThatLeavesEndsItsBuild(Engine engine) throws IOException, InterruptedException {
    file("Dockerfile", "FROM busybox\nRUN sleep 1000\n");
    Process docker = command(engine).start();
    try {
      Eventually.within(
          Duration.ofSeconds(30),
          "the step does not run",
          () -> !engine.docker("ps", "-q", "--filter", "label=dev.gantry.build").out().isEmpty());
    } finally {
      docker.destroyForcibly().waitFor();
    }
    Eventually.within(
        Duration.ofSeconds(30),
        "the step goes on",
        () -> engine.docker("ps", "-aq").out().isEmpty());
  }

  @Test
  void killedEngineLeavesNothingButTheCache(Engine engine)
      throws IOException, InterruptedException {
    file("Dockerfile", "FROM busybox\nRUN echo kept > /kept\nRUN sleep 1000\n");
    Process docker = command(engine).start();
    try {
      Eventually.within(
          Duration.ofSeconds(30),
          "the second step does not run",
          () ->
              engine
                  .docker("ps", "--no-trunc", "--format", "{{.Command}}")
                  .out()
                  .contains("sleep 1000"));
      engine.kill();
      engine.restart();
    } finally {
      docker.destroyForcibly().waitFor();
    }
    assertEquals("", engine.docker("ps", "-aq").out());
    file("Dockerfile", "FROM busybox\nRUN echo kept > /kept\nRUN cat /kept\n");
    Outcome again = build(engine).succeeded();
    assertTrue(again.out().contains("Using cache"), again.out());
    assertTrue(again.out().contains("kept"), again.out());
  }

  @Test
  void ourCommandLineBuildsTheSame(Engine engine) throws IOException {
    file(
        "Dockerfile", "FROM busybox\nARG A\nCOPY . /c/\nRUN echo $A > /a; test $A = 1 || exit 5\n");
    file(".dockerignore", "skipped\n");
    file("skipped/x", "");
    file("d/f", "data\n");
    String docker = build(engine, "-q", "--build-arg", "A=1").succeeded().line();
    String folder = context.toString();
    assertEquals(
        docker, engine.gantry("build", "-q", "--build-arg", "A=1", folder).succeeded().line());
    Path idFile = engine.folder().resolve("iid");
    Outcome loud =
        engine
            .gantry(
                "build", "-t", "ours", "--iidfile", idFile.toString(), "--build-arg", "A=1", folder)
            .succeeded();
    assertTrue(loud.out().contains("Successfully tagged ours:latest"), loud.out());
    assertEquals(docker, Files.readString(idFile));
    assertEquals("data\n", sh(engine, "ours", "cat /c/d/f; ls /c/skipped 2>/dev/null; true"));
    Outcome failed = engine.gantry("build", "--build-arg", "A=2", folder);
    assertEquals(5, failed.code());
    assertTrue(failed.err().contains("returned a non-zero code: 5"), failed.err());
    Outcome alone =
        engine
            .gantryCommand("build", "-q", "-")
            .input("FROM busybox\nCMD [\"echo\",\"alone\"]")
            .run();
    assertEquals("alone\n", engine.docker("run", "--rm", alone.succeeded().line()).out());
    Outcome other =
        engine
            .gantryCommand("build", "-q", "-f", "-", folder)
            .input("FROM busybox\nCOPY d/f /f\nCMD [\"cat\",\"/f\"]")
            .run();
    assertEquals("data\n", engine.docker("run", "--rm", other.succeeded().line()).out());
    assertEquals(1, engine.gantry("build", folder + "/none").code());
  }

  /// The blocks of the disk for so many bytes: once as files, perhaps once more packed.
  private static void assertFreed(long bytes, String pruned) {
    long freed = Json.parseObject(pruned).number("SpaceReclaimed", 0);
    assertTrue(freed >= bytes && freed < 3 * bytes, pruned);
  }

  @Test
  void cacheIsCountedAndPruned(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nRUN head -c 100000 /dev/zero > /zeros\n");
    engine.request("POST", "/build/prune?all=1", "").expect(200);
    String image = build(engine, "-q", "-t", "pruned").succeeded().line();
    assertTrue(engine.json("/system/df?verbose=1").text().contains("head -c 100000"), image);
    assertEquals(
        "{\"CachesDeleted\":null,\"SpaceReclaimed\":0}",
        engine.request("POST", "/build/prune", "").expect(200).text().strip());
    engine.docker("rmi", "pruned").succeeded();
    String pruned = engine.request("POST", "/build/prune", "").expect(200).text();
    assertFreed(100_000, pruned);
    assertFalse(engine.json("/system/df?verbose=1").text().contains("head -c 100000"));
  }

  @Test
  void foldersOfCacheMountsAreListedAndPruned(Engine engine) throws IOException {
    file(
        "Dockerfile",
        "FROM busybox\nRUN --mount=type=cache,id=kept,target=/c head -c 50000 /dev/zero > /c/f\n");
    engine.request("POST", "/build/prune?all=1", "").expect(200); // what other tests have left
    build(engine, "-q").succeeded();
    String usage = engine.json("/system/df?type=build-cache&verbose=1").text();
    assertTrue(
        usage.contains("\"Type\":\"exec.cachemount\",\"Description\":\"cached mount kept\""),
        usage);
    String filter = "%7B%22type%22%3A%5B%22exec.cachemount%22%5D%7D";
    String pruned =
        engine.request("POST", "/build/prune?all=1&filters=" + filter, "").expect(200).text();
    assertFreed(50_000, pruned);
    assertFalse(engine.json("/system/df?verbose=1").text().contains("exec.cachemount"));
  }

  @Test
  void buildsKeepNoMoreThanTheOperatorSays() throws IOException {
    String rule = "{\"gc\":{\"policy\":[{\"all\":true,\"maxUsedSpace\":\"60KB\"}]}}";
    try (Engine small = Engine.start("--builder", rule)) {
      small.busybox();
      for (String name : new String[] {"one", "two", "three"}) {
        file("Dockerfile", "FROM busybox\nRUN head -c 50000 /dev/zero > /" + name + "\n");
        build(small, "-q").succeeded();
      }
      Eventually.within(
          Duration.ofSeconds(60),
          "the cache stays large",
          () -> {
            String usage = small.json("/system/df?type=build-cache&verbose=1").text();
            return usage.contains("/three") && !usage.contains("/one") && !usage.contains("/two");
          });
    }
  }
}
