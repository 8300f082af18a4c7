package dev.gantry.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.http.HttpServer;
import dev.gantry.http.Limits;
import dev.gantry.json.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A whole registry in this process: what survives, what is told, what is counted.
class ServeRegistryTest {
  @TempDir Path folder;

  private Serving start(String... flags) throws IOException {
    return Serving.start(folder.resolve("data"), flags);
  }

  @Test
  void everythingSurvivesARestart() throws IOException {
    byte[] manifest;
    try (Serving registry = start()) {
      manifest = registry.pushImage("a/b", "1", 5000);
    }
    try (Serving registry = start()) {
      assertArrayEquals(
          manifest, registry.get("/v2/a/b/manifests/1").expect(200).response().body());
      registry.get("/v2/a/b/blobs/" + Serving.layer(manifest)).expect(200);
      assertEquals(List.of("a/b"), registry.get("/v2/_catalog").json().strings("repositories"));
    }
  }

  @Test
  void uploadsGoOnAfterARestart() throws IOException {
    byte[] content = Serving.bytes(50_000);
    String location;
    try (Serving registry = start()) {
      location = registry.post("/v2/a/blobs/uploads/").expect(202).header("Location");
      registry.send("PATCH", location, Arrays.copyOfRange(content, 0, 20_000)).expect(202);
    }
    try (Serving registry = start()) {
      assertEquals("0-19999", registry.get(location).expect(204).header("Range"));
      byte[] rest = Arrays.copyOfRange(content, 20_000, 50_000);
      registry.send("PATCH", location, rest, "Content-Range", "20000-49999").expect(202);
      ContentDigest digest = ContentDigest.of(content);
      registry.send("PUT", location + "?digest=" + digest, new byte[0]).expect(201);
      assertArrayEquals(
          content, registry.get("/v2/a/blobs/" + digest).expect(200).response().body());
    }
  }

  @Test
  void twoRegistriesDoNotShareAFolder() throws IOException {
    try (Serving registry = start()) {
      registry.get("/v2/").expect(200);
      assertThrows(Failure.Conflict.class, () -> start());
    }
  }

  @Test
  void damagedManifestsAreNotGivenOut() throws IOException {
    try (Serving registry = start()) {
      byte[] manifest = registry.pushImage("a", "1", 10);
      ContentDigest digest = ContentDigest.of(manifest);
      Path file = folder.resolve("data/" + Keys.manifest(new RepositoryName("a"), digest));
      byte[] damaged = Files.readAllBytes(file);
      damaged[damaged.length - 5] ^= 1;
      Files.write(file, damaged);
      registry.get("/v2/a/manifests/1").expect(500);
      registry.putManifest("a", "1", manifest).expect(201); // pushed anew, it is repaired
      registry.get("/v2/a/manifests/1").expect(200);
    }
  }

