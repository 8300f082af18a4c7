package dev.gantry.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HttpServerTest {
  @TempDir Path folder;

  private static InetSocketAddress loopback() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  private static String exchange(Handler handler, String... requests) throws IOException {
    try (HttpServer server = new HttpServer(handler, Limits.PUBLIC);
        Socket socket = new Socket()) {
      socket.connect(server.listenTcp(loopback()));
      socket.setSoTimeout(10_000);
      for (String request : requests) {
        socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
      }
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
          .replaceAll("Date: [^\r]*\r\n", "");
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void answersRequestsOfOneConnectionInOrder() throws IOException {
    String all =
        exchange(
            (q, r) -> r.send(200, bytes(q.path() + q.query())),
            "GET /a%20b?x=1&x=2 HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assertEquals(
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n/a b{x=[1, 2]}".replace("12", "14")
            + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n/c{}",
        all);
  }

  @Test
  void tellsAWaitingClientToSendOnlyWhenTheBodyIsWanted() throws IOException {
    String head = "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n";
    String wanted =
        exchange(
            (q, r) -> r.send(200, q.body().readAllBytes()), head + "Connection: close\r\n\r\nok");
    assertTrue(wanted.startsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"), wanted);
    String unwanted = exchange((q, r) -> r.empty(401), head + "\r\n");
    assertTrue(unwanted.startsWith("HTTP/1.1 401 "), unwanted);
  }

  @Test
  void aTakenOverConnectionGivesWhatHasComeWithoutWaitingForMore() throws IOException {
    Handler echo =
        (q, r) -> {
          Response.Raw raw = r.takeOver("HTTP/1.1 101 UPGRADED\r\n");
          // readNBytes asks for nothing more behind the third byte
          raw.out().write(raw.in().readNBytes(3));
          raw.out().flush();
        };
    // exchange() leaves its side of the connection open
    String all = exchange(echo, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "abc");
    assertTrue(all.endsWith("\r\n\r\nabc"), all);
  }

  @Test
  void shortBodyOfAnAnnouncedLengthEndsTheConnection() throws IOException {
    String all =
        exchange(
            (q, r) -> {
              try (OutputStream out = r.sized(200, 10)) {
                out.write(bytes("half"));
              }
            },
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assertTrue(all.endsWith("\r\n\r\nhalf"), all);
  }

  @Test
  void readsChunkedBodiesAndWritesChunks() throws IOException {
    String all =
        exchange(
            (q, r) -> {
              byte[] body = q.body().readAllBytes();
              try (OutputStream out = r.chunked(200)) {
                out.write(body);
              }
            },
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
    assertTrue(all.endsWith("\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"), all);
  }

  @Test
  void sendsAFileToASlowReaderWhole() throws Exception {
    Path file = folder.resolve("file");
    byte[] content = new byte[40 << 20];
    new java.util.Random(1).nextBytes(content);
    Files.write(file, content);
    Handler handler =
        (q, r) -> {
          try (FileChannel channel = FileChannel.open(file)) {
            r.file(206, channel, 5, content.length - 5L);
          }
        };
    try (HttpServer server = new HttpServer(handler, Limits.PUBLIC);
        Socket socket = new Socket()) {
      socket.connect(server.listenTcp(loopback()));
      socket.setSoTimeout(30_000); // the server ends the connection, as it was asked to
      socket
          .getOutputStream()
          .write(bytes("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
      InputStream in = socket.getInputStream();
      Thread.sleep(300); // the socket's buffers are full by now
      byte[] all = in.readAllBytes();
      assertEquals(content.length - 5, all.length - indexOfBody(all));
      assertEquals(content[content.length - 1], all[all.length - 1]);
    }
  }

  private static int indexOfBody(byte[] all) {
    return new String(all, 0, 400, StandardCharsets.ISO_8859_1).indexOf("\r\n\r\n") + 4;
  }

  /// A client that sends all of a large body before it reads: the answer that came long before must
  /// still be there, and the connection go on behind it.
  @Test
  void earlyAnswerReachesAClientThatIsStillSending() throws Exception {
    int size = 32 << 20;
    Handler handler = (q, r) -> r.send(q.method().equals("PUT") ? 413 : 200, bytes(q.path()));
    try (HttpServer server = new HttpServer(handler, Limits.PUBLIC);
        Socket socket = new Socket()) {
      socket.connect(server.listenTcp(loopback()));
      socket.setSoTimeout(30_000);
      OutputStream out = socket.getOutputStream();
      out.write(bytes("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: " + size + "\r\n\r\n"));
      byte[] piece = new byte[1 << 20];
      for (int i = 0; i < size / piece.length; i++) {
        out.write(piece);
      }
      out.write(bytes("GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
      String all = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(all.startsWith("HTTP/1.1 413 "), all);
      assertTrue(all.contains("/aHTTP/1.1 200 "), all);
    }
  }

  @Test
  void drainEndsIdleConnectionsAndWaitsForBusyOnes() throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    Handler handler =
        (q, r) -> {
          inside.countDown();
          try {
            go.await(10, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            throw new IOException(e);
          }
          r.send(200, bytes("done"));
        };
    try (HttpServer server = new HttpServer(handler, Limits.PUBLIC);
        Socket idle = new Socket();
        Socket busy = new Socket()) {
      InetSocketAddress address = server.listenTcp(loopback());
      idle.connect(address);
      busy.connect(address);
      busy.getOutputStream().write(bytes("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
      inside.await();
      assertFalse(server.drain(Duration.ofMillis(50)));
      assertEquals(-1, idle.getInputStream().read());
      go.countDown();
      assertTrue(server.drain(Duration.ofSeconds(10)));
      String all = new String(busy.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(all.contains("Connection: close") && all.endsWith("done"), all);
    }
  }

  @Test
  void clientThatStallsInItsHeadersIsCutOff() throws Exception {
    Limits quick =
        new Limits(Duration.ofSeconds(60), Duration.ofMillis(100), Duration.ofSeconds(60), 10);
    try (HttpServer server = new HttpServer((q, r) -> r.empty(200), quick);
        Socket socket = new Socket()) {
      socket.connect(server.listenTcp(loopback()));
      socket.getOutputStream().write(bytes("GET / HT"));
      socket.setSoTimeout(20_000);
      assertEquals(-1, socket.getInputStream().read());
    }
  }
}
