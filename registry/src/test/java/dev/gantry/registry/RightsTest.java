package dev.gantry.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Who may do what: passwords, tokens, rules by repository, read-only, immutable tags, quotas.
class RightsTest {
  private static final String RULES =
      """
      {"repositories": [
        {"match": "open/*", "anonymous": ["pull"], "rights": {"ann": ["*"], "bob": ["pull", "push"]}},
        {"match": "anns/*", "rights": {"ann": ["*"]}}]}
      """;

  @TempDir Path folder;
  private String users = "";
  private String rules = "";

  @BeforeEach
  void write() throws IOException {
    Path file = folder.resolve("users");
    Files.writeString(file, "ann:" + Bcrypt.hashed("a") + "\nbob:" + Bcrypt.hashed("b") + "\n");
    users = file.toString();
    rules = Files.writeString(folder.resolve("rules"), RULES).toString();
  }

  private Serving start(String... flags) throws IOException {
    return Serving.start(folder.resolve("data"), flags);
  }

  @Test
  void basicAuthenticationAsksForWhoItIs() throws IOException {
    try (Serving registry = start("--htpasswd", users)) {
      Serving.Answer refused = registry.get("/v2/").expect(401);
      assertEquals("Basic realm=\"gantry-registry\"", refused.header("WWW-Authenticate"));
      assertEquals("UNAUTHORIZED", refused.error());
      registry.as("ann", "b").get("/v2/").expect(401);
      registry.as("eve", "a").get("/v2/").expect(401);
      registry.as("ann", "a").get("/v2/").expect(200);
      registry.pushImage("x/y", "1", 10);
      registry.asNobody().get("/v2/x/y/tags/list").expect(401);
      registry.get("/healthz").expect(200);
      registry.get("/metrics").expect(401);
    }
  }

  @Test
  void newPasswordsCountWithoutARestart() throws IOException {
    try (Serving registry = start("--htpasswd", users)) {
      registry.as("eve", "e").get("/v2/").expect(401);
      Files.writeString(Path.of(users), "eve:" + Bcrypt.hashed("e") + "\n");
      Files.setLastModifiedTime(
          Path.of(users), java.nio.file.attribute.FileTime.fromMillis(1_000_000));
      registry.get("/v2/").expect(200);
      registry.as("ann", "a").get("/v2/").expect(401);
    }
  }

  @Test
  void rulesGiveRightsByRepository() throws IOException {
    try (Serving registry = start("--htpasswd", users, "--policy", rules)) {
      registry.as("ann", "a").pushImage("open/x", "1", 10);
      registry.pushImage("anns/x", "1", 10);
      registry.as("bob", "b").pushImage("open/x", "2", 10);
      Serving.Answer denied = registry.delete("/v2/open/x/manifests/1").expect(403);
      assertEquals("DENIED", denied.error());
      registry.get("/v2/anns/x/tags/list").expect(403);
      registry.post("/v2/elsewhere/blobs/uploads/").expect(403);
      assertEquals(
          List.of("open/x"),
          registry.get("/v2/_catalog").expect(200).json().strings("repositories"));
      registry.asNobody().get("/v2/open/x/tags/list").expect(200);
      registry.get("/v2/anns/x/tags/list").expect(401);
      registry.post("/v2/open/x/blobs/uploads/").expect(401);
    }
  }

  @Test
  void whatOneMayNotReadOneMayNotMount() throws IOException {
    try (Serving registry = start("--htpasswd", users, "--policy", rules)) {
      String layer = Serving.layer(registry.as("ann", "a").pushImage("anns/x", "1", 100));
      String path = "/v2/open/y/blobs/uploads/?mount=" + layer;
      registry.as("bob", "b").post(path + "&from=anns/x").expect(202);
      registry.post(path).expect(202);
      registry.as("ann", "a").post(path + "&from=anns/x").expect(201);
    }
  }

  @Test
  void tokensNameTheirRights() throws IOException {
    try (Serving registry = start("--htpasswd", users, "--auth", "token", "--policy", rules)) {
      String challenge = registry.get("/v2/").expect(401).header("WWW-Authenticate");
      assertTrue(challenge.startsWith("Bearer realm=\"" + registry.base() + "/token\""), challenge);
      Serving.Answer refused = registry.post("/v2/open/x/blobs/uploads/").expect(401);
      assertTrue(
          refused.header("WWW-Authenticate").endsWith("scope=\"repository:open/x:pull,push\""),
          refused.header("WWW-Authenticate"));
      String scope = "/token?service=gantry-registry&scope=repository:open/x:pull,push,delete";
      registry.as("bob", "x").get(scope).expect(401);
      String bobs = token(registry.as("bob", "b").get(scope).expect(200));
      registry.withToken(bobs).pushImage("open/x", "1", 10);
      registry.delete("/v2/open/x/manifests/1").expect(401);
      registry.get("/v2/open/y/tags/list").expect(401);
      String nobodys = token(registry.asNobody().get(scope).expect(200));
      registry.withToken(nobodys).get("/v2/open/x/tags/list").expect(200);
      registry.post("/v2/open/x/blobs/uploads/").expect(401);
      registry.withToken(bobs + "x").get("/v2/open/x/tags/list").expect(401);
    }
  }

