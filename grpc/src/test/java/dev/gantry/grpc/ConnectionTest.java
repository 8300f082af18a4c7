package dev.gantry.grpc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ConnectionTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final CountDownLatch cancelled = new CountDownLatch(1);
  private Socket near = new Socket();
  private Socket far = new Socket();

  @BeforeEach
  void connect() throws IOException {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      near = new Socket(server.getInetAddress(), server.getLocalPort());
      far = server.accept();
    }
  }

  @AfterEach
  void close() throws IOException {
    near.close();
    far.close();
  }

  private Connection client() throws IOException {
    serve();
    Connection client = Connection.client(near.getInputStream(), near.getOutputStream());
    start(client);
    return client;
  }

  private void serve() throws IOException {
    start(Connection.server(far.getInputStream(), far.getOutputStream(), this::answer));
  }

  private static void start(Connection connection) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                connection.run();
              } catch (IOException e) {
                return; // the test has closed the socket
              }
            });
  }

  private void answer(String method, Call call) throws GrpcException, IOException {
    switch (method) {
      case "/t/Greet" -> call.send(new Message().text(1, "hello " + call.request().text(1)));
      case "/t/Echo" -> {
        for (byte[] m = call.receive(); m != null; m = call.receive()) {
          call.send(m);
        }
      }
      case "/t/Wait" -> {
        call.whenCancelled(cancelled::countDown);
        byte @Nullable [] ignored = call.receive();
        call.send(new Message());
        throw new IOException(call.receive() == null ? "ended" : "more");
      }
      default ->
          throw new GrpcException(
              GrpcException.UNIMPLEMENTED, "unknown method " + method + " – 100%");
    }
  }

  @Test
  void answersACall() throws Exception {
    Message answer =
        client().call("/t/Greet", Map.of()).ask(new Message().text(1, "you"), PATIENCE);
    assertEquals("hello you", answer.text(1));
  }

  @Test
  void tellsWhyACallFailed() throws Exception {
    Call call = client().call("/t/None", Map.of("a", List.of("x".repeat(60_000))));
    GrpcException e = assertThrows(GrpcException.class, () -> call.ask(new Message(), PATIENCE));
    assertEquals(GrpcException.UNIMPLEMENTED, e.code());
    assertEquals("unknown method /t/None – 100%", e.text());
  }

  @Test
  void carriesMoreThanTheWindowsAtOnceOnSeveralStreams() throws Exception {
    Connection client = client();
    byte[] large = new byte[3 * Connection.WINDOW + 17];
    new Random(1).nextBytes(large);
    for (int i = 0; i < 3; i++) {
      try (Call call = client.call("/t/Echo", Map.of())) {
        Thread sender =
            Thread.ofVirtual()
                .start(
                    () -> {
                      try {
                        call.send(large);
                        call.send(new byte[0]);
                        call.half();
                      } catch (IOException e) {
                        throw new java.io.UncheckedIOException(e);
                      }
                    });
        assertArrayEquals(large, call.receive(PATIENCE));
        assertArrayEquals(new byte[0], call.receive(PATIENCE));
        assertNull(call.receive(PATIENCE));
        sender.join();
      }
    }
  }

  @Test
  void aCancelledCallIsHeardOfOnTheOtherSide() throws Exception {
    Call call = client().call("/t/Wait", Map.of());
    call.send(new Message());
    assertArrayEquals(new byte[0], call.receive(PATIENCE));
    call.close();
    assertTrue(cancelled.await(30, TimeUnit.SECONDS));
  }

  @Test
  void aLostConnectionFailsItsCalls() throws Exception {
    Connection client = client();
    Call call = client.call("/t/Wait", Map.of());
    call.send(new Message());
    assertArrayEquals(new byte[0], call.receive(PATIENCE));
    far.close();
    assertThrows(IOException.class, () -> call.receive(PATIENCE));
    assertTrue(cancelled.await(30, TimeUnit.SECONDS));
    CountDownLatch closed = new CountDownLatch(1);
    client.whenClosed(closed::countDown);
    assertTrue(closed.await(30, TimeUnit.SECONDS));
    assertThrows(IOException.class, () -> client.call("/t/Greet", Map.of()));
  }

  @Test
  void endsAConnectionThatBreaksTheRules() throws Exception {
    String preface = "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a";
    for (String bytes :
        List.of(
            "474554202f20485454502f312e310d0a486f73743a20782d2d2d0d0a",
            preface + "ffffff000000000000",
            preface + "00000109040000000100", // a continuation of nothing
            preface + "0000040800000000007fffffff", // a window beyond 2^31-1
            preface + "00000100000000000100", // data on a stream that is none
            preface + "000001010400000001ff")) { // a header block that ends early
      connect();
      Connection server =
          Connection.server(far.getInputStream(), far.getOutputStream(), this::answer);
      near.getOutputStream().write(HexFormat.of().parseHex(bytes));
      near.shutdownOutput();
      Http2Exception e = assertThrows(Http2Exception.class, server::run, bytes);
      assertTrue(e.code() > 0);
      assertTrue(server.isClosed());
      close();
    }
  }

  @Test
  void survivesNoise() throws Exception {
    Random random = new Random(3);
    byte[] preface = HexFormat.of().parseHex("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a");
    for (int i = 0; i < 300; i++) {
      byte[] noise = new byte[200];
      random.nextBytes(noise);
      java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
      all.writeBytes(preface);
      for (int at = 0; at + 20 < noise.length; at += 20) { // frames with a length that fits
        all.writeBytes(new byte[] {0, 0, 11, (byte) (noise[at] & 0xf), noise[at + 1], 0, 0, 0, 1});
        all.write(noise, at + 9, 11);
      }
      Connection server =
          Connection.server(
              new java.io.ByteArrayInputStream(all.toByteArray()),
              java.io.OutputStream.nullOutputStream(),
              this::answer);
      try {
        server.run();
      } catch (Http2Exception e) {
        assertTrue(e.code() > 0);
      }
      assertTrue(server.isClosed());
    }
  }
}
