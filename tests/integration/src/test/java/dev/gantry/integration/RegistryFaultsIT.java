package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Pulls and pushes of one large layer through connections that break, registries that die, a disk
/// that is full, and an engine that is killed: nothing half is ever visible, and the next try goes
/// on where the last one was.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RegistryFaultsIT {
  private static final int SIZE = 40 << 20;
  private static final Duration LIMIT = Duration.ofMinutes(3);

  private Path folder;
  private Engine engine;
  private DebianRegistry registry;
  private CuttingProxy proxy;
  private String id;

  @BeforeAll
  void start(@TempDir Path temporary) throws IOException {
    folder = temporary;
    Needs.dockerClient();
    Needs.peers();
    engine = Engine.start("--registry-timeout", "3");
    registry = DebianRegistry.plain(folder.resolve("registry"));
    proxy = new CuttingProxy(registry.port());
    String name = registry.host() + "/big:1";
    engine.dockerCommand("import", "-", name).input(tar()).within(LIMIT).run().succeeded();
    engine.dockerCommand("push", "-q", name).within(LIMIT).run().succeeded();
    id = engine.docker("images", "-q", "--no-trunc", name).line();
    engine.docker("rmi", name).succeeded();
  }

  @AfterAll
  void stop() throws IOException {
    if (proxy != null) {
      proxy.close();
    }
    if (registry != null) {
      registry.close();
    }
    if (engine != null) {
      engine.close();
    }
  }

  /// One file of random bytes, which no packing makes smaller.
  private static byte[] tar() {
    byte[] content = new byte[SIZE];
    new Random(7).nextBytes(content);
    byte[] header = new byte[512];
    text(header, 0, "big");
    text(header, 100, "0000644\0000000000\0000000000\000");
    text(header, 124, String.format("%011o", SIZE));
    text(header, 136, "00000000000\000        0");
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xff;
    }
    text(header, 148, String.format("%06o\000 ", sum));
    ByteArrayOutputStream out = new ByteArrayOutputStream(SIZE + 2048);
    out.writeBytes(header);
    out.writeBytes(content);
    out.writeBytes(new byte[1024]);
    return out.toByteArray();
  }

  private static void text(byte[] header, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(bytes, 0, header, at, bytes.length);
  }

  private String name() {
    return proxy.host() + "/big:1";
  }

  private Command pulling() {
    return engine.dockerCommand("pull", name()).within(LIMIT);
  }

  private Command pushing(String target) {
    return engine.dockerCommand("push", target).within(LIMIT);
  }

  private void assertNothingIsThere() {
    assertEquals("", engine.docker("images", "-q", proxy.host() + "/big").succeeded().line());
    assertEquals(404, engine.get("/images/" + id + "/json").status());
  }

  /// The image works, and is taken away with all that it brought.
  private void assertWholeAndRemove() {
    assertEquals(id, engine.docker("images", "-q", "--no-trunc", name()).succeeded().line());
    engine.docker("rmi", name()).succeeded();
    engine.request("POST", "/images/prune", "").expect(200);
  }

  @Test
  void brokenConnectionGoesOn() {
    long before = proxy.fromRegistry();
    proxy.cutAfterReceiving(SIZE / 2);
    CompletableFuture<Outcome> pull = CompletableFuture.supplyAsync(() -> pulling().run());
    Eventually.within(LIMIT, "half of it has come", proxy::isCut);
    assertNothingIsThere();
    proxy.heal();
    pull.join().succeeded();
    assertTrue(proxy.fromRegistry() - before < SIZE * 1.4, "it was loaded twice");
    assertWholeAndRemove();
  }

  @Test
  void registryKilledInAPullIsAwaited() {
    CompletableFuture<Outcome> pull;
    proxy.cutAfterReceiving(SIZE / 4);
    pull = CompletableFuture.supplyAsync(() -> pulling().run());
    Eventually.within(LIMIT, "a quarter of it has come", proxy::isCut);
    registry.kill();
    proxy.heal();
    registry.restart();
    pull.join().succeeded();
    assertWholeAndRemove();
  }

  @Test
  void silentRegistryIsLeftAndTriedAgain() {
    proxy.hangAfterReceiving(SIZE / 4);
    CompletableFuture<Outcome> pull = CompletableFuture.supplyAsync(() -> pulling().run());
    Eventually.within(LIMIT, "a quarter of it has come", proxy::isCut);
    proxy.heal();
    pull.join().succeeded();
    assertWholeAndRemove();
  }

  @Test
  void engineKilledInAPullResumes() {
    int rounds = Math.max(2, Integer.getInteger("gantry.crashes", 50) / 25);
    Random random = new Random(11);
    long before = proxy.fromRegistry();
    long step = SIZE / (rounds + 1);
    for (int i = 0; i < rounds; i++) {
      proxy.cutAfterReceiving(step / 2 + random.nextLong(step / 2));
      CompletableFuture<Outcome> pull = CompletableFuture.supplyAsync(() -> pulling().run());
      Eventually.within(LIMIT, "a part of it has come", proxy::isCut);
      engine.kill();
      pull.join();
      proxy.heal();
      engine.restart();
      assertNothingIsThere();
    }
    pulling().run().succeeded();
    assertTrue(proxy.fromRegistry() - before < SIZE * 1.6, "it was loaded more than once");
    assertWholeAndRemove();
  }

  @Test
  void clientThatLeavesEndsThePullAndTheNextOneResumes() throws Exception {
    long before = proxy.fromRegistry();
    proxy.cutAfterReceiving(SIZE / 2);
    Process client = pulling().start();
    Eventually.within(LIMIT, "half of it has come", proxy::isCut);
    client.destroyForcibly().waitFor();
    proxy.heal();
    pulling().run().succeeded();
    assertTrue(proxy.fromRegistry() - before < SIZE * 1.6, "it was loaded twice");
    assertWholeAndRemove();
  }

  @Test
  void twoPullsShareTheWork() {
    long before = proxy.fromRegistry();
    CompletableFuture<Outcome> one = CompletableFuture.supplyAsync(() -> pulling().run());
    CompletableFuture<Outcome> two = CompletableFuture.supplyAsync(() -> pulling().run());
    one.join().succeeded();
    two.join().succeeded();
    assertTrue(proxy.fromRegistry() - before < SIZE * 1.4, "it was loaded twice");
    assertWholeAndRemove();
  }

  @Test
  void brokenPushGoesOnAndIsVisibleAtItsEndOnly() {
    pulling().run().succeeded();
    String target = proxy.host() + "/pushed:1";
    engine.docker("tag", name(), target).succeeded();
    proxy.cutAfterSending(SIZE / 2);
    // known sources of the same registry would be mounted: this is another name of it
    String plain = "localhost:" + proxy.host().replaceFirst(".*:", "") + "/pushed:1";
    engine.docker("tag", name(), plain).succeeded();
    CompletableFuture<Outcome> push = CompletableFuture.supplyAsync(() -> pushing(plain).run());
    Eventually.within(LIMIT, "half of it has gone", proxy::isCut);
    assertEquals(404, engine.get("/distribution/" + registry.host() + "/pushed:1/json").status());
    proxy.heal();
    push.join().succeeded();
    engine.docker("rmi", target, plain).succeeded();
    engine.docker("pull", "-q", registry.host() + "/pushed:1").succeeded();
    engine.docker("rmi", registry.host() + "/pushed:1").succeeded();
    assertWholeAndRemove();
  }

  @Test
  void registryKilledInAPushIsAwaited() {
    pulling().run().succeeded();
    String target = proxy.host().replace("127.0.0.1", "localhost") + "/killed:1";
    engine.docker("tag", name(), target).succeeded();
    proxy.cutAfterSending(SIZE / 4);
    CompletableFuture<Outcome> push = CompletableFuture.supplyAsync(() -> pushing(target).run());
    Eventually.within(LIMIT, "a quarter of it has gone", proxy::isCut);
    registry.kill();
    proxy.heal();
    registry.restart();
    push.join().succeeded();
    engine.docker("rmi", target).succeeded();
    engine.docker("pull", "-q", registry.host() + "/killed:1").succeeded();
    engine.docker("rmi", registry.host() + "/killed:1").succeeded();
    assertWholeAndRemove();
  }

  /// Debian's registry forgets what a broken request brought; ours says how much it has.
  @ParameterizedTest
  @ValueSource(strings = {"registry", "engine"})
  void pushGoesOnWithTheRestWhenOneSideWasKilled(String killed) throws IOException {
    pulling().run().succeeded();
    try (RegistryServer ours = RegistryServer.gantry();
        CuttingProxy way =
            new CuttingProxy(Integer.parseInt(ours.address().replaceFirst(".*:", "")))) {
      String target = way.host() + "/rest:1";
      engine.docker("tag", name(), target).succeeded();
      way.cutAfterSending(SIZE / 2);
      CompletableFuture<Outcome> push = CompletableFuture.supplyAsync(() -> pushing(target).run());
      Eventually.within(LIMIT, "half of it has gone", way::isCut);
      if (killed.equals("engine")) {
        engine.kill();
        push.join();
        way.heal();
        engine.restart();
        pushing(target).run().succeeded();
      } else {
        ours.kill();
        way.heal();
        ours.restart();
        push.join().succeeded();
      }
      assertTrue(way.toRegistry() < SIZE * 1.3, "sent " + way.toRegistry() + " bytes");
      engine.docker("rmi", target).succeeded();
      engine.docker("pull", "-q", ours.address() + "/rest:1").succeeded();
      engine.docker("rmi", ours.address() + "/rest:1").succeeded();
    }
    assertWholeAndRemove();
  }

  @Test
  void damagedContentIsLoadedAgain() throws IOException {
    pulling().run().succeeded();
    Path blobs = engine.folder().resolve("data/content/blobs/sha256");
    Path largest;
    try (var files = Files.list(blobs)) {
      largest =
          files.max(java.util.Comparator.comparingLong(f -> f.toFile().length())).orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(largest);
    bytes[bytes.length / 2] ^= 1;
    Files.write(largest, bytes);
    Json.JsonObject found =
        Json.parseObject(engine.request("POST", "/gantry/images/verify", "").expect(200).text());
    assertEquals(
        java.util.List.of("sha256:" + largest.getFileName()),
        found.objects("Damaged").stream().map(d -> d.string("Digest", "")).toList());
    assertTrue(found.text().contains(name()), found.text());
    pulling().run().succeeded();
    Json.JsonObject after =
        Json.parseObject(engine.request("POST", "/gantry/images/verify", "").expect(200).text());
    assertEquals(java.util.List.of(), after.objects("Damaged"));
    assertWholeAndRemove();
  }

  @Test
  void fullDiskIsSaidAndLeavesNothing() throws IOException {
    Path small = Files.createDirectories(folder.resolve("small"));
    Command.of("mount", "-t", "tmpfs", "-o", "size=64m", "none", small.toString())
        .run()
        .succeeded();
    try (Engine cramped = Engine.start("--data-root", small.resolve("data").toString())) {
      Outcome pull =
          cramped.dockerCommand("pull", registry.host() + "/big:1").within(LIMIT).run().exited(1);
      assertTrue(
          pull.err().contains("does not fit") || pull.err().contains("No space left"), pull.err());
      assertEquals(404, cramped.get("/images/" + id + "/json").status());
      cramped.docker("run", "--rm", "hello-world").succeeded();
    } finally {
      Command.of("umount", "-l", small.toString()).run().succeeded();
    }
  }
}