  private static String token(Serving.Answer answer) {
    return answer.json().string("token", "");
  }

  @Test
  void oauth2GivesAndTakesRefreshTokens() throws IOException {
    try (Serving registry = start("--htpasswd", users, "--auth", "token", "--policy", rules)) {
      Serving.Answer given =
          form(
              registry,
              "grant_type=password&service=gantry-registry&client_id=t&access_type=offline"
                  + "&username=ann&password=a&scope=repository:anns/x:pull");
      String refresh = given.expect(200).json().string("refresh_token", "");
      assertTrue(!refresh.isEmpty());
      Serving.Answer again =
          form(
              registry,
              "grant_type=refresh_token&service=gantry-registry&client_id=t&refresh_token="
                  + refresh
                  + "&scope=repository:anns/x:pull,push");
      String access = again.expect(200).json().string("access_token", "");
      registry.withToken(access).pushImage("anns/x", "1", 10);
      registry.withToken(refresh).get("/v2/anns/x/tags/list").expect(401);
      registry.asNobody();
      form(registry, "grant_type=refresh_token&refresh_token=" + access).expect(401);
      form(registry, "grant_type=password&username=ann&password=b").expect(401);
    }
  }

  private static Serving.Answer form(Serving registry, String text) throws IOException {
    return registry.send(
        "POST",
        "/token",
        text.getBytes(StandardCharsets.UTF_8),
        "Content-Type",
        "application/x-www-form-urlencoded");
  }

  @Test
  void readOnly() throws IOException {
    byte[] manifest;
    try (Serving registry = start()) {
      manifest = registry.pushImage("x", "1", 10);
    }
    try (Serving registry = start("--read-only")) {
      registry.get("/v2/x/manifests/1").expect(200);
      registry.get("/v2/x/blobs/" + Serving.layer(manifest)).expect(200);
      assertEquals("UNSUPPORTED", registry.post("/v2/x/blobs/uploads/").expect(405).error());
      registry.putManifest("x", "2", manifest).expect(405);
      registry.delete("/v2/x/manifests/1").expect(405);
    }
  }

  @Test
  void deletingCanBeDisabled() throws IOException {
    try (Serving registry = start("--no-delete")) {
      byte[] manifest = registry.pushImage("x", "1", 10);
      registry.delete("/v2/x/manifests/1").expect(405);
      registry.delete("/v2/x/blobs/" + Serving.layer(manifest)).expect(405);
    }
  }

  @Test
  void immutableTagsStayWhatTheyAre() throws IOException {
    try (Serving registry = start("--immutable-tag", "v*")) {
      byte[] manifest = registry.pushImage("x", "v1", 10);
      registry.putManifest("x", "v1", manifest).expect(201); // the same is no change
      byte[] other = registry.pushImage("x", "latest", 10);
      assertEquals("DENIED", registry.putManifest("x", "v1", other).expect(403).error());
      registry.putManifest("x", "latest", manifest).expect(201);
      registry.delete("/v2/x/manifests/v1").expect(403);
      registry.delete("/v2/x/manifests/" + ContentDigest.of(manifest)).expect(403);
      assertEquals(
          ContentDigest.of(manifest).toString(),
          registry.get("/v2/x/manifests/v1").expect(200).header("Docker-Content-Digest"));
    }
  }

  @Test
  void quotasBoundARepository() throws IOException {
    try (Serving registry = start("--quota", "10k", "--gc-grace", "0")) {
      registry.pushImage("x", "1", 6000);
      assertEquals("DENIED", registry.pushBlob("x", Serving.bytes(6000)).expect(403).error());
      registry.pushImage("y", "1", 6000); // another repository
      byte[] manifest = registry.get("/v2/x/manifests/1").expect(200).response().body();
      registry.delete("/v2/x/manifests/1").expect(202);
      registry.delete("/v2/x/manifests/" + ContentDigest.of(manifest)).expect(202);
      registry.delete("/v2/x/blobs/" + Serving.layer(manifest)).expect(202);
      registry.pushImage("x", "2", 6000);
    }
    try (Serving registry = start("--quota", "10k")) {
      registry.pushBlob("x", Serving.bytes(6000)).expect(403); // counted again after a restart
      Json.JsonObject error =
          registry.pushBlob("x", Serving.bytes(6000)).json().objects("errors").getFirst();
      assertTrue(error.string("message", "").contains("10240 bytes"), error.text());
    }
  }
}
