package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The engine killed at moments of a build that nobody has chosen: while the context comes, while
/// steps run, copy and are packed, while the result goes out. Whatever the moment, the next engine
/// has nothing left of it but cache that is right: the same build gives the same image.
class BuildCrashIT extends BuildxTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int ROUNDS = 3;

  /// What a build has in `data/build` that outlives it.
  private static final Set<String> KEPT = Set.of("caches", "contexts", "history");

  private void project() throws IOException {
    for (int i = 0; i < 600; i++) { // enough that gantry lists them first
      file("many/f" + i, "file " + i + "\n");
    }
    file("large", "x".repeat(8_000_000));
    file(
        "Dockerfile",
        """
        FROM busybox AS one
        COPY many /many
        RUN --mount=type=cache,target=/k cat /many/* > /all; sleep 0.1; date > /k/d
        FROM busybox AS two
        COPY large /large
        RUN --mount=from=one,target=/one cp -r /one/many /copied
        FROM busybox
        COPY --from=one /all /a/
        COPY --from=two /copied /b/
        RUN dd if=/dev/zero of=/zeros bs=1M count=8 2>/dev/null
        """);
  }

  private static String id(Engine engine, String image) {
    return engine.docker("inspect", "-f", "{{.Id}}", image).line();
  }

  private static List<String> names(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(p -> p.getFileName().toString()).sorted().toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of("in motion: " + e);
    }
  }

  /// Processes that still have to do with the engine's folder, beside the engine.
  private static List<String> processes(Engine engine) {
    List<String> found = new ArrayList<>();
    for (ProcessHandle p : ProcessHandle.allProcesses().toList()) {
      try {
        String words =
            Files.readString(Path.of("/proc/" + p.pid() + "/cmdline"), StandardCharsets.ISO_8859_1);
        boolean step = words.contains("gantry-shim") && words.contains(engine.folder().toString());
        if (step && p.pid() != engine.pid()) {
          found.add(words.replace('\0', ' '));
        }
      } catch (IOException e) {
        continue; // it has ended
      }
    }
    return found;
  }

  private static void nothingIsLeft(Engine engine) throws IOException {
    Path data = engine.folder().resolve("data");
    Eventually.within(
        LIMIT,
        () -> "containers: " + engine.docker("ps", "-a").out(),
        () -> engine.docker("ps", "-aq").succeeded().out().isBlank());
    Eventually.within(
        LIMIT,
        () -> "left in the folder of builds",
        () -> KEPT.containsAll(names(data.resolve("build"))));
    Eventually.within(
        LIMIT,
        () -> "left of containers",
        () ->
            names(data.resolve("containers")).isEmpty()
                && names(data.resolve("overlay/containers")).isEmpty()
                && names(data.resolve("overlay/trash")).isEmpty()
                && names(data.resolve("content/incoming")).isEmpty());
    Eventually.within(LIMIT, () -> "processes are left", () -> processes(engine).isEmpty());
    assertEquals(
        List.of(),
        Files.readAllLines(Path.of("/proc/mounts")).stream()
            .filter(m -> m.contains(engine.folder().toString()))
            .toList());
    assertEquals(
        List.of(),
        names(data.resolve("build/contexts")).stream()
            .filter(n -> n.startsWith("passing"))
            .toList());
    String blobs = "cd '" + data.resolve("content/blobs/sha256") + "' && sha256sum *";
    for (String sum : Command.of("sh", "-c", blobs).run().succeeded().out().lines().toList()) {
      String[] words = sum.split("\\s+", 2);
      assertEquals(words[1], words[0], "content that is not what its name says");
    }
  }

  private void rounds(Engine engine, long seed, Start start) throws Exception {
    project();
    long began = System.nanoTime();
    Process reference = start.build("--no-cache", "-t=crash:reference");
    assertTrue(reference.waitFor(120, TimeUnit.SECONDS), "the first build does not end");
    assertEquals(0, reference.exitValue());
    long millis = Math.max(500, (System.nanoTime() - began) / 1_000_000);
    String wanted = id(engine, "crash:reference");
    engine.docker("rmi", "crash:reference").succeeded();
    Random random = new Random(seed);
    for (int round = 0; round < ROUNDS; round++) {
      engine.docker("builder", "prune", "-af").succeeded();
      // one in each third of the time that it takes
      long moment = (long) (millis * (round + random.nextDouble()) / ROUNDS);
      Process client = start.build("-t=crash:1");
      try {
        boolean ended = client.waitFor(moment, TimeUnit.MILLISECONDS);
        engine.kill();
        assertTrue(ended || client.waitFor(60, TimeUnit.SECONDS), "the client waits for ever");
      } finally {
        client.descendants().forEach(ProcessHandle::destroyForcibly);
        client.destroyForcibly().waitFor();
      }
      engine.restart();
      nothingIsLeft(engine);
      Process again = start.build("-t=crash:1");
      assertTrue(again.waitFor(120, TimeUnit.SECONDS), "the build after it does not end");
      assertEquals(0, again.exitValue(), "after round " + round);
      assertEquals(wanted, id(engine, "crash:1"), "after a death " + moment + " ms into the build");
      engine.docker("rmi", "crash:1").succeeded();
    }
  }

  @FunctionalInterface
  private interface Start {
    Process build(String... words) throws IOException;
  }

  @Test
  void inBuildsOfGantry(Engine engine) throws Exception {
    rounds(engine, 6, words -> engine.gantryCommand(withContext(List.of("build"), words)).start());
  }

  @Test
  void inBuildsOfBuildx(Engine engine) throws Exception {
    rounds(engine, 7, words -> command(engine, words).start());
  }

  /// What git began for the engine ends with the next one.
  @Test
  void whileGitFetches(Engine engine) throws Exception {
    try (java.net.ServerSocket silent =
        new java.net.ServerSocket(0, 5, java.net.InetAddress.getLoopbackAddress())) {
      String url = "git://127.0.0.1:" + silent.getLocalPort() + "/x.git";
      file("Dockerfile", "FROM scratch\nADD " + url + " /x\n");
      Process client = engine.gantryCommand(withContext(List.of("build"), "-t=crash:git")).start();
      try (java.net.Socket git = silent.accept()) {
        engine.kill();
        client.destroyForcibly().waitFor();
        assertTrue(fetching(engine) > 0, "git has ended by itself");
        engine.restart();
        Eventually.within(LIMIT, () -> "git fetches on", () -> fetching(engine) == 0);
        assertTrue(git.isConnected());
      } finally {
        client.destroyForcibly().waitFor();
      }
      nothingIsLeft(engine);
    }
  }

  /// How many programs work in the engine's folder of builds.
  private static long fetching(Engine engine) {
    Path builds = engine.folder().resolve("data/build");
    long count = 0;
    for (ProcessHandle p : ProcessHandle.allProcesses().toList()) {
      try {
        Path cwd = Files.readSymbolicLink(Path.of("/proc/" + p.pid() + "/cwd"));
        count += cwd.startsWith(builds) ? 1 : 0;
      } catch (IOException e) {
        continue; // it has ended
      }
    }
    return count;
  }
}
