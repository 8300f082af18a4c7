package dev.gantry.integration;

import static dev.gantry.integration.FaultyRegistry.Fault.content;
import static dev.gantry.integration.FaultyRegistry.Fault.matches;
import static dev.gantry.integration.FaultyRegistry.Fault.redirect;
import static dev.gantry.integration.FaultyRegistry.Fault.status;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.integration.FaultyRegistry.Fault;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.MediaTypes;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// The engine and a registry that answers wrongly in every way we know: each time the user reads
/// why, no image is visible, nothing stays, and the next try of a healed registry brings all.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RegistryAnswersIT {
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final int SIZE = 200_000;
  private static final String MANIFESTS = "/manifests/";
  private static final String BLOBS = "/blobs/";
  private static final String UPLOADS = "/blobs/uploads/";

  private Engine engine;
  private FaultyRegistry registry;
  private RegistryUser user;
  private TreeSet<String> before;
  private final List<byte[]> layers = new ArrayList<>();
  private final List<Digest> diffIds = new ArrayList<>();

  @BeforeAll
  void start(@TempDir Path folder) throws IOException {
    Needs.dockerClient();
    for (int i = 0; i < 2; i++) {
      byte[] bytes = new byte[SIZE];
      new Random(i).nextBytes(bytes);
      Files.write(folder.resolve("f" + i), bytes);
      byte[] tar =
          Command.of("tar", "-C", folder.toString(), "-c", "f" + i).run().succeeded().bytes();
      diffIds.add(Digest.of(tar));
      layers.add(packed(tar));
    }
    engine = Engine.start("--max-download-attempts", "2", "--registry-timeout", "20");
    registry = new FaultyRegistry("127.0.0.1");
    user = new RegistryUser(engine, folder.resolve("client"));
    Eventually.within(
        LIMIT, "the built-in image is there", () -> !user.docker("images", "-q").line().isEmpty());
    before = TestImage.stored(engine);
  }

  @AfterAll
  void stop() throws IOException {
    if (registry != null) {
      registry.close();
    }
    if (engine != null) {
      engine.close();
    }
  }

  private static byte[] packed(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }

  // ---- the image

  private static byte[] config(List<Digest> claimed) {
    return TestImage.config(claimed).getBytes(StandardCharsets.UTF_8);
  }

  /// A manifest, whose configuration it puts there.
  private byte[] manifest(String type, String configType, byte[] config, Json.JsonArray layers) {
    return Json.object()
        .put("schemaVersion", 2)
        .put("mediaType", type)
        .put(
            "config",
            FaultyRegistry.descriptor(configType, registry.putBlob(config), config.length))
        .put("layers", layers)
        .text()
        .getBytes(StandardCharsets.UTF_8);
  }

  /// Puts the image there, rightly or not.
  ///
  /// @param claimed diff ids of the configuration
  /// @param longer bytes that the manifest adds to the size of the last layer
  private void put(String tag, List<Digest> claimed, int longer, String layerType) {
    byte[] config = config(claimed);
    Json.JsonArray list = Json.array();
    for (int i = 0; i < layers.size(); i++) {
      int size = layers.get(i).length + (i == layers.size() - 1 ? longer : 0);
      list.add(FaultyRegistry.descriptor(layerType, registry.putBlob(layers.get(i)), size));
    }
    registry.putManifest(tag, manifest(MediaTypes.MANIFEST, MediaTypes.CONFIG, config, list));
  }

  private void putRight() {
    registry.clear();
    put("1", diffIds, 0, MediaTypes.LAYER_GZIP);
  }

  private String name() {
    return registry.host() + "/faulty:1";
  }

  // ---- what the engine keeps

  private void assertNothingIsLeft() {
    assertEquals(404, engine.get("/images/" + name() + "/json").status());
    engine.request("POST", "/images/prune", "").expect(200);
    Eventually.within(
        LIMIT,
        () -> {
          TreeSet<String> left = TestImage.stored(engine);
          left.removeAll(before);
          return "left: " + left;
        },
        () -> before.containsAll(TestImage.stored(engine)));
  }

  private String pull() {
    return engine.request("POST", "/images/create?fromImage=" + name(), "").text();
  }

  private void assertPullsAndRemove() {
    String said = pull();
    assertTrue(said.contains("Downloaded newer image"), said);
    Digest id = Digest.of(config(diffIds));
    assertEquals(
        id.toString(),
        ((Json.JsonObject) engine.json("/images/" + name() + "/json")).string("Id", ""));
    engine.request("DELETE", "/images/" + name() + "?force=1", "").expect(200);
    assertNothingIsLeft();
  }

  // ---- pulls

  private String blob(int layer) {
    return BLOBS + Digest.of(layers.get(layer));
  }

  Stream<Arguments> wrongAnswersToPulls() {
    byte[] other = new byte[layers.get(1).length];
    byte[] shorter = java.util.Arrays.copyOf(layers.get(1), SIZE / 2);
    byte[] longer = java.util.Arrays.copyOf(layers.get(1), layers.get(1).length + 1);
    byte[] config = config(diffIds);
    config[config.length - 2] ^= 1;
    return Stream.of(
        Arguments.of("pull access denied", status("GET", MANIFESTS, 401, "UNAUTHORIZED")),
        Arguments.of("pull access denied", status("GET", MANIFESTS, 403, "DENIED")),
        Arguments.of("manifest unknown", status("GET", MANIFESTS, 404, "MANIFEST_UNKNOWN")),
        Arguments.of("toomanyrequests", status("GET", MANIFESTS, 429, "TOOMANYREQUESTS")),
        Arguments.of("so it is", status("GET", MANIFESTS, 500, "UNKNOWN")),
        Arguments.of("unauthorized", status("GET", BLOBS, 401, "UNAUTHORIZED")),
        Arguments.of("denied", status("GET", blob(1), 403, "DENIED")),
        Arguments.of("blob unknown", status("GET", blob(1), 404, "BLOB_UNKNOWN")),
        Arguments.of("toomanyrequests", status("GET", blob(1), 429, "TOOMANYREQUESTS")),
        Arguments.of("so it is", status("GET", blob(1), 500, "UNKNOWN")),
        Arguments.of("manifest", content(MANIFESTS, "<html>".getBytes(StandardCharsets.UTF_8))),
        Arguments.of("has another digest", content(blob(1), other)),
        Arguments.of("unexpected EOF", content(blob(1), shorter)),
        Arguments.of("more came for", content(blob(1), longer)),
        Arguments.of("has another digest", content(BLOBS + Digest.of(config(diffIds)), config)),
        Arguments.of("unexpected EOF", truncated(blob(1))),
        Arguments.of("redirect to file", redirect(blob(1), "file:///etc/passwd")),
        Arguments.of("redirects", redirect(blob(1), "/v2/faulty" + blob(1))));
  }

  /// Breaks off in the middle, each time, without going on behind it.
  private static Fault truncated(String part) {
    return (q, r) -> {
      if (!matches(q, "GET", part)) {
        return false;
      }
      try (OutputStream out = r.sized(200, SIZE)) {
        out.write(new byte[SIZE / 4]);
      }
      return true;
    };
  }

  @ParameterizedTest(name = "{0}, {index}")
  @MethodSource("wrongAnswersToPulls")
  void wrongAnswerToAPullIsSaidAndLeavesNothing(String expected, Fault fault) {
    putRight();
    registry.heal();
    registry.spoil(fault);
    String said = pull();
    assertTrue(said.contains(expected), said);
    assertTrue(said.contains("errorDetail") || said.startsWith("{\"message\""), said);
    assertNothingIsLeft();
    registry.heal();
    assertPullsAndRemove();
  }

  @Test
  void manifestsThatContradictTheirContentAreRefused() {
    registry.heal();
    List<Digest> swapped = diffIds.reversed();
    record Wrong(String expected, List<Digest> claimed, int longer, String type) {}
    for (Wrong wrong :
        List.of(
            new Wrong("wrong diff id", swapped, 0, MediaTypes.LAYER_GZIP),
            new Wrong("unexpected EOF", diffIds, 1, MediaTypes.LAYER_GZIP),
            new Wrong("more came for", diffIds, -1, MediaTypes.LAYER_GZIP),
            new Wrong(
                "names 1 layers, its manifest 2", diffIds.subList(0, 1), 0, MediaTypes.LAYER_GZIP),
            new Wrong("unknown type", diffIds, 0, "application/x-nothing"))) {
      registry.clear();
      put("1", wrong.claimed(), wrong.longer(), wrong.type());
      String said = pull();
      assertTrue(said.contains(wrong.expected()), said);
      assertNothingIsLeft();
    }
    putRight();
    assertPullsAndRemove();
  }

  @Test
  void schemaVersion1IsRefused() {
    registry.heal();
    registry.clear();
    registry.putManifest(
        "1",
        Json.object()
            .put("schemaVersion", 1)
            .put("mediaType", MediaTypes.DOCKER_SCHEMA1_SIGNED)
            .put("name", "faulty")
            .put("tag", "1")
            .text()
            .getBytes(StandardCharsets.UTF_8));
    String said = pull();
    assertTrue(said.contains("manifest schema version 1"), said);
    assertNothingIsLeft();
  }

  /// A layer that may not be in the repository comes from the address in the manifest, and is not
  /// pushed.
  @Test
  void foreignLayersComeFromTheirOwnPlace() throws IOException {
    registry.heal();
    registry.clear();
    try (FaultyRegistry elsewhere = new FaultyRegistry("127.0.0.2")) {
      elsewhere.putBlob(layers.get(1));
      putRight();
      byte[] config = config(diffIds);
      String foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
      String there = "http://" + elsewhere.host() + "/v2/x" + BLOBS + Digest.of(layers.get(1));
      Json.JsonArray list =
          Json.array()
              .add(
                  FaultyRegistry.descriptor(
                      MediaTypes.DOCKER_LAYER_GZIP,
                      Digest.of(layers.getFirst()),
                      layers.getFirst().length))
              .add(
                  FaultyRegistry.descriptor(foreign, Digest.of(layers.get(1)), layers.get(1).length)
                      .put("urls", Json.array().add(there)));
      registry.clear();
      registry.putBlob(layers.getFirst());
      registry.putManifest(
          "1", manifest(MediaTypes.DOCKER_MANIFEST, MediaTypes.DOCKER_CONFIG, config, list));
      String said = pull();
      assertTrue(said.contains("Downloaded newer image"), said);
      assertTrue(
          elsewhere.requests().contains("GET /v2/x" + blob(1)), "it did not come from there");
      registry.clear();
      Outcome push = user.docker("push", name());
      assertTrue(push.out().contains("Skipped foreign layer"), push.out());
      assertTrue(registry.hasManifest("1") && !registry.hasBlob("" + Digest.of(layers.get(1))));
      user.docker("rmi", name());
      assertNothingIsLeft();
    }
  }

  @Test
  void credentialsDoNotTravelToTheHostOfARedirect() throws IOException {
    putRight();
    registry.heal();
    try (FaultyRegistry elsewhere = new FaultyRegistry("127.0.0.2")) {
      layers.forEach(elsewhere::putBlob);
      Files.writeString(
          user.config().resolve("config.json"),
          Json.object()
              .put(
                  "auths",
                  Json.object()
                      .put(
                          registry.host(),
                          Json.object()
                              .put(
                                  "auth",
                                  Base64.getEncoder()
                                      .encodeToString("u:p".getBytes(StandardCharsets.UTF_8)))))
              .text());
      Fault layersAreElsewhere =
          (q, r) -> {
            for (int i = 0; i < layers.size(); i++) {
              if (redirect(blob(i), "http://" + elsewhere.host() + q.path()).answer(q, r)) {
                return true;
              }
            }
            return false;
          };
      registry.spoil(
          (q, r) -> {
            if (q.header("Authorization").isEmpty()) {
              r.header("WWW-Authenticate", "Basic realm=\"x\"");
              r.send(401, FaultyRegistry.error("UNAUTHORIZED", "who is it"));
              return true;
            }
            return layersAreElsewhere.answer(q, r);
          });
      user.docker("pull", "-q", name());
      assertTrue(registry.authorizations().contains("Basic dTpw"));
      assertEquals(List.of("", ""), elsewhere.authorizations());
      user.docker("rmi", name());
    } finally {
      Files.deleteIfExists(user.config().resolve("config.json"));
    }
    assertNothingIsLeft();
  }

  /// Slow blobs, so that more than one would be on its way if it might.
  @Test
  void noMoreBlobsAreOnTheirWayThanTheSettingsSay() {
    putRight();
    registry.heal();
    registry.spoil(
        (q, r) -> {
          if (q.path().contains(BLOBS)) {
            LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
          }
          return false;
        });
    try (Engine narrow =
        Engine.start("--max-concurrent-downloads=1", "--max-concurrent-uploads=1")) {
      RegistryUser other = new RegistryUser(narrow, user.config());
      other.docker("pull", "-q", name());
      assertEquals(1, registry.mostAtOnce());
      registry.clear();
      other.docker("push", "-q", name());
      assertEquals(1, registry.mostAtOnce());
      assertTrue(registry.hasManifest("1"));
      other.docker("rmi", name());
    }
  }

  // ---- pushes

  Stream<Arguments> wrongAnswersToPushes() {
    return Stream.of(
        Arguments.of("unauthorized", status("POST", UPLOADS, 401, "UNAUTHORIZED")),
        Arguments.of("denied", status("POST", UPLOADS, 403, "DENIED")),
        Arguments.of("name unknown", status("POST", UPLOADS, 404, "NAME_UNKNOWN")),
        Arguments.of("toomanyrequests", status("POST", UPLOADS, 429, "TOOMANYREQUESTS")),
        Arguments.of("so it is", status("POST", UPLOADS, 500, "UNKNOWN")),
        Arguments.of("size invalid", status("PATCH", UPLOADS, 413, "SIZE_INVALID")),
        Arguments.of("denied", status("PATCH", UPLOADS, 403, "DENIED")),
        Arguments.of("so it is", status("PATCH", UPLOADS, 500, "UNKNOWN")),
        Arguments.of("blob upload unknown", status("PATCH", UPLOADS, 404, "BLOB_UPLOAD_UNKNOWN")),
        Arguments.of("digest invalid", status("PUT", UPLOADS, 400, "DIGEST_INVALID")),
        Arguments.of("without a location", withoutLocation()),
        Arguments.of("manifest invalid", status("PUT", MANIFESTS, 400, "MANIFEST_INVALID")),
        Arguments.of("denied", status("PUT", MANIFESTS, 403, "DENIED")),
        Arguments.of("toomanyrequests", status("PUT", MANIFESTS, 429, "TOOMANYREQUESTS")),
        Arguments.of("so it is", status("PUT", MANIFESTS, 500, "UNKNOWN")));
  }

  private static Fault withoutLocation() {
    return (q, r) -> {
      if (!matches(q, "POST", UPLOADS)) {
        return false;
      }
      r.empty(202);
      return true;
    };
  }

  @ParameterizedTest(name = "{0}, {index}")
  @MethodSource("wrongAnswersToPushes")
  void wrongAnswerToAPushIsSaidAndNoManifestIsSent(String expected, Fault fault) {
    putRight();
    registry.heal();
    engine.request("DELETE", "/images/" + name() + "?force=1", ""); // of a test that failed
    String pulled = pull();
    assertTrue(pulled.contains("Downloaded newer image"), pulled);
    registry.clear();
    registry.spoil(fault);
    Outcome push = user.command("push", name()).run().exited(1);
    assertTrue(push.err().contains(expected), push.toString());
    assertFalse(registry.hasManifest("1"));
    registry.heal();
    user.docker("push", "-q", name());
    assertTrue(registry.hasManifest("1"));
    user.docker("rmi", name());
    assertPullsAndRemove();
  }
}
