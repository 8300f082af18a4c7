package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Two hundred containers alive at once, through the end of their engine. Prints what they cost.
class ScaleIT {
  private static final int CONTAINERS = Integer.getInteger("gantry.containers", 200);

  @Test
  void twoHundredContainersLiveAndOutliveTheEngine() throws IOException {
    try (Engine engine = Engine.start()) {
      engine.busybox();
      awaitExit(engine, Containers.run(engine, "true"));
      int descriptors = descriptors(engine);
      long idle = memory(engine.pid());
      List<String> ids = new ArrayList<>();
      long start = System.nanoTime();
      for (int i = 0; i < CONTAINERS; i++) {
        ids.add(Containers.run(engine, "echo up; exec sleep 10000"));
      }
      long started = System.nanoTime();
      report("%d containers started in %d ms", CONTAINERS, (started - start) / 1_000_000);
      assertAllRun(engine);
      List<Long> monitors = monitors(engine);
      assertEquals(CONTAINERS, monitors.size(), "one monitor a container");
      long each = monitors.stream().mapToLong(ScaleIT::memory).sum() / CONTAINERS;
      report("a monitor has %d kB (PSS) without the kernel's", each);
      assertTrue(each < 250, () -> each + " kB for each monitor");
      report(
          "the engine has %d kB, %d kB before; %d descriptors, %d before",
          memory(engine.pid()), idle, descriptors(engine), descriptors);

      engine.kill();
      long before = System.nanoTime();
      engine.restart();
      report(
          "ready with %d containers in %d ms",
          CONTAINERS, (System.nanoTime() - before) / 1_000_000);
      assertAllRun(engine);
      for (String id : List.of(ids.getFirst(), ids.get(CONTAINERS / 2), ids.getLast())) {
        assertEquals(List.of("up"), Containers.log(engine, id));
        Containers.exec(engine, id, "touch", "/here");
      }
      for (String id : ids) {
        engine.request("DELETE", "/containers/" + id + "?force=1", "").expect(204);
      }
      Eventually.within(
          Containers.PATIENCE,
          () -> "monitors: " + monitors(engine),
          () -> monitors(engine).isEmpty());
      // pools of threads and buffers may have grown by a few
      Eventually.within(
          Containers.PATIENCE,
          () -> descriptors(engine) + " descriptors, and " + descriptors + " at first",
          () -> descriptors(engine) <= descriptors + 20);
    }
  }

  private static void awaitExit(Engine engine, String id) {
    assertEquals(0, Containers.awaitExit(engine, id));
  }

  private static void report(String format, Object... values) {
    System.out.println("ScaleIT: " + String.format(Locale.ROOT, format, values));
  }

  private static void assertAllRun(Engine engine) {
    String text = engine.get("/containers/json").expect(200).text();
    assertEquals(CONTAINERS, text.split("\"State\":\"running\"", -1).length - 1);
  }

  /// Processes of the shim in the engine's cgroups' company: those whose working folder is a run
  /// folder of the engine.
  private static List<Long> monitors(Engine engine) {
    String folders = engine.folder().resolve("run/containers").toString();
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      return all.filter(p -> p.getFileName().toString().chars().allMatch(Character::isDigit))
          .filter(p -> target(p.resolve("cwd")).startsWith(folders))
          .map(p -> Long.valueOf(p.getFileName().toString()))
          .toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return ""; // it has ended
    }
  }

  /// Proportional memory in kB; 0 for a process that has ended.
  private static long memory(long pid) {
    try (Stream<String> lines = Files.lines(Path.of("/proc", Long.toString(pid), "smaps_rollup"))) {
      return lines
          .filter(line -> line.startsWith("Pss:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .sum();
    } catch (IOException e) {
      return 0;
    }
  }

  private static int descriptors(Engine engine) {
    try (Stream<Path> all = Files.list(Path.of("/proc", Long.toString(engine.pid()), "fd"))) {
      return (int) all.count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