  @Test
  void sharesBlobsWithAnEngine() throws IOException {
    Path engine = folder.resolve("engine");
    Path theirs = Files.createDirectories(engine.resolve("content/blobs/sha256"));
    Files.createDirectories(engine.resolve("content/incoming"));
    byte[] content = Serving.bytes(1000);
    String hex = ContentDigest.of(content).hex();
    Files.write(theirs.resolve(hex), content);
    try (Serving registry = start("--share", engine.toString())) {
      registry.pushBlob("a", content).expect(201);
      registry.pushBlob("a", Serving.bytes(10)).expect(201);
      Path ours = folder.resolve("data/blobs/sha256").resolve(hex);
      assertTrue(Files.isSameFile(ours, theirs.resolve(hex)));
      assertEquals(List.of(hex), names(theirs)); // the engine gets nothing that it did not have
      Files.delete(theirs.resolve(hex)); // its collection
      registry.get("/v2/a/blobs/sha256:" + hex).expect(200);
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).toList();
    }
  }

  @Test
  void tellsHealthMetricsAndWarning() throws IOException {
    try (Serving registry = start("--public-metrics", "--warning", "moves on Monday")) {
      byte[] manifest = registry.pushImage("a", "1", 1000);
      registry.get("/v2/a/blobs/" + Serving.layer(manifest)).expect(200);
      assertEquals("ok", registry.get("/healthz").expect(200).json().string("status", ""));
      assertEquals("299 - \"moves on Monday\"", registry.get("/v2/").expect(200).header("Warning"));
      String metrics =
          registry.metricsWith(
              "gantry_registry_requests_total{route=\"blob\",method=\"GET\",status=\"200\"} 1\n");
      assertTrue(metrics.contains("# TYPE gantry_registry_request_seconds histogram\n"), metrics);
      for (String line : metrics.lines().toList()) {
        assertTrue(
            line.startsWith("# TYPE ")
                || line.matches("[a-z_]+(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*})? [-0-9.E]+"),
            line);
      }
    }
  }

  @Test
  void logsEachRequestAsALine() throws IOException {
    Path log = folder.resolve("access.log");
    try (Serving registry = start("--access-log", log.toString())) {
      registry.get("/v2/a/tags/list?n=1", "User-Agent", "t\"x").expect(404);
    }
    Json.JsonObject line = Json.parseObject(Files.readString(log));
    assertEquals("/v2/a/tags/list?n=1", line.string("target", ""));
    assertEquals(404, line.number("status", 0));
    assertEquals("t\"x", line.string("agent", ""));
  }

  @Test
  void boundsPullsOfAClient() throws IOException {
    try (Serving registry = start("--rate-limit", "2/1h")) {
      registry.pushImage("a", "1", 10);
      registry.get("/v2/a/manifests/1").expect(200);
      registry.send("HEAD", "/v2/a/manifests/1", new byte[0]).expect(200);
      Serving.Answer second = registry.get("/v2/a/manifests/1").expect(200);
      assertEquals("2;w=3600", second.header("RateLimit-Limit"));
      assertEquals("0;w=3600", second.header("RateLimit-Remaining"));
      assertEquals("127.0.0.1", second.header("Docker-RateLimit-Source"));
      Serving.Answer third = registry.get("/v2/a/manifests/1").expect(429);
      assertEquals("TOOMANYREQUESTS", third.error());
      assertTrue(Integer.parseInt(third.header("Retry-After")) > 3000);
    }
  }

  @Test
  void tellsListenersWhatHappens() throws IOException, InterruptedException {
    BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    HttpServer listener =
        new HttpServer(
            (request, response) -> {
              heard.add(new String(request.body().readAllBytes(), StandardCharsets.UTF_8));
              response.empty(200);
            },
            Limits.PUBLIC);
    InetSocketAddress address =
        listener.listenTcp(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    try (listener;
        Serving registry = start("--webhook", "http://127.0.0.1:" + address.getPort() + "/x")) {
      byte[] manifest = registry.pushImage("a", "1", 10);
      registry.get("/v2/a/manifests/1").expect(200);
      registry.delete("/v2/a/manifests/" + ContentDigest.of(manifest)).expect(202);
      List<String> actions = new ArrayList<>();
      while (!actions.contains("delete")) {
        String body = heard.poll(30, TimeUnit.SECONDS);
        assertTrue(body != null, "only heard " + actions);
        Json.JsonObject event = Json.parseObject(body).objects("events").getFirst();
        assertEquals("a", event.object("target").orElseThrow().string("repository", ""));
        actions.add(event.string("action", ""));
      }
      assertTrue(actions.containsAll(List.of("push", "pull", "delete")), actions.toString());
    }
  }

  @Test
  void searchesNames() throws IOException {
    try (Serving registry = start()) {
      registry.pushImage("team/web", "1", 10);
      registry.pushImage("team/db", "1", 10);
      Json.JsonObject found = registry.get("/v1/search?q=web&n=10").expect(200).json();
      assertEquals(1, found.number("num_results", 0));
      assertEquals("team/web", found.objects("results").getFirst().string("name", ""));
    }
  }

  @Test
  void refusesOptionsThatDoNotFit() {
    for (String[] flags :
        new String[][] {
          {"--tls-cert", "/nowhere"},
          {"--token-realm", "https://a.example/token"},
          {"--htpasswd", "/nowhere"},
          {"--policy", "/nowhere"},
          {"--proxy-credentials", "/nowhere"},
          {"--listen", "127.0.0.1"},
          {"--warning", "a\"b"}
        }) {
      assertThrows(Failure.InvalidRequest.class, () -> start(flags), String.join(" ", flags));
      assertFalse(Files.exists(folder.resolve("data/incoming/x")));
    }
  }
}
