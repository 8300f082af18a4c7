package dev.gantry.registry;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Requests of every kind and shape, many of them nonsense: answered with what a client did wrong,
/// never with an error of ours, never with silence.
class FuzzTest {
  private static final List<String> METHODS =
      List.of("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "BREW", "get");
  private static final List<String> NAMES =
      List.of("a", "a/b", "A", "..", "a/../b", "a%2fb", "a//b", "_x", "a b", "%00", "%", "ä", "");
  private static final List<String> ENDS =
      List.of(
          "/manifests/1",
          "/manifests/",
          "/manifests/sha256:" + "0".repeat(64),
          "/manifests/sha512:12",
          "/manifests/x:y",
          "/blobs/sha256:" + "0".repeat(64),
          "/blobs/sha256:" + "g".repeat(64),
          "/blobs/../../lock",
          "/blobs/uploads/",
          "/blobs/uploads",
          "/blobs/uploads/..",
          "/blobs/uploads/%2e%2e",
          "/blobs/uploads/0123456789abcdef0123456789abcdef",
          "/tags/list",
          "/referrers/sha256:" + "0".repeat(64),
          "/referrers/x",
          "/nothing");
  private static final List<String> QUERIES =
      List.of(
          "",
          "?n=1",
          "?n=-1",
          "?n=99999999999999999999",
          "?n=a&last=%ff",
          "?digest=sha256:" + "0".repeat(64),
          "?digest=x",
          "?mount=x&from=y",
          "?mount=sha256:" + "0".repeat(64) + "&from=..",
          "?digest-algorithm=md5",
          "?artifactType=%0d%0aX:y",
          "?ns=a/../b",
          "?%",
          "?tag=&tag=%20",
          "?=&&&");
  private static final List<String> HEADERS =
      List.of(
          "Range: bytes=5-1",
          "Range: bytes=-",
          "Range: bytes=99999999999999999999-",
          "Range: lines=1-2",
          "Content-Range: 5-1",
          "Content-Range: bytes",
          "Content-Range: 0-999999999999999999",
          "Content-Type: application/vnd.oci.image.manifest.v1+json",
          "Content-Type: ;;;",
          "Accept: nothing/*",
          "Accept: ",
          "Authorization: Basic !!!",
          "Authorization: Bearer a.b.c",
          "Authorization: Basic",
          "If-None-Match: \"",
          "Expect: 100-continue",
          "Transfer-Encoding: identity",
          "Content-Length: 5, 5",
          "Content-Length: -1",
          "X: " + "y".repeat(5000));
  private static final List<String> BODIES =
      List.of(
          "",
          "x",
          "{",
          "{}",
          "[]",
          "null",
          "{\"schemaVersion\":2}",
          "{\"schemaVersion\":\"2\",\"config\":[],\"layers\":{}}",
          "{\"schemaVersion\":2,\"config\":{\"mediaType\":5},\"layers\":[1]}",
          "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"a\",\"size\":1e99,\"digest\":\"b\"}}",
          "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
              + "\"manifests\":[{\"digest\":\"sha256:..\"}],\"subject\":7}",
          "[".repeat(20_000),
          "\"" + "\\u0000".repeat(1000) + "\"");

  @TempDir Path folder;

  @Test
  void onlyTheClientsMistakes() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (Serving registry = Serving.start(folder.resolve("data"))) {
      registry.pushImage("kept", "1", 10);
      registry.pushImage("a", "1", 10);
      for (int i = 0; i < 3000; i++) {
        byte[] request = request(random);
        String answer =
            exchange(registry, request).replaceFirst("^HTTP/1.1 100 Continue\r\n\r\n", "");
        String status = answer.length() > 12 ? answer.substring(9, 12) : "none";
        assertTrue(
            status.matches("[234]..") || (status.equals("none") && isMalformed(request)),
            "seed " + seed + ", got " + answer + " for\n" + show(request));
      }
      registry.get("/v2/kept/manifests/1").expect(200);
    }
  }

  /// A header or a line that no answer can be given to.
  private static boolean isMalformed(byte[] request) {
    return !show(request).startsWith("GET / HTTP/1.1\r\n");
  }

  private static String show(byte[] request) {
    String text = new String(request, StandardCharsets.ISO_8859_1);
    return text.substring(0, Math.min(600, text.length()));
  }

  private static String pick(Random random, List<String> items) {
    return items.get(random.nextInt(items.size()));
  }

  private static byte[] request(Random random) {
    StringBuilder text = new StringBuilder();
    text.append(pick(random, METHODS)).append(" /v2");
    if (random.nextInt(10) > 0) {
      text.append('/').append(pick(random, NAMES)).append(pick(random, ENDS));
    } else {
      text.append(pick(random, List.of("/_catalog", "/", "", "/../../etc/passwd", "/\u00e4")));
    }
    text.append(pick(random, QUERIES).replace(' ', '+')).append(" HTTP/1.1\r\nHost: x\r\n");
    for (int i = random.nextInt(4); i > 0; i--) {
      text.append(pick(random, HEADERS)).append("\r\n");
    }
    String body = pick(random, BODIES);
    if (random.nextInt(8) > 0) {
      text.append("Content-Length: ").append(body.length()).append("\r\n");
    } else {
      text.append("Transfer-Encoding: chunked\r\n");
      body = Integer.toHexString(body.length()) + "\r\n" + body + "\r\n0\r\n\r\n";
    }
    text.append("Connection: close\r\n\r\n").append(body);
    byte[] bytes = text.toString().getBytes(StandardCharsets.ISO_8859_1);
    if (random.nextInt(5) == 0) {
      for (int i = random.nextInt(4); i >= 0; i--) {
        bytes[random.nextInt(Math.min(bytes.length, 200))] = (byte) random.nextInt(256);
      }
    }
    return bytes;
  }

  private static String exchange(Serving registry, byte[] request) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", registry.base().getPort())) {
      socket.setSoTimeout(20_000);
      try {
        socket.getOutputStream().write(request);
        socket.shutdownOutput();
        byte[] answer = socket.getInputStream().readAllBytes();
        return new String(answer, StandardCharsets.ISO_8859_1);
      } catch (java.net.SocketTimeoutException e) {
        throw new AssertionError("no answer within 20 s to\n" + show(request), e);
      } catch (IOException e) {
        return ""; // closed while we were still sending
      }
    }
  }
}
