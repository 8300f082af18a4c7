package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Kills the engine with SIGKILL again and again while containers start, log, exec and exit, and
/// holds it to the promise: no running container dies or restarts, no line of its log is lost or
/// doubled, exit codes are right, whoever attaches later finds everything as it was, and nothing is
/// left behind.
class CrashIT {
  private static final int CONTAINERS = 20;
  private static final int WRITERS = CONTAINERS / 2;
  private static final int MOST_OPERATIONS = 24;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final long seed = Long.getLong("gantry.seed", System.nanoTime());
  private final Random random = new Random(seed);

  @Test
  void nothingIsLostWhenTheEngineIsKilled() throws Exception {
    int crashes = Integer.parseInt(System.getProperty("gantry.crashes", "50"));
    System.out.println("CrashIT: " + crashes + " times, -Dgantry.seed=" + seed);
    try (Engine engine = Engine.start()) {
      engine.busybox();
      List<CrashWriter> writers = new ArrayList<>();
      for (int i = 0; i < WRITERS; i++) {
        CrashWriter.Kind[] kinds = CrashWriter.Kind.values();
        writers.add(CrashWriter.start(engine, kinds[i % kinds.length]));
      }
      String server = startServer(engine);
      String reader = startReader(engine);
      CrashLoad load = new CrashLoad(engine, CONTAINERS - WRITERS);
      engine.kill();
      for (int crash = 1; crash < crashes; crash++) {
        if (crash % 3 == 0) {
          // while it starts and takes containers up
          engine.launch();
          Thread.sleep(random.nextInt(0, 400));
          engine.kill();
        } else {
          engine.restart();
          assertUntouched(engine, crash, writers, server);
          load.runFor(random.nextInt(0, MOST_OPERATIONS), engine::kill);
        }
        // some containers end while nobody is there to see it
        Thread.sleep(random.nextInt(0, 100));
      }
      engine.restart();
      assertUntouched(engine, crashes, writers, server);
      load.assertEndedRight();
      assertAttachable(engine, reader);
      CrashWriter.assertWhole(engine, writers);
      assertNothingLeft(engine);
    }
  }

  private static void assertUntouched(
      Engine engine, int crash, List<CrashWriter> writers, String server) throws IOException {
    List<String> running =
        ((Json.JsonArray) engine.json("/containers/json"))
            .items().stream().map(c -> ((Json.JsonObject) c).string("Id", "")).toList();
    writers.forEach(writer -> writer.assertUntouched(running, crash));
    assertTrue(running.contains(server), "the server has ended by crash " + crash);
    assertServes(engine, server);
  }

  /// A container behind a published port.
  private static String startServer(Engine engine) {
    Json.JsonObject binding = Json.object().put("HostIp", "127.0.0.1").put("HostPort", "");
    Json.JsonObject body =
        Containers.body(engine, "exec httpd -f -p 80 -h /etc")
            .put("ExposedPorts", Json.object().put("80/tcp", Json.object()))
            .put(
                "HostConfig",
                Json.object()
                    .put("PortBindings", Json.object().put("80/tcp", Json.array().add(binding))));
    String id = Containers.create(engine, body).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    Eventually.within(PATIENCE, "the server listens", () -> serves(engine, id));
    return id;
  }

  private static boolean serves(Engine engine, String id) {
    try {
      assertServes(engine, id);
      return true;
    } catch (IOException | AssertionError e) {
      return false;
    }
  }

  private static void assertServes(Engine engine, String id) throws IOException {
    Json.JsonObject ports =
        ((Json.JsonObject) engine.json("/containers/" + id + "/json"))
            .object("NetworkSettings")
            .flatMap(n -> n.object("Ports"))
            .orElseThrow();
    Json.JsonArray bound = (Json.JsonArray) ports.get("80/tcp");
    int port = Integer.parseInt(((Json.JsonObject) bound.get(0)).string("HostPort", ""));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout((int) PATIENCE.toMillis());
      socket
          .getOutputStream()
          .write("GET /group HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.UTF_8));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(answer.contains("nogroup"), answer);
    }
  }

  /// A container that waits for a line of input and answers it.
  private static String startReader(Engine engine) {
    Json.JsonObject body =
        Containers.body(engine, "echo ready; read -r word; echo got $word; exit 5")
            .put("OpenStdin", true)
            .put("StdinOnce", true)
            .put("AttachStdin", true);
    String id = Containers.create(engine, body).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    return id;
  }

  /// Input, output and exit code of a container that was started many engines ago.
  private static void assertAttachable(Engine engine, String id) throws Exception {
    try (Hijacked attached =
        Hijacked.open(engine, "/containers/" + id + "/attach?stream=1&stdin=1&stdout=1&stderr=1")) {
      attached.write("hello\n");
      assertEquals("got hello\n", attached.readFrames());
    }
    assertEquals(5, Containers.awaitExit(engine, id));
    assertEquals(List.of("ready", "got hello"), Containers.log(engine, id));
  }

  /// What [Engine#close] does not look for: volumes, layers, firewall entries, descriptors.
  static void assertNothingLeft(Engine engine) {
    for (String id : engine.containers()) {
      engine.request("DELETE", "/containers/" + id + "?force=1&v=1", "").expect(204);
    }
    String volumes = engine.get("/volumes").expect(200).text();
    assertFalse(volumes.contains("Mountpoint"), volumes);
    Eventually.within(PATIENCE, () -> "left: " + files(engine), () -> files(engine).isEmpty());
    String table =
        Command.of("nft", "list", "table", "inet", "gantry-" + engine.name()).run().out();
    assertFalse(table.contains(" : ") && table.contains("tcp . "), () -> "left: " + table);
    Eventually.within(
        PATIENCE, () -> "open: " + descriptors(engine), () -> descriptors(engine).isEmpty());
  }

  private static List<String> files(Engine engine) {
    List<String> found = new ArrayList<>();
    for (String folder :
        List.of(
            "data/volumes", "data/overlay/containers", "data/overlay/trash", "run/containers")) {
      try (Stream<Path> all = Files.list(engine.folder().resolve(folder))) {
        all.forEach(file -> found.add(file.toString()));
      } catch (IOException e) {
        continue; // never made
      }
    }
    return found;
  }

  /// What the engine still holds of containers: namespaces, processes, pipes, terminals. The first
  /// three descriptors are its own.
  private static List<String> descriptors(Engine engine) {
    List<String> found = new ArrayList<>();
    try (Stream<Path> all = Files.list(Path.of("/proc", Long.toString(engine.pid()), "fd"))) {
      for (Path fd : all.filter(fd -> !fd.getFileName().toString().matches("[012]")).toList()) {
        String target = target(fd);
        if (target.matches("(mnt|net|pid|ipc|uts):.*|.*\\[pidfd\\]|pipe:.*|/dev/ptmx")) {
          found.add(target);
        }
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return found;
  }

  private static String target(Path fd) {
    try {
      return Files.readSymbolicLink(fd).toString();
    } catch (IOException e) {
      return ""; // closed meanwhile
    }
  }
}
