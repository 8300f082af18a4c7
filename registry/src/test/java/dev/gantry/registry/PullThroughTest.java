package dev.gantry.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PullThroughTest {
  @TempDir Path folder;

  private Serving upstream(String... flags) throws IOException {
    return Serving.start(folder.resolve("upstream"), flags);
  }

  private Serving cache(String... flags) throws IOException {
    return Serving.start(folder.resolve("cache"), flags);
  }

  @Test
  void aSecondPullWorksWithoutTheUpstream() throws IOException {
    byte[] manifest;
    byte[] layer;
    try (Serving upstream = upstream();
        Serving cache = cache("--proxy", upstream.base().toString())) {
      manifest = upstream.pushImage("a/b", "1", 300_000);
      String path = "/v2/a/b/blobs/" + Serving.layer(manifest);
      layer = upstream.get(path).expect(200).response().body();
      assertArrayEquals(manifest, cache.get("/v2/a/b/manifests/1").expect(200).response().body());
      assertArrayEquals(layer, cache.get(path).expect(200).response().body());
      upstream.close();
      assertArrayEquals(manifest, cache.get("/v2/a/b/manifests/1").expect(200).response().body());
      cache.get("/v2/a/b/manifests/" + ContentDigest.of(manifest)).expect(200);
      assertArrayEquals(layer, cache.get(path).expect(200).response().body());
      assertEquals(List.of("1"), cache.get("/v2/a/b/tags/list").json().strings("tags"));
      assertEquals(503, cache.get("/v2/a/c/manifests/1").status());
      cache.post("/v2/a/b/blobs/uploads/").expect(405);
    }
  }

  @Test
  void movedTagsAreSeen() throws IOException {
    try (Serving upstream = upstream();
        Serving cache = cache("--proxy", upstream.base().toString())) {
      byte[] first = upstream.pushImage("a", "1", 10);
      assertArrayEquals(first, cache.get("/v2/a/manifests/1").response().body());
      byte[] second = upstream.pushImage("a", "1", 10);
      assertArrayEquals(second, cache.get("/v2/a/manifests/1").response().body());
      upstream.delete("/v2/a/manifests/1").expect(202);
      cache.get("/v2/a/manifests/1").expect(404);
    }
  }

  @Test
  void nameSpacesHaveTheirOwnUpstreams() throws IOException {
    try (Serving upstream = upstream();
        Serving cache = cache("--proxy", "one.example=" + upstream.base())) {
      upstream.pushImage("a", "1", 10);
      cache.get("/v2/one.example/a/manifests/1").expect(200);
      Serving.Answer asMirror = cache.get("/v2/a/manifests/1?ns=one.example").expect(200);
      assertEquals("one.example", asMirror.header("OCI-Namespace"));
      cache.get("/v2/a/manifests/1").expect(404);
      cache.pushImage("own", "1", 10); // beside it, it is a registry like any other
    }
  }

  @Test
  void credentialsForTheUpstream() throws IOException {
    Path users = folder.resolve("users");
    Files.writeString(users, "ann:" + Bcrypt.hashed("a:b") + "\n");
    Path credentials = Files.writeString(folder.resolve("credentials"), "ann:a:b\n");
    for (String kind : List.of("basic", "token")) {
      try (Serving upstream = upstream("--htpasswd", users.toString(), "--auth", kind);
          Serving cache =
              Serving.start(
                  folder.resolve("cache-" + kind),
                  "--proxy",
                  upstream.base().toString(),
                  "--proxy-credentials",
                  credentials.toString());
          Serving without =
              Serving.start(
                  folder.resolve("without-" + kind), "--proxy", upstream.base().toString())) {
        if (kind.equals("basic")) {
          upstream.as("ann", "a:b").pushImage("a", "1", 10);
        }
        cache.get("/v2/a/manifests/1").expect(200);
        without.get("/v2/a/manifests/1").expect(404);
      }
    }
  }

  @Test
  void manyClientsFetchABlobOnce() throws Exception {
    try (Serving upstream = upstream("--public-metrics");
        Serving cache = cache("--proxy", upstream.base().toString());
        ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      byte[] manifest = upstream.pushImage("a", "1", 3_000_000);
      String path = "/v2/a/blobs/" + Serving.layer(manifest);
      List<Callable<byte[]>> pulls =
          java.util.Collections.nCopies(8, () -> cache.get(path).expect(200).response().body());
      for (Future<byte[]> pull : clients.invokeAll(pulls)) {
        assertEquals(Serving.layer(manifest), ContentDigest.of(pull.get()).toString());
      }
      upstream.metricsWith("requests_total{route=\"blob\",method=\"GET\",status=\"200\"} 1\n");
    }
  }

  @Test
  void partsOfABlobThatIsOnItsWay() throws IOException {
    try (Serving upstream = upstream();
        Serving cache = cache("--proxy", upstream.base().toString())) {
      byte[] manifest = upstream.pushImage("a", "1", 100_000);
      String path = "/v2/a/blobs/" + Serving.layer(manifest);
      byte[] whole = upstream.get(path).response().body();
      byte[] part = cache.get(path, "Range", "bytes=5-9").expect(206).response().body();
      assertArrayEquals(java.util.Arrays.copyOfRange(whole, 5, 10), part);
    }
  }

  @Test
  void whatIsNotWhatItsDigestSaysIsNotKept() throws IOException {
    try (Serving upstream = upstream();
        Serving cache = cache("--proxy", upstream.base().toString())) {
      byte[] manifest = upstream.pushImage("a", "1", 100_000);
      ContentDigest layer = ContentDigest.parse(Serving.layer(manifest));
      Path file = folder.resolve("upstream/" + Keys.blob(layer));
      byte[] damaged = Files.readAllBytes(file);
      damaged[7] ^= 1;
      Files.write(file, damaged);
      byte[] got = {};
      try {
        got = cache.get("/v2/a/blobs/" + layer).response().body();
      } catch (IOException e) {
        assertTrue(String.valueOf(e.getMessage()).length() > 0); // ended before its last byte
      }
      assertTrue(got.length < 100_000, new String(got, StandardCharsets.ISO_8859_1));
      assertEquals(List.of(), list(folder.resolve("cache/blobs/sha256")));
    }
  }

  private static List<Path> list(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (var files = Files.list(folder)) {
      return files.toList();
    }
  }
}
