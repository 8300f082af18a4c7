package dev.gantry.integration;

import dev.gantry.http.HttpServer;
import dev.gantry.http.Limits;
import dev.gantry.http.Request;
import dev.gantry.http.Response;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.MediaTypes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/// A small registry in the test's own process, whose answers a test can spoil one by one.
final class FaultyRegistry implements AutoCloseable {
  /// Something that is wrong with the registry.
  @FunctionalInterface
  interface Fault {
    Fault NONE = (q, r) -> false;

    /// Answers the request, or says that it is not its business.
    boolean answer(Request request, Response response) throws IOException;

    /// An error for the requests of this method whose path contains `part`.
    static Fault status(String method, String part, int status, String code) {
      return (q, r) -> {
        if (!matches(q, method, part)) {
          return false;
        }
        r.send(status, error(code, "so it is"));
        return true;
      };
    }

    /// Other bytes in the place of a blob or manifest.
    static Fault content(String part, byte[] bytes) {
      return (q, r) -> {
        if (!matches(q, "GET", part)) {
          return false;
        }
        r.header("Content-Type", MediaTypes.MANIFEST);
        r.send(200, bytes);
        return true;
      };
    }

    /// A redirect of what contains `part`.
    static Fault redirect(String part, String location) {
      return (q, r) -> {
        if (!matches(q, "GET", part)) {
          return false;
        }
        r.header("Location", location);
        r.empty(307);
        return true;
      };
    }

    static boolean matches(Request q, String method, String part) {
      return q.method().equals(method) && q.path().contains(part);
    }
  }

  private final Map<String, byte[]> blobs = new ConcurrentHashMap<>();
  private final Map<String, byte[]> manifests = new ConcurrentHashMap<>();
  private final Map<String, ByteArrayOutputStream> uploads = new ConcurrentHashMap<>();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final List<String> authorizations = new CopyOnWriteArrayList<>();
  private final HttpServer server;
  private final String host;
  private final AtomicInteger inWork = new AtomicInteger();
  private final AtomicInteger most = new AtomicInteger();
  private volatile Fault fault = Fault.NONE;

  FaultyRegistry(String address) {
    server = new HttpServer(this::handle, Limits.PUBLIC);
    try {
      host = address + ":" + server.listenTcp(new InetSocketAddress(address, 0)).getPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// `address:port`, as names of images begin.
  String host() {
    return host;
  }

  /// From now on this is wrong.
  void spoil(Fault wrong) {
    fault = wrong;
  }

  /// From now on nothing is wrong, and what was asked before is forgotten.
  void heal() {
    fault = Fault.NONE;
    requests.clear();
    authorizations.clear();
    most.set(0);
  }

  /// How many blobs were on their way at once, at most, here or away.
  int mostAtOnce() {
    return most.get();
  }

  /// All requests, as `METHOD /path`.
  List<String> requests() {
    return List.copyOf(requests);
  }

  /// Their headers `Authorization`, empty where there was none.
  List<String> authorizations() {
    return List.copyOf(authorizations);
  }

  Digest putBlob(byte[] bytes) {
    Digest digest = Digest.of(bytes);
    blobs.put(digest.toString(), bytes);
    return digest;
  }

  void putManifest(String reference, byte[] bytes) {
    manifests.put(reference, bytes);
    manifests.put(Digest.of(bytes).toString(), bytes);
  }

  boolean hasManifest(String reference) {
    return manifests.containsKey(reference);
  }

  boolean hasBlob(String digest) {
    return blobs.containsKey(digest);
  }

  /// Forgets all content.
  void clear() {
    blobs.clear();
    manifests.clear();
    uploads.clear();
  }

  static byte[] error(String code, String message) {
    return ("{\"errors\":[{\"code\":\"" + code + "\",\"message\":\"" + message + "\"}]}")
        .getBytes(StandardCharsets.UTF_8);
  }

  /// An entry of a manifest.
  static Json.JsonObject descriptor(String type, Digest digest, long size) {
    return Json.object().put("mediaType", type).put("digest", digest.toString()).put("size", size);
  }

  private void handle(Request q, Response r) throws IOException {
    requests.add(q.method() + " " + q.path());
    authorizations.add(q.header("Authorization").orElse(""));
    boolean blob =
        q.path().contains("/blobs/") && (q.method().equals("GET") || q.method().equals("PATCH"));
    if (blob) {
      int now = inWork.incrementAndGet();
      most.accumulateAndGet(now, Math::max);
    }
    try {
      if (!fault.answer(q, r)) {
        serve(q, r);
      }
    } finally {
      if (blob) {
        inWork.decrementAndGet();
      }
    }
  }

  private void serve(Request q, Response r) throws IOException {
    String[] parts = q.path().split("/(?=manifests/|blobs/)", 2);
    String rest = parts.length < 2 ? "" : parts[1];
    String last = q.path().substring(q.path().lastIndexOf('/') + 1);
    switch (q.method()) {
      case "PUT" -> put(q, r, rest, last);
      case "POST" -> {
        String id = "u" + uploads.size();
        uploads.put(id, new ByteArrayOutputStream());
        r.header("Location", parts[0] + "/blobs/uploads/" + id);
        r.empty(202);
      }
      case "PATCH" -> {
        ByteArrayOutputStream upload = uploads.get(last);
        upload.writeBytes(q.body().readAllBytes());
        r.header("Location", q.path()).header("Range", "0-" + (upload.size() - 1));
        r.empty(202);
      }
      default -> {
        byte[] found = rest.startsWith("manifests/") ? manifests.get(last) : blobs.get(last);
        if (rest.isEmpty()) {
          r.send(200, "{}".getBytes(StandardCharsets.UTF_8));
        } else if (found == null) {
          boolean manifest = rest.startsWith("manifests/");
          r.send(404, error(manifest ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN", "unknown"));
        } else {
          send(q, r, found, rest.startsWith("manifests/"));
        }
      }
    }
  }

  private void put(Request q, Response r, String rest, String last) throws IOException {
    if (rest.startsWith("manifests/")) {
      putManifest(last, q.body().readAllBytes());
    } else {
      ByteArrayOutputStream upload = uploads.remove(last);
      upload.writeBytes(q.body().readAllBytes());
      Digest digest = putBlob(upload.toByteArray());
      if (!digest.toString().equals(q.parameter("digest").orElse(""))) {
        r.send(400, error("DIGEST_INVALID", "it is " + digest));
        return;
      }
    }
    r.empty(201);
  }

  private static void send(Request q, Response r, byte[] bytes, boolean manifest)
      throws IOException {
    int from = q.header("Range").map(x -> Integer.parseInt(x.replaceAll("[^0-9]", ""))).orElse(0);
    if (from > 0) {
      r.header("Content-Range", "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length);
    }
    if (manifest) {
      String type =
          Json.parseObject(new String(bytes, StandardCharsets.UTF_8))
              .string("mediaType", MediaTypes.MANIFEST);
      r.header("Content-Type", type).header("Docker-Content-Digest", Digest.of(bytes).toString());
    }
    try (OutputStream out = r.sized(from > 0 ? 206 : 200, bytes.length - from)) {
      out.write(bytes, from, bytes.length - from);
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
