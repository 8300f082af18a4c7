package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Containers attached to by WebSocket, frame by frame (RFC 6455).
@ExtendWith(EngineExtension.class)
@Timeout(300)
class AttachWebSocketIT {
  private static final int TEXT = 1;
  private static final int BINARY = 2;
  private static final int CLOSE = 8;
  private static final int PING = 9;
  private static final int PONG = 10;

  /// What says its history, then each line that it is told, on both streams.
  private static final String ECHO =
      "echo told; echo warned >&2; while read line; do echo \"got $line\"; echo \"bad $line\" >&2;"
          + " done; echo the end";

  @AfterEach
  void removeAll(Engine engine) {
    engine
        .containers()
        .forEach(id -> engine.request("DELETE", "/containers/" + id + "?force=1", "").expect(204));
  }

  /// A container that has said its history.
  private static String talker(Engine engine) {
    String id =
        Containers.create(engine, Containers.body(engine, ECHO).put("OpenStdin", true))
            .orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    Eventually.within(
        Containers.PATIENCE,
        "both lines are in the log",
        () -> Containers.log(engine, id).size() == 2);
    return id;
  }

  private static void kill(Engine engine, String id) {
    engine.request("POST", "/containers/" + id + "/kill", "").expect(204);
  }

  private record Frame(int opcode, byte[] data) {
    String text() {
      return new String(data, StandardCharsets.UTF_8);
    }
  }

  /// A client's side.
  private static final class Client implements AutoCloseable {
    private final SocketChannel channel;
    private final DataInputStream in;
    private final StringBuilder heard = new StringBuilder();

    Client(Engine engine, String target) throws IOException {
      channel = SocketChannel.open(UnixDomainSocketAddress.of(engine.socket()));
      in = new DataInputStream(Channels.newInputStream(channel));
      write(
          ("GET "
                  + target
                  + " HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  + "Sec-WebSocket-Version: 13\r\n"
                  + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
              .getBytes(StandardCharsets.US_ASCII));
      StringBuilder head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        head.append((char) in.readByte());
      }
      assertTrue(head.toString().startsWith("HTTP/1.1 101"), head.toString());
      // the standard's own example
      assertTrue(head.toString().contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), head.toString());
    }

    private void write(byte[] bytes) throws IOException {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      while (buffer.hasRemaining()) {
        int ignored = channel.write(buffer);
      }
    }

    void send(int opcode, String text) throws IOException {
      byte[] data = text.getBytes(StandardCharsets.UTF_8);
      byte[] mask = {1, 2, 3, 4};
      ByteArrayOutputStream frame = new ByteArrayOutputStream();
      frame.write(0x80 | opcode);
      frame.write(0x80 | data.length);
      frame.writeBytes(mask);
      for (int i = 0; i < data.length; i++) {
        frame.write(data[i] ^ mask[i % 4]);
      }
      write(frame.toByteArray());
    }

    Frame next() throws IOException {
      int opcode = in.readUnsignedByte() & 15;
      int length = in.readUnsignedByte();
      if (length == 126) {
        length = in.readUnsignedShort();
      }
      byte[] data = new byte[length];
      in.readFully(data);
      return new Frame(opcode, data);
    }

    /// Reads until `wanted` has come; all that has come since the beginning.
    String await(String wanted, int opcode) throws IOException {
      while (heard.indexOf(wanted) < 0) {
        Frame frame = next();
        assertEquals(opcode, frame.opcode(), frame.text());
        heard.append(frame.text());
      }
      return heard.toString();
    }

