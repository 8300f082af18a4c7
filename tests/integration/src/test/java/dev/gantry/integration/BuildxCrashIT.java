package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Builds by BuildKit's protocol that end badly: the engine killed, the client gone without a word,
/// peers that do not speak the protocol.
class BuildxCrashIT extends BuildxTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String SECRET = "Hidd3n-by-the-build";

  private Process slowBuild(Engine engine, String tag) throws IOException {
    file("f", "one\n");
    file(".dockerignore", "Dockerfile\n.dockerignore\n");
    file("big", "x".repeat(3_000_000));
    file(
        "Dockerfile",
        """
        FROM busybox
        COPY . /c/
        RUN echo %s > /tag
        RUN --mount=type=secret,id=s --mount=type=cache,target=/k test -s /run/secrets/s; sleep 1000
        """
            .formatted(tag));
    Files.writeString(folder.resolve("secret"), SECRET);
    Process client =
        command(engine, "-t" + tag, "--secret=id=s,src=" + folder.resolve("secret")).start();
    Eventually.within(
        LIMIT,
        () -> "no step sleeps",
        () -> engine.docker("top", running(engine)).out().contains("sleep 1000"));
    return client;
  }

  private static String running(Engine engine) {
    return engine.docker("ps", "-q").out().lines().findFirst().orElse("none");
  }

  private static void noContainers(Engine engine) {
    Eventually.within(
        LIMIT,
        () -> engine.docker("ps", "-a").out(),
        () -> engine.docker("ps", "-aq").succeeded().out().isBlank());
  }

  private Outcome second(Engine engine, String tag) throws IOException {
    String file = Files.readString(context.resolve("Dockerfile"));
    file("Dockerfile", file.replace("sleep 1000", "true"));
    return build(engine, "-t" + tag, "--secret=id=s,src=" + folder.resolve("secret")).succeeded();
  }

  @Test
  void aKilledEngineLeavesNothingButValidCache(Engine engine) throws Exception {
    Process client = slowBuild(engine, "killed:1");
    try {
      engine.kill();
      assertTrue(client.waitFor(60, TimeUnit.SECONDS), "the client waits for ever");
      assertTrue(client.exitValue() != 0);
    } finally {
      client.destroyForcibly();
    }
    engine.restart();
    noContainers(engine);
    assertEquals("", engine.docker("images", "-q", "killed").succeeded().out());
    Outcome again = second(engine, "killed:1");
    assertTrue(again.err().contains("CACHED"), again.err()); // what was finished is finished
    assertEquals("one\n3000000 /c/big\n", sh(engine, "killed:1", "cat /c/f; wc -c /c/big"));
    Outcome found =
        Command.of("grep", "-rlF", SECRET, engine.folder().toString(), "/proc/mounts").run();
    assertEquals("", found.out(), "the secret is kept");
    try (Stream<Path> work = Files.list(engine.folder().resolve("data/build"))) {
      assertEquals(
          0,
          work.filter(p -> p.getFileName().toString().matches("(layer|step|add|context)-.*"))
              .count());
    }
  }

  @Test
  void aClientThatIsGoneTakesItsBuildWithIt(Engine engine) throws Exception {
    Process client = slowBuild(engine, "gone:1");
    // kill -9: of the plugin too, which is the client's child
    client.descendants().forEach(ProcessHandle::destroyForcibly);
    client.destroyForcibly().waitFor();
    noContainers(engine);
    assertTrue(second(engine, "gone:1").err().contains("CACHED"));
  }

  // ---- peers that speak something else

  private static byte[] upgrade(String path) {
    return ("POST "
            + path
            + " HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
            + "X-Docker-Expose-Session-Uuid: hostile\r\nContent-Length: 0\r\n\r\n")
        .getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] frame(int type, int flags, int stream, byte[] body) {
    ByteBuffer frame = ByteBuffer.allocate(9 + body.length);
    frame.put((byte) (body.length >> 16)).putShort((short) body.length);
    frame.put((byte) type).put((byte) flags).putInt(stream).put(body);
    return frame.array();
  }

  /// Sends everything and reads until the engine ends the connection, which it has to do.
  private static void hostile(Engine engine, String path, byte[] bytes) throws IOException {
    try (SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      boolean connected = socket.connect(UnixDomainSocketAddress.of(engine.socket()));
      assertTrue(connected);
      send(socket, upgrade(path));
      try {
        send(socket, bytes);
        socket.shutdownOutput();
        ByteBuffer answer = ByteBuffer.allocate(64 << 10);
        while (socket.read(answer) >= 0) {
          answer.clear();
        }
      } catch (IOException e) {
        return; // it has hung up already
      }
    }
  }

  private static void send(SocketChannel socket, byte[] bytes) throws IOException {
    for (ByteBuffer all = ByteBuffer.wrap(bytes); all.hasRemaining(); ) {
      int ignored = socket.write(all);
    }
  }

  @Test
  void hostilePeersHarmNobody(Engine engine) throws IOException {
    byte[] preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    Random random = new Random(4);
    for (String path : new String[] {"/grpc", "/session"}) {
      for (int i = 0; i < 40; i++) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        if (path.equals("/grpc")) {
          bytes.writeBytes(preface);
        }
        bytes.writeBytes(frame(4, 0, 0, new byte[0]));
        for (int n = 0; n < 30; n++) {
          byte[] body = new byte[random.nextInt(200)];
          random.nextBytes(body);
          boolean wellMade = random.nextBoolean();
          int stream = wellMade ? 2 * random.nextInt(5) + 1 : random.nextInt();
          bytes.writeBytes(
              frame(random.nextInt(wellMade ? 10 : 256), random.nextInt(256), stream, body));
        }
        hostile(engine, path, bytes.toByteArray());
      }
      byte[] noise = new byte[100_000];
      random.nextBytes(noise);
      hostile(engine, path, noise);
      hostile(engine, path, new byte[0]);
    }
    file("Dockerfile", "FROM busybox\nRUN echo still here\n");
    build(engine).succeeded();
  }
}
