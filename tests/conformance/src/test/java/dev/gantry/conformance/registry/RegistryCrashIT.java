package dev.gantry.conformance.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.conformance.registry.Distribution.Answer;
import dev.gantry.conformance.registry.Distribution.Image;
import dev.gantry.json.Json;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/// The registry is killed at random moments while clients push, pull and delete: nothing that was
/// acknowledged is lost, nothing half is ever seen, and what was under way goes on.
class RegistryCrashIT {
  private static final int ROUNDS = Integer.getInteger("gantry.crashes", 50);

  /// What the clients know.
  private static final class Known {
    final Map<String, Image> acknowledged = new ConcurrentHashMap<>();
    final Map<String, byte[]> underWay = new ConcurrentHashMap<>(); // by location
    final Set<String> blobs = ConcurrentHashMap.newKeySet(); // sent, maybe arrived
    final AtomicBoolean dead = new AtomicBoolean();
    volatile CountDownLatch atWork = new CountDownLatch(1);
  }

  @Test
  void killedAtRandomMoments() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Known known = new Known();
    try (RegistryServer server =
        RegistryServer.gantry("--gc-interval", "50ms", "--gc-grace", "60s")) {
      try {
        for (int round = 0; round < ROUNDS; round++) {
          oneLife(server, known, random);
          server.restart();
          check(server, known, round == ROUNDS - 1);
        }
        server.stop();
        server.restart();
        check(server, known, true);
      } catch (AssertionError e) {
        throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
      }
      assertTrue(!known.acknowledged.isEmpty(), "no push was acknowledged in any round");
      assertEquals(List.of(), leftBeside(server.home().resolve("data/incoming")));
    }
  }

  private static List<Path> leftBeside(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.toList();
    }
  }

  private static void oneLife(RegistryServer server, Known known, Random random)
      throws InterruptedException {
    known.dead.set(false);
    known.atWork = new CountDownLatch(1);
    try (Distribution client = new Distribution(server.address());
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> clients =
          List.of(
              threads.submit(() -> push(client, known, "one")),
              threads.submit(() -> push(client, known, "two")),
              threads.submit(() -> chunks(client, known)),
              threads.submit(() -> pull(client, known)));
      known.atWork.await(60, TimeUnit.SECONDS);
      TimeUnit.MILLISECONDS.sleep(random.nextInt(300)); // the moment of the kill
      known.dead.set(true);
      server.kill();
      for (Future<?> each : clients) {
        ended(each);
      }
    }
  }

  /// Clients end by losing the connection; any other failure is the registry's.
  private static void ended(Future<?> client) throws InterruptedException {
    try {
      client.get();
    } catch (ExecutionException e) {
      Throwable failure = e.getCause();
      if (!(failure instanceof AssertionError && failure.getCause() instanceof IOException)) {
        throw new AssertionError(String.valueOf(failure), failure);
      }
    }
  }

  private static void push(Distribution client, Known known, String name) {
    while (!known.dead.get()) {
      byte[] config = Distribution.text("{\"n\":\"" + Distribution.random() + "\"}");
      byte[] layer = Distribution.bytes(100_000);
      known.blobs.add(Distribution.digest(config));
      known.blobs.add(Distribution.digest(layer));
      client.pushBlob(name, config);
      known.atWork.countDown();
      client.pushBlob(name, layer);
      Json.JsonObject manifest =
          Json.object()
              .put("schemaVersion", 2)
              .put("mediaType", Distribution.MANIFEST)
              .put("config", Distribution.descriptor(Distribution.CONFIG, config))
              .put("layers", Json.array().add(Distribution.descriptor(Distribution.LAYER, layer)));
      Image image = new Image(Distribution.text(manifest.text()), config, layer);
      String tag = "t" + Distribution.random();
      client.putManifest(name, tag, image.manifest(), Distribution.MANIFEST).expect(201);
      known.acknowledged.put(name + "/manifests/" + tag, image);
    }
  }

  private static void chunks(Distribution client, Known known) {
    while (!known.dead.get()) {
      byte[] content = Distribution.bytes(200_000);
      String location = client.begin("chunks");
      known.underWay.put(location, content);
      for (int at = 0; at < content.length; at += 50_000) {
        client.chunk(location, Arrays.copyOfRange(content, at, at + 50_000), at).expect(202);
      }
      finish(client, location, content);
      known.underWay.remove(location);
    }
  }

  private static void finish(Distribution client, String location, byte[] content) {
    String digest = Distribution.digest(content);
    client.put(Distribution.with(location, "digest=" + digest), new byte[0]).expect(201);
  }

  private static void pull(Distribution client, Known known) {
    while (!known.dead.get()) {
      for (Map.Entry<String, Image> image : known.acknowledged.entrySet()) {
        intact(client, image.getKey(), image.getValue());
      }
    }
  }

  private static void intact(Distribution client, String path, Image image) {
    String name = path.substring(0, path.indexOf('/'));
    assertArrayEquals(image.manifest(), client.get("/v2/" + path).expect(200).bytes());
    String layer = "/v2/" + name + "/blobs/" + Distribution.digest(image.layer());
    assertArrayEquals(image.layer(), client.get(layer).expect(200).bytes());
  }

  private static void check(RegistryServer server, Known known, boolean all) {
    try (Distribution client = new Distribution(server.address())) {
      known.acknowledged.entrySet().stream()
          .limit(all ? Long.MAX_VALUE : 20)
          .forEach(i -> intact(client, i.getKey(), i.getValue()));
      for (String digest : known.blobs) {
        for (String name : List.of("one", "two")) {
          Answer answer = client.get("/v2/" + name + "/blobs/" + digest).expect(200, 404);
          if (answer.status() == 200) {
            assertEquals(digest, Distribution.digest(answer.bytes()), "a damaged blob is visible");
          }
        }
      }
      known.blobs.clear();
      known.underWay.forEach((location, content) -> goOn(client, location, content));
      known.underWay.clear();
    }
  }

  /// The retry begins where the push was broken off.
  private static void goOn(Distribution client, String location, byte[] content) {
    Answer state = client.get(location).expect(204, 404);
    if (state.status() == 404) {
      String path = "/v2/chunks/blobs/" + Distribution.digest(content);
      client.get(path).expect(200, 404); // it had been finished, or hardly begun
      return;
    }
    String range = state.header("Range");
    int last = Integer.parseInt(range.substring(range.indexOf('-') + 1));
    int here = last == 0 ? 0 : last + 1;
    if (here < content.length) {
      client.chunk(location, Arrays.copyOfRange(content, here, content.length), here).expect(202);
    }
    finish(client, location, content);
    String path = "/v2/chunks/blobs/" + Distribution.digest(content);
    assertArrayEquals(content, client.get(path).expect(200).bytes());
  }
}
