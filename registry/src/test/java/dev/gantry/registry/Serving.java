package dev.gantry.registry;

import dev.gantry.json.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/// A registry in this process and a client that sends it single requests.
final class Serving implements AutoCloseable {
  private final ServeRegistry registry;
  private final URI base;
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(30))
          .build();
  private String authorization = "";

  private Serving(ServeRegistry registry) {
    this.registry = registry;
    this.base = URI.create(registry.addresses().getFirst());
  }

  static Serving start(Path data, String... flags) throws IOException {
    List<String> all =
        new ArrayList<>(
            List.of("--listen", "127.0.0.1:0", "--data", data.toString(), "--drain", "10s"));
    all.addAll(List.of(flags));
    return new Serving(ServeRegistry.start(RegistryOptions.parse(all)));
  }

  URI base() {
    return base;
  }

  /// Sends user and password from now on.
  Serving as(String user, String password) {
    byte[] pair = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
    authorization = "Basic " + Base64.getEncoder().encodeToString(pair);
    return this;
  }

  Serving withToken(String token) {
    authorization = "Bearer " + token;
    return this;
  }

  Serving asNobody() {
    authorization = "";
    return this;
  }

  record Answer(HttpResponse<byte[]> response) {
    int status() {
      return response.statusCode();
    }

    String header(String name) {
      return response.headers().firstValue(name).orElse("");
    }

    String text() {
      return new String(response.body(), StandardCharsets.UTF_8);
    }

    Json.JsonObject json() {
      return Json.parseObject(text());
    }

    String error() {
      return json().objects("errors").getFirst().string("code", "");
    }

    Answer expect(int status) {
      if (status() != status) {
        throw new AssertionError(
            response.request().method()
                + " "
                + response.request().uri()
                + ": expected "
                + status
                + ", got "
                + status()
                + ": "
                + text());
      }
      return this;
    }
  }

  Answer send(String method, String target, byte[] body, String... headers) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(base.resolve(target))
            .timeout(Duration.ofSeconds(60))
            .method(
                method,
                body.length == 0
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    if (!authorization.isEmpty()) {
      request.header("Authorization", authorization);
    }
    try {
      return new Answer(client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  Answer get(String target, String... headers) throws IOException {
    return send("GET", target, new byte[0], headers);
  }

  /// The metrics, once `line` is among them: a request is counted behind its answer.
  String metricsWith(String line) throws IOException {
    long end = System.nanoTime() + 30_000_000_000L;
    String text = get("/metrics").expect(200).text();
    while (!text.contains(line)) {
      if (System.nanoTime() > end) {
        throw new AssertionError("no " + line + " in\n" + text);
      }
      text = get("/metrics").expect(200).text();
    }
    return text;
  }

  Answer delete(String target) throws IOException {
    return send("DELETE", target, new byte[0]);
  }

  Answer post(String target) throws IOException {
    return send("POST", target, new byte[0]);
  }

  Answer pushBlob(String name, byte[] bytes) throws IOException {
    return send("POST", "/v2/" + name + "/blobs/uploads/?digest=" + ContentDigest.of(bytes), bytes);
  }

  Answer putManifest(String name, String reference, byte[] manifest) throws IOException {
    return send(
        "PUT",
        "/v2/" + name + "/manifests/" + reference,
        manifest,
        "Content-Type",
        MediaTypes.OCI_MANIFEST);
  }

  /// Pushes an image with one layer of `size` random bytes; the manifest.
  byte[] pushImage(String name, String tag, int size) throws IOException {
    byte[] config =
        ("{\"n\":" + ThreadLocalRandom.current().nextLong() + "}").getBytes(StandardCharsets.UTF_8);
    byte[] layer = bytes(size);
    pushBlob(name, config).expect(201);
    pushBlob(name, layer).expect(201);
    byte[] manifest = manifest(config, layer);
    putManifest(name, tag, manifest).expect(201);
    return manifest;
  }

  static byte[] manifest(byte[] config, byte[] layer) {
    return Json.object()
        .put("schemaVersion", 2)
        .put("mediaType", MediaTypes.OCI_MANIFEST)
        .put("config", descriptor("application/vnd.oci.image.config.v1+json", config))
        .put(
            "layers", Json.array().add(descriptor("application/vnd.oci.image.layer.v1.tar", layer)))
        .text()
        .getBytes(StandardCharsets.UTF_8);
  }

  /// The digest of a manifest's layer.
  static String layer(byte[] manifest) {
    return Json.parseObject(new String(manifest, StandardCharsets.UTF_8))
        .objects("layers")
        .getFirst()
        .string("digest", "");
  }

  private static Json.JsonObject descriptor(String type, byte[] content) {
    return Json.object()
        .put("mediaType", type)
        .put("digest", ContentDigest.of(content).toString())
        .put("size", content.length);
  }

  static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    ThreadLocalRandom.current().nextBytes(bytes);
    return bytes;
  }

  @Override
  public void close() {
    client.shutdownNow();
    registry.close();
  }
}
