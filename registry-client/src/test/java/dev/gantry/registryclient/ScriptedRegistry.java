package dev.gantry.registryclient;

import dev.gantry.http.HttpServer;
import dev.gantry.http.Limits;
import dev.gantry.http.Request;
import dev.gantry.http.Response;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/// A registry that does what a test tells it: answers by `METHOD path`, and the list of requests.
final class ScriptedRegistry implements AutoCloseable {
  @FunctionalInterface
  interface Answer {
    void give(Request request, Response response) throws IOException;
  }

  private final Map<String, Answer> answers = new ConcurrentHashMap<>();
  final List<String> requests = new CopyOnWriteArrayList<>();
  final List<String> authorizations = new CopyOnWriteArrayList<>();
  private final HttpServer server;
  private final int port;

  ScriptedRegistry() throws IOException {
    server = new HttpServer(this::handle, Limits.PATIENT);
    port = server.listenTcp(new InetSocketAddress("127.0.0.1", 0)).getPort();
  }

  String host() {
    return "127.0.0.1:" + port;
  }

  URI uri() {
    return URI.create("http://" + host());
  }

  private void handle(Request request, Response response) throws IOException {
    String key = request.method() + " " + request.path();
    requests.add(key + request.header("Range").map(r -> " " + r).orElse(""));
    authorizations.add(request.header("Authorization").orElse(""));
    Answer answer = answers.get(key);
    if (answer == null) {
      response.send(404, error("MANIFEST_UNKNOWN", "manifest unknown"));
    } else {
      answer.give(request, response);
    }
  }

  static byte[] error(String code, String message) {
    return ("{\"errors\":[{\"code\":\"" + code + "\",\"message\":\"" + message + "\"}]}")
        .getBytes();
  }

  void on(String request, Answer answer) {
    answers.put(request, answer);
  }

  /// One answer after the other; the last one stays.
  void onEach(String request, Answer... some) {
    int[] at = {0};
    on(request, (q, r) -> some[Math.min(at[0]++, some.length - 1)].give(q, r));
  }

  void manifest(String path, String reference, byte[] bytes) {
    on(
        "GET /v2/" + path + "/manifests/" + reference,
        (q, r) -> {
          r.header("Content-Type", "application/vnd.oci.image.manifest.v1+json");
          r.header("Docker-Content-Digest", Digest.of(bytes).toString());
          r.send(200, bytes);
        });
  }

  /// A whole blob, or the part that is asked for.
  static Answer blob(byte[] bytes) {
    return (q, r) -> {
      int from = q.header("Range").map(x -> Integer.parseInt(x.replaceAll("[^0-9]", ""))).orElse(0);
      if (from > 0) {
        r.header("Content-Range", "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length);
      }
      try (OutputStream out = r.sized(from > 0 ? 206 : 200, bytes.length - from)) {
        out.write(bytes, from, bytes.length - from);
      }
    };
  }

  /// Breaks the connection after some bytes.
  static Answer cutOff(byte[] bytes, int after) {
    return (q, r) -> {
      try (OutputStream out = r.sized(200, bytes.length)) {
        out.write(bytes, 0, after);
      }
    };
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
