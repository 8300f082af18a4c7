package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
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
  private Path clientConfig;
  private String index;
  private String here;

  @BeforeAll
  void start(@TempDir Path temporary) throws IOException {
    folder = temporary;
    Needs.dockerClient();
    Needs.peers();
    engine = Engine.start();
    registry = DebianRegistry.plain(folder.resolve("registry"));
    clientConfig = Files.createDirectories(folder.resolve("client"));
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

  private Command command(String... words) {
    return engine.dockerCommand(words).with("DOCKER_CONFIG", clientConfig.toString());
  }

  private Outcome docker(String... words) {
    return command(words).run().succeeded();
  }

  /// An image for each platform, and an index of both, which the engine does not keep.
  private void createIndex() {
    String one = registry.host() + "/multi:here";
    String two = registry.host() + "/multi:other";
    importFor(here, one);
    importFor(OTHER, two);
    docker("manifest", "create", "--insecure", index, one, two);
    docker("manifest", "annotate", "--arch", "s390x", index, two);
    assertTrue(docker("manifest", "inspect", "--insecure", index).out().contains("s390x"));
    docker("manifest", "push", "--insecure", index);
    docker("rmi", one, two);
  }

  private void importFor(String platform, String name) {
    command("import", "--platform", platform, "-c", "LABEL for=" + platform, "-", name)
        .input(Busybox.tar())
        .run()
        .succeeded();
    docker("push", "-q", name);
  }

  /// An index of three platforms, of which two are pulled.
  private String pullTwoOfThree() {
    String name = registry.host() + "/three:1";
    List<String> parts = new java.util.ArrayList<>();
    for (String platform : List.of(here, OTHER, "linux/riscv64")) {
      String part = registry.host() + "/three:" + platform.substring(6);
      importFor(platform, part);
      parts.add(part);
    }
    List<String> create =
        new java.util.ArrayList<>(List.of("manifest", "create", "--insecure", name));
    create.addAll(parts);
    docker(create.toArray(String[]::new));
    docker("manifest", "annotate", "--arch", "s390x", name, parts.get(1));
    docker("manifest", "annotate", "--arch", "riscv64", name, parts.get(2));
    docker("manifest", "push", "--insecure", name);
    parts.forEach(p -> docker("rmi", p));
    docker("pull", "-q", name);
    docker("pull", "-q", "--platform", OTHER, name);
    return name;
  }

  private void pullBoth() {
    docker("pull", "-q", index);
    docker("pull", "-q", "--platform", OTHER, index);
  }

  private String label(String... more) {
    List<String> words = new java.util.ArrayList<>(List.of("image", "inspect"));
    words.addAll(List.of(more));
    words.addAll(List.of("-f", "{{.Config.Labels.for}}"));
    return docker(words.toArray(String[]::new)).line();
  }

  private Outcome skopeo(String... words) {
    List<String> all = new java.util.ArrayList<>();
    all.add(Needs.peers().resolve("skopeo").toString());
    all.add("--insecure-policy");
    all.addAll(List.of(words));
    return Command.of(all).run().succeeded();
  }

  private String rawManifest(String name) {
    return skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + name).out();
  }

  @Test
  void bothPlatformsStayUnderOneName() {
    pullBoth();
    assertEquals(here, label(index), "this machine's stands for the name");
    assertEquals(OTHER, label("--platform", OTHER, index));
    assertTrue(docker("history", "--platform", OTHER, index).out().contains("Imported from -"));
    assertEquals("ok", docker("run", "--rm", index, "echo", "ok").line());
    String container = docker("create", "--platform", OTHER, index, "true").line();
    assertEquals(
        docker("image", "inspect", "--platform", OTHER, "-f", "{{.Id}}", index).line(),
        docker("inspect", "-f", "{{.Image}}", container).line());
    Outcome used = command("rmi", index).run().exited(1);
    assertTrue(used.err().contains("is using its referenced image"), used.err());
    docker("rm", container);
    Outcome none = command("image", "inspect", "--platform", "linux/arm/v7", index).run().exited(1);
    assertTrue(none.err().contains("does not match the specified platform"), none.err());
    assertEquals(1, docker("images", "-q", index).out().lines().count());
    String tree = engine.gantry("image", "ls", "--tree").succeeded().out();
    assertTrue(tree.contains("├─ " + here), tree);
    assertTrue(tree.contains("├─ " + OTHER), tree);
    docker("rmi", "--platform", here, index);
    assertEquals(OTHER, label(index));
    docker("rmi", index);
    assertEquals("", docker("images", "-q", index).line());
  }

  @Test
  void anIndexIsPushedWhole() {
    pullBoth();
    String copy = registry.host() + "/copy:1";
    docker("tag", index, copy);
    Outcome push = docker("push", copy);
    assertEquals(rawManifest(index), rawManifest(copy), push.out());
    String alone = registry.host() + "/alone:1";
    docker("tag", index, alone);
    docker("push", "-q", "--platform", OTHER, alone);
    Json.JsonObject manifest = Json.parseObject(rawManifest(alone));
    assertFalse(manifest.has("manifests"), manifest.text());
    docker("rmi", index, copy, alone);
    docker("pull", "-q", "--platform", OTHER, copy);
    assertEquals(OTHER, label(copy));
    docker("rmi", copy);
  }

  @Test
  void anIndexIsNotMadeSmallerByAPush() {
    String three = pullTwoOfThree();
    String again = registry.host() + "/three:2";
    docker("tag", three, again);
    Outcome whole = docker("push", again);
    assertEquals(rawManifest(three), rawManifest(again), "the repository has the third one");
    assertTrue(whole.out().contains("2: digest: sha256:"), whole.out());
    String elsewhere = registry.host() + "/elsewhere:1";
    docker("tag", three, elsewhere);
    Outcome refused = command("push", elsewhere).run().exited(1);
    assertTrue(
        refused.err().contains("neither here nor in the repository: linux/riscv64"), refused.err());
    Outcome none = command("manifest", "inspect", "--insecure", elsewhere).run().exited(1);
    assertTrue(none.err().contains("no such manifest"), none.err());
    docker("rmi", "--platform", OTHER, three);
    Outcome alone = docker("push", elsewhere);
    assertTrue(alone.out().contains("only " + here + " is here"), alone.out());
    assertFalse(Json.parseObject(rawManifest(elsewhere)).has("manifests"));
    docker("rmi", three, again, elsewhere);
  }

  @Test
  void savedPlatformsAreLoadedAgain() {
    pullBoth();
    Path archive = folder.resolve("both.tar");
    docker("save", "-o", archive.toString(), index);
    docker("rmi", index);
    // the first entry of the layout is the index that was pulled, with all that it names
    skopeo(
        "copy",
        "--all",
        "--dest-tls-verify=false",
        "oci-archive:" + archive,
        "docker://" + registry.host() + "/saved:1");
    assertEquals(rawManifest(index), rawManifest(registry.host() + "/saved:1"));
    assertTrue(docker("load", "-i", archive.toString()).out().contains("Loaded image: " + index));
    assertEquals(here, label(index));
    assertEquals(OTHER, label("--platform", OTHER, index));
    Path one = folder.resolve("one.tar");
    docker("save", "--platform", OTHER, "-o", one.toString(), index);
    docker("rmi", index);
    docker("load", "-i", one.toString());
    assertEquals(OTHER, label(index));
    docker("rmi", index);
    docker("load", "--platform", here, "-i", archive.toString());
    assertEquals(here, label(index));
    docker("rmi", index);
    assertEquals("", docker("images", "-q", "-a", index).line());
  }
}
