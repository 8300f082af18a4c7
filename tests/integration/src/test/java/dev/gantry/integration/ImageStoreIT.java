package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import dev.gantry.testkit.TarBytes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// What the engine keeps of images: lists, archives, histories of tags, damage, and what it takes
/// on the disk.
@ExtendWith(EngineExtension.class)
class ImageStoreIT {
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final String ALL = "/images/prune?filters=%7B%22dangling%22:%5B%22false%22%5D%7D";

  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-fv", id));
    engine.request("POST", ALL, "").expect(200);
    engine.request("POST", "/build/prune?all=1", "").expect(200);
    engine.docker("volume", "prune", "-af").succeeded();
    engine.reload();
  }

  /// An image that differs from all others by its label; its id.
  private static String image(Engine engine, String name, String label) {
    return engine
        .dockerCommand("import", "-c", "CMD [\"sh\"]", "-c", "LABEL kind=" + label, "-", name)
        .input(Busybox.tar())
        .run()
        .succeeded()
        .line();
  }

  private static List<String> names(Engine engine, String... filters) {
    java.util.ArrayList<String> words =
        new java.util.ArrayList<>(List.of("images", "--format", "{{.Repository}}:{{.Tag}}"));
    for (String filter : filters) {
      words.addAll(List.of("--filter", filter));
    }
    return engine.docker(words.toArray(String[]::new)).succeeded().out().lines().sorted().toList();
  }

  // ---- lists

  @Test
  void filtersDigestsAndTree(Engine engine) {
    String old = image(engine, "listed:old", "old");
    image(engine, "listed:new", "new");
    image(engine, "other:1", "new");
    assertEquals(List.of("listed:old"), names(engine, "label=kind=old"));
    assertEquals(List.of("listed:new", "other:1"), names(engine, "label=kind=new"));
    assertEquals(List.of("listed:new", "listed:old"), names(engine, "reference=listed"));
    assertEquals(List.of("listed:old"), names(engine, "reference=l*:o*"));
    assertEquals(List.of("listed:new", "other:1"), names(engine, "since=listed:old", "label=kind"));
    assertEquals(List.of("listed:old"), names(engine, "before=listed:new", "label=kind"));
    assertEquals(List.of(), names(engine, "until=24h", "label=kind"));
    assertEquals(1, engine.docker("images", "-f", "bad=1").code());
    try (RegistryServer registry = RegistryServer.gantry()) {
      String name = registry.address() + "/listed:1";
      engine.docker("tag", "listed:new", name).succeeded();
      engine.docker("push", "-q", name).succeeded();
      String listed = engine.docker("images", "--digests", registry.address() + "/listed").out();
      assertTrue(listed.matches("(?s).* sha256:[0-9a-f]{64} .*"), listed);
      String digest =
          engine.docker("image", "inspect", "-f", "{{index .RepoDigests 0}}", name).line();
      assertTrue(listed.contains(digest.substring(digest.indexOf('@') + 1)), listed + digest);
      engine.docker("rmi", name).succeeded();
    }
    for (Outcome tree :
        List.of(engine.docker("image", "ls", "--tree"), engine.gantry("image", "ls", "--tree"))) {
      String text = tree.succeeded().out();
      assertTrue(text.contains("listed:old") && text.contains("other:1"), text);
    }
    // a name that moves on leaves an image without any
    image(engine, "listed:old", "newer");
    assertEquals(List.of("<none>:<none>"), names(engine, "dangling=true"));
    assertTrue(engine.docker("image", "prune", "-f").succeeded().out().contains(old));
    assertEquals(List.of(), names(engine, "dangling=true"));
    assertEquals(404, engine.get("/images/" + old + "/json").status());
    assertTrue(engine.docker("history", "other:1").succeeded().out().contains("IMAGE"));
  }

  // ---- archives

  @Test
  void severalImagesTravelTogether(Engine engine) throws IOException {
    String a = image(engine, "saved/a:one", "a");
    String b = image(engine, "saved/b:two", "b");
    engine.docker("tag", "saved/a:one", "saved/a:again").succeeded();
    Path folder = Files.createTempDirectory(engine.folder(), "saved");
    String file = folder.resolve("both.tar").toString();
    engine.docker("save", "-o", file, "saved/a:one", "saved/a:again", "saved/b:two").succeeded();
    engine.docker("rmi", "-f", a, b).succeeded();
    String loaded = engine.docker("load", "-i", file).succeeded().out();
    for (String name : List.of("saved/a:one", "saved/a:again", "saved/b:two")) {
      assertTrue(loaded.contains("Loaded image: " + name), loaded);
      String id = engine.docker("images", "-q", "--no-trunc", name).line();
      assertEquals(name.contains("/a:") ? a : b, id, name);
    }
    // other programs read what we write, in both layouts, and we read theirs
    Needs.peers();
    for (String form : List.of("docker-archive", "oci-archive")) {
      String theirs = folder.resolve(form + ".tar").toString();
      skopeo("copy", "docker-archive:" + file + ":saved/b:two", form + ":" + theirs + ":their/b:3");
      engine.docker("rmi", "-f", b).succeeded();
      String said = engine.docker("load", "-i", theirs).succeeded().out();
      assertTrue(said.contains("Loaded image"), said);
      assertEquals(
          "b",
          engine.docker("image", "inspect", "-f", "{{.Config.Labels.kind}}", "their/b:3").line(),
          form);
      engine.docker("rmi", "their/b:3").succeeded();
    }
    skopeo("copy", "oci-archive:" + file + ":one", "dir:" + folder.resolve("dir"));
  }

  private static void skopeo(String... words) {
    List<String> all = new java.util.ArrayList<>();
    all.add(Needs.peers().resolve("skopeo").toString());
    all.add("--insecure-policy");
    all.addAll(List.of(words));
    Command.of(all).within(LIMIT).run().succeeded();
  }

  // ---- histories of tags

  @Test
  void tagsGoBackToWhatTheyPointedTo(Engine engine) {
    String first = image(engine, "app:1", "first");
    String second = image(engine, "app:1", "second");
    List<String> rows = tags(engine, "app:1");
    assertEquals(
        List.of("app:1 " + second + " now", "app:1 " + first + " "), rows, "the newest first");
    // what only the history knows is kept, listed, and counted
    assertEquals(List.of("<none>:<none>"), names(engine, "dangling=true"));
    String back = engine.gantry("image", "rollback", "app:1").succeeded().line();
    assertEquals("app:1 points to " + first.substring(7, 19) + " again", back);
    assertEquals(first, engine.docker("images", "-q", "--no-trunc", "app:1").line());
    String none = engine.gantry("image", "rollback", "app:1").exited(1).err();
    assertTrue(none.contains("app:1 has never pointed to another image"), none);
    engine.docker("tag", second, "app:1").succeeded();
    // but not for ever: prune takes what no tag points to
    engine.docker("image", "prune", "-f").succeeded();
    assertEquals(
        List.of("app:1 " + second + " now", "app:1 " + first + " removed"), tags(engine, "app"));
    String gone = engine.gantry("image", "rollback", "app:1").exited(1).err();
    assertTrue(gone.contains(first.substring(7, 19) + ", has been removed"), gone);
    assertEquals(second, engine.docker("images", "-q", "--no-trunc", "app:1").line());
  }

  private static List<String> tags(Engine engine, String name) {
    return engine
        .gantry("image", "tags", "--no-trunc", "--format", "{{.Name}} {{.ID}} {{.State}}", name)
        .succeeded()
        .out()
        .lines()
        .toList();
  }

  // ---- damage

  @Test
  void damagedContentIsNamedAndPulledAgain(Engine engine) throws IOException {
    try (RegistryServer registry = RegistryServer.gantry()) {
      String name = registry.address() + "/damaged:1";
      image(engine, name, "damaged");
      engine.docker("push", "-q", name).succeeded();
      engine.docker("rmi", name).succeeded();
      engine.docker("pull", "-q", name).succeeded();
      engine.gantry("image", "verify").succeeded();
      String digest =
          engine
              .dockerCommand("manifest", "inspect", "--insecure", name)
              .run()
              .succeeded()
              .out()
              .replaceAll("(?s).*\"layers\".*?\"digest\": \"sha256:([0-9a-f]{64})\".*", "$1");
      Path blob = engine.folder().resolve("data/content/blobs/sha256/" + digest);
      long size = Files.size(blob);
      try (var file = Files.newByteChannel(blob, StandardOpenOption.WRITE)) {
        file.position(size / 2)
            .write(java.nio.ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5, 6, 7, 8}));
      }
      String said = engine.gantry("image", "verify").exited(1).out();
      assertTrue(said.contains(digest) && said.contains(name), said);
      engine.docker("pull", "-q", name).succeeded();
      engine.gantry("image", "verify").succeeded();
      assertEquals(size, Files.size(blob));
      assertEquals("ok", engine.docker("run", "--rm", name, "echo", "ok").succeeded().line());
      engine.docker("rmi", name).succeeded();
    }
  }

  // ---- leases

  @Test
  void pruneTakesNothingFromAPull(Engine engine) throws InterruptedException {
    try (RegistryServer registry = RegistryServer.gantry()) {
      String name = registry.address() + "/leased:1";
      image(engine, name, "leased");
      engine.docker("push", "-q", name).succeeded();
      AtomicBoolean on = new AtomicBoolean(true);
      Thread pruning =
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (on.get()) {
                      engine.request("POST", "/images/prune", "");
                      engine.request("POST", "/build/prune?all=1", "");
                    }
                  });
      try {
        for (int round = 0; round < 10; round++) {
          engine.docker("rmi", name).succeeded();
          engine.docker("pull", "-q", name).succeeded();
          engine.docker("run", "--rm", name, "true").succeeded();
        }
      } finally {
        on.set(false);
        pruning.join();
      }
      engine.docker("rmi", name).succeeded();
    }
  }

  // ---- the disk

  @Test
  void dfIsWhatTheDiskSays(Engine engine) {
    String write = "dd if=/dev/urandom bs=1M count=12 2>/dev/null >";
    engine
        .docker(
            "run",
            "--name",
            "writer",
            "-v",
            "filled:/v",
            engine.busybox(),
            "sh",
            "-c",
            write
                + "/a; ln /a /b; truncate -s 300M /sparse; "
                + write
                + "/v/c;"
                + " i=0; while [ $i -lt 500 ]; do echo $i >/v/$i; i=$((i+1)); done")
        .succeeded();
    byte[] context =
        new TarBytes()
            .file(
                "Dockerfile",
                "FROM busybox\nRUN " + write + "/one\nRUN " + write + "/two; rm /one\n")
            .bytes();
    String built = engine.request("POST", "/build?t=built:1", context).expect(200).text();
    assertTrue(built.contains("Successfully tagged built:1"), built);
    assertSameAsDisk(engine);
    // its layers are the build cache's alone now
    engine.docker("rmi", "built:1").succeeded();
    assertSameAsDisk(engine);
    engine.request("POST", "/build/prune?all=1", "").expect(200);
    engine.docker("rm", "-f", "writer").succeeded();
    assertSameAsDisk(engine);
  }

  /// What is removed is removed in the background.
  private static void assertSameAsDisk(Engine engine) {
    Eventually.within(
        LIMIT,
        () -> "df says " + said(engine, "v1.47") + ", the disk says " + disk(engine),
        () ->
            Stream.of(said(engine, "v1.47"), sums(engine))
                .allMatch(said -> Math.abs(said - disk(engine)) * 100 <= disk(engine)));
  }

  private static long disk(Engine engine) {
    String data = engine.folder().resolve("data").toString();
    return Long.parseLong(Command.of("du", "-s", "-B1", data).run().line().split("\t")[0]);
  }

  private static long said(Engine engine, String version) {
    Json.JsonObject df = (Json.JsonObject) engine.json("/" + version + "/system/df");
    return df.number("LayersSize", 0)
        + sum(df, "Containers", c -> c.number("SizeRw", 0))
        + sum(df, "Volumes", v -> v.object("UsageData").orElseThrow().number("Size", 0))
        + sum(df, "BuildCache", c -> c.bool("Shared", false) ? 0 : c.number("Size", 0));
  }

  private static long sum(Json.JsonObject df, String kind, ToLongFunction<Json.JsonObject> size) {
    return df.objects(kind).stream().mapToLong(size).sum();
  }

  /// By what newer versions of the API say.
  private static long sums(Engine engine) {
    Json.JsonObject df = (Json.JsonObject) engine.json("/system/df");
    return Stream.of("ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage")
        .mapToLong(kind -> df.object(kind).orElseThrow().number("TotalSize", 0))
        .sum();
  }
}
