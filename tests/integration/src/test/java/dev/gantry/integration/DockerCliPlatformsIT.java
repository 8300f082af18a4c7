package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// One name, several platforms: made with the real Docker CLI, kept by the engine, pushed, saved
/// and loaded again; skopeo looks at what comes out.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DockerCliPlatformsIT {
  private static final String OTHER = "linux/s390x";

  private Path folder;
  private Engine engine;
  private DebianRegistry registry;
  private RegistryUser user;
  private String index;
  private String here;

  @BeforeAll
  void start(@TempDir Path temporary) throws IOException {
    folder = temporary;
    Needs.dockerClient();
    Needs.peers();
    engine = Engine.start();
    registry = DebianRegistry.plain(folder.resolve("registry"));
    user = new RegistryUser(engine, folder.resolve("client"));
    here = "linux/" + engine.docker("version", "-f", "{{.Server.Arch}}").succeeded().line();
    index = registry.host() + "/multi:1";
    createIndex();
  }

  @AfterAll
  void stop() {
    if (registry != null) {
      registry.close();
    }
    if (engine != null) {
      engine.close();
    }
  }

  /// An image for each platform, and an index of both, which the engine does not keep.
  private void createIndex() {
    String one = registry.host() + "/multi:here";
    String two = registry.host() + "/multi:other";
    user.push(one, here);
    user.push(two, OTHER);
    user.docker("manifest", "create", "--insecure", index, one, two);
    user.docker("manifest", "annotate", "--arch", "s390x", index, two);
    assertTrue(user.docker("manifest", "inspect", "--insecure", index).out().contains("s390x"));
    user.docker("manifest", "push", "--insecure", index);
    user.docker("rmi", one, two);
  }

  /// An index of three platforms, of which two are pulled.
  private String pullTwoOfThree() {
    String name = registry.host() + "/three:1";
    List<String> parts = new java.util.ArrayList<>();
    for (String platform : List.of(here, OTHER, "linux/riscv64")) {
      String part = registry.host() + "/three:" + platform.substring(6);
      user.push(part, platform);
      parts.add(part);
    }
    List<String> create =
        new java.util.ArrayList<>(List.of("manifest", "create", "--insecure", name));
    create.addAll(parts);
    user.docker(create.toArray(String[]::new));
    user.docker("manifest", "annotate", "--arch", "s390x", name, parts.get(1));
    user.docker("manifest", "annotate", "--arch", "riscv64", name, parts.get(2));
    user.docker("manifest", "push", "--insecure", name);
    parts.forEach(p -> user.docker("rmi", p));
    user.docker("pull", "-q", name);
    user.docker("pull", "-q", "--platform", OTHER, name);
    return name;
  }

  private void pullBoth() {
    user.docker("pull", "-q", index);
    user.docker("pull", "-q", "--platform", OTHER, index);
  }

  private String label(String... more) {
    List<String> words = new java.util.ArrayList<>(List.of("image", "inspect"));
    words.addAll(List.of(more));
    words.addAll(List.of("-f", "{{.Config.Labels.for}}"));
    return user.docker(words.toArray(String[]::new)).line();
  }

  private String rawManifest(String name) {
    return RegistryUser.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + name).out();
  }

  @Test
  void bothPlatformsStayUnderOneName() {
    pullBoth();
    assertEquals(here, label(index), "this machine's stands for the name");
    assertEquals(OTHER, label("--platform", OTHER, index));
    assertTrue(
        user.docker("history", "--platform", OTHER, index).out().contains("Imported from -"));
    for (Outcome tree : List.of(user.docker("image", "ls", "--tree"))) {
      assertTrue(tree.out().contains("─ " + OTHER), tree.out());
    }
    assertEquals("ok", user.docker("run", "--rm", index, "echo", "ok").line());
    String container = user.docker("create", "--platform", OTHER, index, "true").line();
    assertEquals(
        user.docker("image", "inspect", "--platform", OTHER, "-f", "{{.Id}}", index).line(),
        user.docker("inspect", "-f", "{{.Image}}", container).line());
    Outcome used = user.command("rmi", index).run().exited(1);
    assertTrue(used.err().contains("is using its referenced image"), used.err());
    user.docker("rm", container);
    Outcome none =
        user.command("image", "inspect", "--platform", "linux/arm/v7", index).run().exited(1);
    assertTrue(none.err().contains("does not match the specified platform"), none.err());
    assertEquals(1, user.docker("images", "-q", index).out().lines().count());
    String tree = engine.gantry("image", "ls", "--tree").succeeded().out();
    assertTrue(tree.contains("├─ " + here), tree);
    assertTrue(tree.contains("├─ " + OTHER), tree);
    user.docker("rmi", "--platform", here, index);
    assertEquals(OTHER, label(index));
    user.docker("rmi", index);
    assertEquals("", user.docker("images", "-q", index).line());
  }

  @Test
  void anIndexIsPushedWhole() {
    pullBoth();
    String copy = registry.host() + "/copy:1";
    user.docker("tag", index, copy);
    Outcome push = user.docker("push", copy);
    assertEquals(rawManifest(index), rawManifest(copy), push.out());
    String alone = registry.host() + "/alone:1";
    user.docker("tag", index, alone);
    user.docker("push", "-q", "--platform", OTHER, alone);
    Json.JsonObject manifest = Json.parseObject(rawManifest(alone));
    assertFalse(manifest.has("manifests"), manifest.text());
    user.docker("rmi", index, copy, alone);
    user.docker("pull", "-q", "--platform", OTHER, copy);
    assertEquals(OTHER, label(copy));
    user.docker("rmi", copy);
  }

  @Test
  void anIndexIsNotMadeSmallerByAPush() {
    String three = pullTwoOfThree();
    String again = registry.host() + "/three:2";
    user.docker("tag", three, again);
    Outcome whole = user.docker("push", again);
    assertEquals(rawManifest(three), rawManifest(again), "the repository has the third one");
    assertTrue(whole.out().contains("2: digest: sha256:"), whole.out());
    String elsewhere = registry.host() + "/elsewhere:1";
    user.docker("tag", three, elsewhere);
    Outcome refused = user.command("push", elsewhere).run().exited(1);
    assertTrue(
        refused.err().contains("neither here nor in the repository: linux/riscv64"), refused.err());
    Outcome none = user.command("manifest", "inspect", "--insecure", elsewhere).run().exited(1);
    assertTrue(none.err().contains("no such manifest"), none.err());
    user.docker("rmi", "--platform", OTHER, three);
    Outcome alone = user.docker("push", elsewhere);
    assertTrue(alone.out().contains("only " + here + " is here"), alone.out());
    assertFalse(Json.parseObject(rawManifest(elsewhere)).has("manifests"));
    user.docker("rmi", three, again, elsewhere);
  }

  @Test
  void savedPlatformsAreLoadedAgain() {
    pullBoth();
    Path archive = folder.resolve("both.tar");
    user.docker("save", "-o", archive.toString(), index);
    user.docker("rmi", index);
    // the first entry of the layout is the index that was pulled, with all that it names
    RegistryUser.skopeo(
        "copy",
        "--all",
        "--dest-tls-verify=false",
        "oci-archive:" + archive,
        "docker://" + registry.host() + "/saved:1");
    assertEquals(rawManifest(index), rawManifest(registry.host() + "/saved:1"));
    assertTrue(
        user.docker("load", "-i", archive.toString()).out().contains("Loaded image: " + index));
    assertEquals(here, label(index));
    assertEquals(OTHER, label("--platform", OTHER, index));
    Path one = folder.resolve("one.tar");
    user.docker("save", "--platform", OTHER, "-o", one.toString(), index);
    user.docker("rmi", index);
    user.docker("load", "-i", one.toString());
    assertEquals(OTHER, label(index));
    user.docker("rmi", index);
    user.docker("load", "--platform", here, "-i", archive.toString());
    assertEquals(here, label(index));
    user.docker("rmi", index);
    assertEquals("", user.docker("images", "-q", "-a", index).line());
  }
}
