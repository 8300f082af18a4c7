package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Lists of several platforms and what refers to an image, by our command line, in our registry and
/// in Debian's; skopeo reads what came of it.
class GantryCliManifestsIT {
  private static final String OTHER = "riscv64";

  @TempDir Path folder;

  private Engine engine;
  private RegistryUser user;
  private RegistryServer registry;

  @BeforeEach
  void start() {
    Needs.peers();
    engine = Engine.start();
    user = new RegistryUser(engine, folder);
  }

  @AfterEach
  void stop() {
    if (registry != null) {
      registry.close();
    }
    if (engine != null) {
      engine.close();
    }
  }

  private String push(String name, String platform) {
    String full = registry.address() + "/" + name;
    user.gantryCommand("import", "--platform", platform, "-c", "LABEL for=" + platform, "-", full)
        .input(Busybox.tar())
        .run()
        .succeeded();
    user.gantry("push", "-q", full);
    return full;
  }

  private Json.JsonObject raw(String name) {
    Outcome raw = RegistryUser.skopeo("inspect", "--raw", "--tls-verify=false", "docker://" + name);
    return Json.parseObject(raw.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"gantry", "docker"})
  void listsArePutTogetherAndReferrersShown(String kind) throws IOException {
    registry = kind.equals("gantry") ? RegistryServer.gantry() : RegistryServer.docker();
    String here = "linux/" + user.gantry("version", "-f", "{{.Server.Arch}}").line();
    String one = push("team/one:1", here);
    String two = push("elsewhere/two:1", "linux/" + OTHER);
    String list = registry.address() + "/team/both:1";
    assertEquals(
        "Created manifest list " + list, user.gantry("manifest", "create", list, one, two).line());
    Outcome again = user.gantryCommand("manifest", "create", list, one).run().exited(1);
    assertTrue(again.err().contains("with no --amend flag"), again.err());
    user.gantry("manifest", "annotate", "--variant", "v9", list, two);
    String digest =
        user.gantry("manifest", "push", "--purge", list).out().lines().toList().getLast();
    user.gantryCommand("manifest", "rm", list).run().exited(1);
    List<Json.JsonObject> manifests = raw(list).objects("manifests");
    assertEquals(2, manifests.size());
    Json.JsonObject platform = manifests.getLast().object("platform").orElseThrow();
    assertEquals(OTHER, platform.string("architecture", ""));
    assertEquals("v9", platform.string("variant", ""));
    user.gantry("rmi", one, two);
    user.gantry("pull", "-q", list);
    assertEquals("ok", user.gantry("run", "--rm", list, "echo", "ok").line());
    user.gantry("pull", "-q", "--platform", "linux/" + OTHER + "/v9", list);
    assertTrue(user.gantry("manifest", "inspect", list).out().contains("\"v9\""));
    refer(list, digest, kind.equals("gantry"));
  }

  /// Puts an artifact about `list` there, as signers do, and asks for it.
  private void refer(String list, String digest, boolean isIndexed) {
    Json.JsonObject index = raw(list);
    // of what the repository has: it stands for a signature's own content
    String part =
        registry.address()
            + "/team/both@"
            + index.objects("manifests").getFirst().string("digest", "");
    Json.JsonObject image = raw(part);
    Json.JsonObject artifact =
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", "application/vnd.oci.image.manifest.v1+json")
            .put("artifactType", "application/x-signature")
            .put("config", image.object("config").orElseThrow())
            .put("layers", image.get("layers"))
            .put(
                "subject",
                Json.object()
                    .put("mediaType", index.string("mediaType", ""))
                    .put("digest", digest)
                    .put("size", index.text().length()))
            .put("annotations", Json.object().put("by", "ann"));
    String name = registry.address() + "/team/both";
    String stored = store(name + ":signature", artifact);
    if (!isIndexed) { // then clients keep the list themselves, under a tag that names the digest
      Json.JsonObject entry =
          Json.object()
              .put("mediaType", artifact.string("mediaType", ""))
              .put("digest", stored)
              .put("size", artifact.text().length())
              .put("artifactType", "application/x-signature")
              .put("annotations", Json.object().put("by", "ann"));
      store(
          name + ":" + digest.replace(':', '-'),
          Json.object()
              .put("schemaVersion", 2)
              .put("mediaType", "application/vnd.oci.image.index.v1+json")
              .put("manifests", Json.array().add(entry)));
    }
    String shown = user.gantry("image", "referrers", list).out();
    assertTrue(shown.contains(stored), shown);
    assertTrue(shown.contains("by=ann"), shown);
    String none = user.gantry("image", "referrers", "--type", "application/x-none", list).out();
    assertEquals(1, none.lines().count(), none);
  }

  private String store(String name, Json.JsonObject manifest) {
    String target =
        "/gantry/registry/"
            + java.net.URLEncoder.encode(name, java.nio.charset.StandardCharsets.UTF_8)
            + "/manifest";
    String body = Json.object().put("Manifest", manifest.text()).text();
    return Json.parseObject(engine.request("PUT", target, body).expect(201).text())
        .string("Digest", "");
  }
}