    /// Reads to the normal end; all that has come since the beginning.
    String rest() throws IOException {
      for (Frame frame = next(); frame.opcode() != CLOSE; frame = next()) {
        heard.append(frame.text());
      }
      return heard.toString();
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  private static String query(String wanted) {
    return wanted.replace(" ", "=1&") + "=1";
  }

  @Test
  void historyComesFirstAndThenAConversation(Engine engine) throws IOException {
    String id = talker(engine);
    String all = "/containers/" + id + "/attach/ws?" + query("logs stream stdin stdout stderr");
    try (Client client = new Client(engine, all)) {
      client.await("told\n", BINARY);
      client.await("warned\n", BINARY);
      client.send(TEXT, "by text\n");
      client.await("got by text\n", BINARY);
      client.send(BINARY, "by bytes\n");
      client.await("got by bytes\n", BINARY);
      client.await("bad by bytes\n", BINARY);
      client.send(PING, "there?");
      Frame pong = client.next();
      assertEquals(PONG, pong.opcode());
      assertEquals("there?", pong.text());
      kill(engine, id);
      String rest = client.rest();
      assertTrue(rest.contains("told\n") && rest.contains("warned\n"), "the end is said: " + rest);
    }
  }

  @ParameterizedTest
  @CsvSource({
    // what is asked for, what comes of history and what of the conversation
    "logs stdout, told, ",
    "logs stderr, warned, ",
    "logs stdout stderr, told warned, ",
    "stream stdout, , got",
    "stream stderr, , bad",
    "stream stdout stderr, , got bad",
    "logs stream stdout, told, got",
    "logs stream stderr, warned, bad",
    "logs stream stdout stderr, told warned, got bad",
  })
  void eachClientGetsWhatItAskedFor(String wanted, String history, String talk, Engine engine)
      throws IOException {
    String id = talker(engine);
    try (Client client = new Client(engine, "/containers/" + id + "/attach/ws?" + query(wanted));
        Client speaker =
            new Client(
                engine,
                "/containers/" + id + "/attach/ws?" + query("stream stdin stdout stderr"))) {
      if (talk != null) {
        speaker.send(TEXT, "this\n");
        speaker.await("got this\n", BINARY);
        speaker.await("bad this\n", BINARY);
        kill(engine, id);
      }
      String heard = client.rest();
      String expected = (history == null ? "" : history + " ") + (talk == null ? "" : talk);
      for (String word : new String[] {"told", "warned", "got", "bad"}) {
        assertEquals(expected.contains(word), heard.contains(word), word + " in: " + heard);
      }
      if (history != null && talk != null) {
        assertTrue(heard.indexOf(talk.substring(0, 3)) > heard.indexOf(history.substring(0, 4)));
      }
    }
  }

  @Test
  void terminalIsOneStreamAndOldVersionsGetText(Engine engine) throws IOException {
    Json.JsonObject body =
        Containers.body(engine, "read line; echo \"got $line\"; stty size; read line")
            .put("Tty", true)
            .put("OpenStdin", true);
    String id = Containers.create(engine, body).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    engine.request("POST", "/containers/" + id + "/resize?h=31&w=87", "").expect(200);
    try (Client client =
        new Client(
            engine, "/v1.24/containers/" + id + "/attach/ws?" + query("stream stdin stdout"))) {
      client.send(TEXT, "x\n");
      client.await("got x\r\n31 87\r\n", TEXT);
      client.send(TEXT, "\n");
      client.rest();
    }
    assertEquals(0, Containers.awaitExit(engine, id));
  }

  @Test
  void detachKeysEndTheConversationAndNotTheProcess(Engine engine) throws IOException {
    Json.JsonObject body =
        Containers.body(engine, "echo told; read line; echo no")
            .put("Tty", true)
            .put("OpenStdin", true);
    String id = Containers.create(engine, body).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    String keys = "/attach/ws?detachKeys=a,b&" + query("logs stream stdin stdout");
    try (Client client = new Client(engine, "/containers/" + id + keys)) {
      client.await("told\r\n", BINARY);
      client.send(TEXT, "ab");
      String heard = client.rest();
      assertTrue(heard.startsWith("told\r\n"), heard);
    }
    assertEquals("running", Containers.status(engine, id));
  }
}
