package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The engine, or the registry it works with, is killed at random moments of pulls, pushes, loads
/// and removals: whatever image is visible afterwards is whole, the next try succeeds, and nothing
/// is left at the end. `-Dgantry.crashes` says how often (50).
class ImageCrashIT {
  private static final Duration LIMIT = Duration.ofMinutes(3);
  private static final int LAYERS = 5;
  private static final int LAYER = 1 << 20;

  @TempDir Path folder;

  private Engine engine;
  private String name;

  @Test
  void nothingHalfIsEverVisibleAndNothingIsLeft() throws Exception {
    Needs.dockerClient();
    Needs.peers();
    int rounds = Integer.getInteger("gantry.crashes", 50);
    long seed = Long.getLong("gantry.seed", System.nanoTime());
    System.out.println("ImageCrashIT: " + rounds + " times, -Dgantry.seed=" + seed);
    Random random = new Random(seed);
    try (Engine started = Engine.start();
        DebianRegistry registry = DebianRegistry.plain(folder.resolve("registry"))) {
      engine = started;
      name = registry.host() + "/crash:1";
      Eventually.within(
          LIMIT,
          "the built-in image is there",
          () -> !engine.docker("images", "-q").line().isEmpty());
      TreeSet<String> before = TestImage.stored(engine);
      Path archive = folder.resolve("image.tar");
      Files.write(archive, archive());
      engine.dockerCommand("load", "-q", "-i", archive.toString()).within(LIMIT).run().succeeded();
      engine.docker("tag", "crash:1", name).succeeded();
      engine.dockerCommand("push", "-q", name).within(LIMIT).run().succeeded();
      String id = engine.docker("images", "-q", "--no-trunc", name).line();
      long start = System.nanoTime();
      removeAll();
      engine.dockerCommand("pull", "-q", name).within(LIMIT).run().succeeded();
      long whole = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
      for (int round = 0; round < rounds; round++) {
        String[] words =
            switch (random.nextInt(5)) {
              case 0 -> new String[] {"load", "-q", "-i", archive.toString()};
              case 1 -> new String[] {"push", "-q", name};
              case 2 -> new String[] {"rmi", "-f", name};
              default -> new String[] {"pull", "-q", name};
            };
        if (words[0].equals("push")) {
          engine.dockerCommand("pull", "-q", name).within(LIMIT).run().succeeded();
        } else if (!words[0].equals("rmi")) {
          removeAll();
        }
        CompletableFuture<Outcome> work =
            CompletableFuture.supplyAsync(() -> engine.dockerCommand(words).within(LIMIT).run());
        // the moment of the kill is what is random here; nothing waits for it
        Thread.sleep(random.nextLong(whole + 1));
        if (random.nextInt(4) == 0) {
          registry.kill();
          registry.restart();
        } else {
          engine.kill();
          engine.restart();
        }
        work.join();
        assertWhatIsVisibleIsWhole(id, String.join(" ", words));
      }
      engine.dockerCommand("pull", "-q", name).within(LIMIT).run().succeeded();
      assertEquals(id, engine.docker("images", "-q", "--no-trunc", name).line());
      assertWhatIsVisibleIsWhole(id, "the last pull");
      removeAll();
      Eventually.within(
          LIMIT, () -> "left: " + difference(before), () -> difference(before).isEmpty());
    }
  }

  // by requests, not by a client's program: fifty rounds shall be no work but the engine's

  private void removeAll() {
    for (String each : List.of(name, "crash:1")) {
      engine.request("DELETE", "/images/" + each + "?force=1", "");
    }
    engine.request("POST", "/images/prune", "").expect(200);
  }

  private void assertWhatIsVisibleIsWhole(String id, String after) {
    Json.JsonObject damage =
        Json.parseObject(engine.request("POST", "/gantry/images/verify", "").expect(200).text());
    assertEquals(List.of(), damage.objects("Damaged"), after);
    for (String each : List.of(name, "crash:1")) {
      Answer found = engine.get("/images/" + each + "/json");
      if (found.status() == 404) {
        continue;
      }
      assertEquals(id, Json.parseObject(found.expect(200).text()).string("Id", ""), after);
      String body = "{\"Image\":\"" + each + "\",\"Cmd\":[\"x\"]}";
      Answer created = engine.request("POST", "/containers/create", body).expect(201);
      String container = "/containers/" + Json.parseObject(created.text()).string("Id", "");
      for (int i = 0; i < LAYERS; i++) {
        byte[] file = engine.get(container + "/archive?path=/f" + i).expect(200).body();
        byte[] content = Arrays.copyOfRange(file, 512, 512 + LAYER);
        assertTrue(Arrays.equals(content(i), content), "file f" + i + " after " + after);
      }
      engine.request("DELETE", container, "").expect(204);
    }
  }

  private TreeSet<String> difference(TreeSet<String> before) {
    TreeSet<String> now = TestImage.stored(engine);
    now.removeAll(before);
    return now;
  }

  // ---- the image: layers of one file each, which no packing makes smaller

  private static byte[] content(int layer) {
    byte[] content = new byte[LAYER];
    new Random(layer).nextBytes(content);
    return content;
  }

  private byte[] archive() throws IOException {
    Path parts = Files.createDirectories(folder.resolve("parts"));
    List<Digest> diffIds = new ArrayList<>();
    List<String> layers = new ArrayList<>();
    for (int i = 0; i < LAYERS; i++) {
      Path file = Files.write(parts.resolve("f" + i), content(i));
      byte[] tar = tar(parts, List.of(file.getFileName().toString()));
      Files.write(parts.resolve("layer" + i), tar);
      diffIds.add(Digest.of(tar));
      layers.add("layer" + i);
    }
    Files.writeString(parts.resolve("config"), TestImage.config(diffIds));
    Files.writeString(parts.resolve("manifest.json"), TestImage.archived("crash:1", layers));
    List<String> names = new ArrayList<>(List.of("config", "manifest.json"));
    names.addAll(layers);
    return tar(parts, names);
  }

  private static byte[] tar(Path from, List<String> names) {
    List<String> words = new ArrayList<>(List.of("tar", "-C", from.toString(), "-c"));
    words.addAll(names);
    return Command.of(words).run().succeeded().bytes();
  }
}
