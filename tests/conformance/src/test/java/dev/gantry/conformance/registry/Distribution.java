package dev.gantry.conformance.registry;

import dev.gantry.json.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/// A client of the distribution API that hides nothing: each call is one request.
final class Distribution implements AutoCloseable {
  static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  static final String INDEX = "application/vnd.oci.image.index.v1+json";
  static final String CONFIG = "application/vnd.oci.image.config.v1+json";
  static final String LAYER = "application/vnd.oci.image.layer.v1.tar";

  private final URI base;
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(30))
          .build();

  Distribution(String address) {
    this.base = URI.create("http://" + address);
  }

  /// An answer with its body.
  record Answer(HttpResponse<byte[]> response) {
    int status() {
      return response.statusCode();
    }

    String header(String name) {
      return response.headers().firstValue(name).orElse("");
    }

    List<String> headers(String name) {
      return response.headers().allValues(name);
    }

    byte[] bytes() {
      return response.body();
    }

    String text() {
      return new String(response.body(), StandardCharsets.UTF_8);
    }

    Json.JsonObject json() {
      return Json.parseObject(text());
    }

    /// The code of the first error.
    String error() {
      return json().objects("errors").getFirst().string("code", "");
    }

    /// This, if it has that status.
    Answer expect(int... statuses) {
      if (Arrays.stream(statuses).noneMatch(s -> s == status())) {
        throw new AssertionError(
            response.request().method()
                + " "
                + response.request().uri()
                + ": expected "
                + Arrays.toString(statuses)
                + ", got "
                + status()
                + ": "
                + text());
      }
      return this;
    }
  }

  /// Sends a request.
  ///
  /// @param target path and query, or an absolute location
  /// @param headers names and values by turns
  Answer send(String method, String target, byte[] body, String... headers) {
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
    try {
      return new Answer(client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray()));
    } catch (IOException e) {
      throw new AssertionError(method + " " + target + ": " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  Answer get(String target, String... headers) {
    return send("GET", target, new byte[0], headers);
  }

  Answer head(String target, String... headers) {
    return send("HEAD", target, new byte[0], headers);
  }

  Answer delete(String target) {
    return send("DELETE", target, new byte[0]);
  }

  Answer post(String target, byte[] body) {
    return body.length == 0
        ? send("POST", target, body)
        : send("POST", target, body, "Content-Type", "application/octet-stream");
  }

  Answer put(String target, byte[] body) {
    return send("PUT", target, body, "Content-Type", "application/octet-stream");
  }

  Answer chunk(String location, byte[] bytes, long first) {
    return send(
        "PATCH",
        location,
        bytes,
        "Content-Type",
        "application/octet-stream",
        "Content-Range",
        first + "-" + (first + bytes.length - 1));
  }

  /// A manifest of whatever type.
  Answer fetch(String name, String reference) {
    return get(
        "/v2/" + name + "/manifests/" + reference,
        "Accept",
        String.join(
            ", ",
            MANIFEST,
            INDEX,
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.list.v2+json"));
  }

  Answer putManifest(String name, String reference, byte[] manifest, String type) {
    return send("PUT", "/v2/" + name + "/manifests/" + reference, manifest, "Content-Type", type);
  }

  /// Where a new upload goes.
  String begin(String name) {
    return post("/v2/" + name + "/blobs/uploads/", new byte[0]).expect(202).header("Location");
  }

  static String with(String location, String parameter) {
    return location + (location.contains("?") ? "&" : "?") + parameter;
  }

  /// Pushes a blob in two requests; its digest.
  String pushBlob(String name, byte[] bytes) {
    String digest = digest(bytes);
    put(with(begin(name), "digest=" + digest), bytes).expect(201);
    return digest;
  }

  /// Pushes an image with one layer of random bytes under `tag`.
  Image pushImage(String name, String tag) {
    Image image = image(name);
    putManifest(name, tag, image.manifest(), MANIFEST).expect(201);
    return image;
  }

  /// An image whose blobs are pushed and whose manifest is not.
  Image image(String name) {
    byte[] config =
        text("{\"architecture\":\"amd64\",\"os\":\"linux\",\"n\":\"" + random() + "\"}");
    byte[] layer = bytes(1000);
    pushBlob(name, config);
    pushBlob(name, layer);
    Json.JsonObject manifest =
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", MANIFEST)
            .put("config", descriptor(CONFIG, config))
            .put("layers", Json.array().add(descriptor(LAYER, layer)));
    return new Image(text(manifest.text()), config, layer);
  }

  /// What was pushed.
  record Image(byte[] manifest, byte[] config, byte[] layer) {
    String digest() {
      return Distribution.digest(manifest);
    }

    Json.JsonObject json() {
      return Json.parseObject(new String(manifest, StandardCharsets.UTF_8));
    }
  }

  static Json.JsonObject descriptor(String type, byte[] content) {
    return Json.object()
        .put("mediaType", type)
        .put("digest", digest(content))
        .put("size", content.length);
  }

  static Json.JsonObject platform(Json.JsonObject descriptor) {
    return descriptor.put(
        "platform", Json.object().put("os", "linux").put("architecture", "amd64"));
  }

  /// An index of the one image.
  static byte[] index(Image image) {
    return text(
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", INDEX)
            .put("manifests", Json.array().add(platform(descriptor(MANIFEST, image.manifest()))))
            .text());
  }

  static String digest(byte[] bytes) {
    return digest("sha256", "SHA-256", bytes);
  }

  static String digest(String name, String algorithm, byte[] bytes) {
    try {
      return name
          + ":"
          + HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    ThreadLocalRandom.current().nextBytes(bytes);
    return bytes;
  }

  static String random() {
    return Long.toHexString(ThreadLocalRandom.current().nextLong());
  }

  @Override
  public void close() {
    client.close();
  }
}
