package dev.gantry.integration;

import dev.gantry.testkit.TarBytes;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// An image of one layer, whatever that layer is: well-formed around it, so that readers get to it.
///
/// @param config its configuration; the diff id is right for a layer that is not packed
record HostileImage(byte[] layer, byte[] config) {
  private static final String LAYER = "application/vnd.oci.image.layer.v1.tar";

  static HostileImage of(byte[] layer) {
    String config =
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\","
            + "\"diff_ids\":[\""
            + digest(layer)
            + "\"]}}";
    return new HostileImage(layer, config.getBytes(StandardCharsets.UTF_8));
  }

  private static String digest(byte[] bytes) {
    return "sha256:" + hex(bytes);
  }

  private static String hex(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String descriptor(String type, byte[] content) {
    return "{\"mediaType\":\""
        + type
        + "\",\"digest\":\""
        + digest(content)
        + "\",\"size\":"
        + content.length
        + "}";
  }

  private byte[] manifest() {
    boolean gzip = layer.length > 1 && layer[0] == 0x1f;
    String text =
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
            + "\"config\":"
            + descriptor("application/vnd.oci.image.config.v1+json", config)
            + ",\"layers\":["
            + descriptor(gzip ? LAYER + "+gzip" : LAYER, layer)
            + "]}";
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /// What `docker save` wrote before it knew OCI's layout.
  byte[] dockerLayout(String name) {
    String list =
        "[{\"Config\":\"config.json\",\"RepoTags\":[\"" + name + "\"],\"Layers\":[\"layer.tar\"]}]";
    return new TarBytes()
        .entry('0', "config.json", config)
        .entry('0', "layer.tar", layer)
        .file("manifest.json", list)
        .bytes();
  }

  byte[] ociLayout(String name) {
    byte[] manifest = manifest();
    String index =
        "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1"
            + "+json\",\"digest\":\""
            + digest(manifest)
            + "\",\"size\":"
            + manifest.length
            + ",\"annotations\":{\"io.containerd.image.name\":\""
            + name
            + "\"}}]}";
    return new TarBytes()
        .file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
        .entry('0', "blobs/sha256/" + hex(config), config)
        .entry('0', "blobs/sha256/" + hex(layer), layer)
        .entry('0', "blobs/sha256/" + hex(manifest), manifest)
        .file("index.json", index)
        .bytes();
  }

  /// Puts it into a registry as tag `1`.
  void push(HttpClient client, String address, String repository) throws IOException {
    String base = "http://" + address + "/v2/" + repository;
    try {
      for (byte[] blob : new byte[][] {config, layer}) {
        send(client, "POST", base + "/blobs/uploads/?digest=" + digest(blob), blob, "octet-stream");
      }
      send(client, "PUT", base + "/manifests/1", manifest(), "vnd.oci.image.manifest.v1+json");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static void send(HttpClient client, String method, String url, byte[] body, String type)
      throws IOException, InterruptedException {
    HttpResponse<String> answer =
        client.send(
            HttpRequest.newBuilder(URI.create(url))
                .header("Content-Type", "application/" + type)
                .method(method, HttpRequest.BodyPublishers.ofByteArray(body))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 201) {
      throw new IOException(method + " " + url + ": " + answer.statusCode() + " " + answer.body());
    }
  }
}
