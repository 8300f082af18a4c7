package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The history of builds: whoever asked for a build, both command lines list it, show what it said
/// and forget it, also after the engine was killed; and no secret is in it.
class BuildHistoryIT extends BuildxTest {
  private static final String SECRET = "s3cr3t-of-the-history";

  private Outcome history(Engine engine, String... words) {
    String[] all = new String[words.length + 2];
    all[0] = "buildx";
    all[1] = "history";
    System.arraycopy(words, 0, all, 2, words.length);
    return docker(engine, all).run();
  }

  private static String newest(Engine engine) {
    return engine
        .gantry("build", "history", "ls", "-q")
        .succeeded()
        .out()
        .lines()
        .findFirst()
        .orElse("");
  }

  @Test
  void everyBuildIsThereForBothCommandLinesAlsoAfterAKill(Engine engine) throws IOException {
    file("f", "x\n");
    file("Dockerfile", "FROM busybox\nARG A\nCOPY f /f\nRUN echo told by $A\n");
    build(engine, "-t", "kept:1", "--build-arg", "A=buildx").succeeded();
    String first = newest(engine);
    engine
        .gantry("build", "-t", "kept:2", "--build-arg", "A=gantry", context.toString())
        .succeeded();
    String second = newest(engine);
    engine
        .dockerCommand("build", "-t", "kept:3", "--build-arg", "A=classic", context.toString())
        .with("DOCKER_BUILDKIT", "0")
        .run()
        .succeeded();
    String third = newest(engine);
    file("Dockerfile", "FROM busybox\nRUN echo out; echo bad >&2; exit 7\n");
    build(engine).exited(1);
    String failed = newest(engine);
    engine.gantry("build", context.toString()).exited(7);
    String failedToo = newest(engine);
    assertEquals(5, List.of(first, second, third, failed, failedToo).stream().distinct().count());
    file("Dockerfile", "FROM busybox\nRUNN true\n");
    engine.gantry("build", context.toString()).exited(1);
    String unread = newest(engine);
    engine.kill();
    engine.restart();

    has(history(engine, "inspect", unread).succeeded().out(), "unknown instruction: RUNN");
    String listed = history(engine, "ls", "--no-trunc").succeeded().out();
    for (String ref : List.of(first, second, third, failed, failedToo, unread)) {
      has(listed, ref);
    }
    has(history(engine, "logs", first).succeeded().err(), "told by buildx");
    has(history(engine, "logs", second).succeeded().err(), "told by gantry");
    has(engine.gantry("builder", "history", "logs", third).succeeded().out(), "told by classic");
    Outcome logs = engine.gantry("build", "history", "logs", failed).succeeded();
    has(logs.out(), "bad");
    has(logs.out(), "ERROR: process \"/bin/sh -c echo out; echo bad >&2; exit 7\"");
    has(logs.err(), "exit code: 7");
    has(engine.gantry("build", "history", "logs", "--progress=rawjson").out(), "\"vertexes\"");
    String errors =
        engine.gantry("build", "history", "ls", "-q", "--filter=status=error").succeeded().out();
    assertTrue(errors.startsWith(unread + "\n" + failedToo + "\n" + failed + "\n"), errors);
    has(history(engine, "ls", "--filter", "status=error").succeeded().out(), failed);
    assertFalse(history(engine, "ls", "--filter", "status=error").out().contains(first));

    Outcome inspected = engine.gantry("build", "history", "inspect", first).succeeded();
    has(inspected.out(), "kept:1");
    has(inspected.out(), "buildx");
    has(inspected.out(), "pkg:docker/busybox");
    has(history(engine, "inspect", second).succeeded().out(), "gantry");
    has(history(engine, "inspect", failed).succeeded().out(), "exit code: 7");
    Json.JsonObject provenance =
        Json.parseObject(
            history(engine, "inspect", "attachment", "--type", "provenance", first)
                .succeeded()
                .out());
    has(provenance.text(), "busybox");
    assertEquals(
        "Completed 3\n",
        engine
            .gantry("build", "history", "inspect", "--format={{.Status}} {{.Steps}}", second)
            .succeeded()
            .out());
    Path bundle = folder.resolve("all.dockerbuild");
    history(engine, "export", "--all", "-o", bundle.toString()).succeeded();
    assertTrue(Files.size(bundle) > 500);
    Path ours = folder.resolve("ours.dockerbuild");
    engine.gantry("build", "history", "export", "-o", ours.toString(), first).succeeded();
    has(Command.of("tar", "tzf", ours.toString()).run().succeeded().out(), "index.json");

    history(engine, "rm", first).succeeded();
    engine.gantry("build", "history", "pin", second).succeeded();
    engine.gantry("build", "history", "rm", third, unread, failed.substring(0, 12)).succeeded();
    engine.kill();
    engine.restart();
    assertEquals(
        failedToo + "\n" + second + "\n",
        engine.gantry("build", "history", "ls", "-q").succeeded().out());
    has(engine.gantry("build", "history", "inspect", second).out(), "Completed, pinned");
    engine.gantry("build", "history", "rm", "nobody").exited(1);
    history(engine, "rm", "--all").succeeded();
    assertEquals("", engine.gantry("build", "history", "ls", "-q").succeeded().out());
  }

  @Test
  void noSecretIsInIt(Engine engine) throws IOException {
    Path secret = Files.writeString(folder.resolve("secret"), SECRET + "\n");
    file("Dockerfile", "FROM busybox\nADD https://me:my-password-123@127.0.0.1:1/f /\n");
    build(engine).exited(1);
    engine.gantry("build", context.toString()).exited(1);
    file(
        "Dockerfile",
        """
        FROM busybox
        RUN --mount=type=secret,id=s cat /run/secrets/s; head -c 8 /run/secrets/s; sleep 0.1; \
        tail -c +9 /run/secrets/s; echo shown; exit 1
        """);
    String[] given = {"--secret", "id=s,src=" + secret};
    Outcome seen = build(engine, given[0], given[1]).exited(1);
    has(seen.err(), SECRET); // who builds sees what the steps print
    engine.gantry("build", given[0], given[1], "--no-cache", context.toString()).exited(1);
    try (var files = Files.list(engine.folder().resolve("data/build-history"))) {
      for (Path file : files.toList()) {
        assertFalse(
            Files.readString(file, java.nio.charset.StandardCharsets.ISO_8859_1).contains(SECRET));
      }
    }
    for (String ref : List.of("^0", "^1", "^2", "^3")) {
      Outcome logs = engine.gantry("build", "history", "logs", ref).succeeded();
      if (ref.equals("^0") || ref.equals("^1")) {
        has(logs.out(), "shown");
        has(logs.out(), "*".repeat(SECRET.length()));
      } else {
        has(logs.out(), "ADD https://xxxxx:xxxxx@127.0.0.1:1/f");
      }
      assertFalse(logs.toString().contains(SECRET), logs.toString());
      String all = logs + engine.gantry("build", "history", "inspect", ref).toString();
      assertFalse(all.contains("my-password-123"), all);
    }
    history(engine, "rm", "--all").succeeded();
  }
}
