package dev.gantry.conformance.registry;

import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// OCI image layouts written by hand.
final class Layout {
  private static final int BLOCK = 512;

  private Layout() {}

  /// An index of two images, for amd64 and arm64, under the name `tag`.
  static Path twoPlatforms(Path folder, String tag) throws IOException {
    Files.createDirectories(folder.resolve("blobs/sha256"));
    Json.JsonArray manifests = Json.array();
    for (String architecture : new String[] {"amd64", "arm64"}) {
      byte[] layer = tar("file", "for " + architecture);
      byte[] config =
          text(
              Json.object()
                  .put("architecture", architecture)
                  .put("os", "linux")
                  .put(
                      "rootfs",
                      Json.object()
                          .put("type", "layers")
                          .put("diff_ids", Json.array().add(Distribution.digest(layer)))));
      Json.JsonObject manifest =
          Json.object()
              .put("schemaVersion", 2)
              .put("mediaType", Distribution.MANIFEST)
              .put("config", put(folder, Distribution.CONFIG, config))
              .put("layers", Json.array().add(put(folder, Distribution.LAYER, layer)));
      manifests.add(
          put(folder, Distribution.MANIFEST, text(manifest))
              .put("platform", Json.object().put("os", "linux").put("architecture", architecture)));
    }
    Json.JsonObject index =
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", Distribution.INDEX)
            .put("manifests", manifests);
    Json.JsonObject named =
        put(folder, Distribution.INDEX, text(index))
            .put("annotations", Json.object().put("org.opencontainers.image.ref.name", tag));
    Files.write(
        folder.resolve("index.json"),
        text(Json.object().put("schemaVersion", 2).put("manifests", Json.array().add(named))));
    Files.writeString(folder.resolve("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
    return folder;
  }

  private static byte[] text(Json json) {
    return json.text().getBytes(StandardCharsets.UTF_8);
  }

  private static Json.JsonObject put(Path folder, String type, byte[] content) throws IOException {
    String hex = Distribution.digest(content).substring("sha256:".length());
    Files.write(folder.resolve("blobs/sha256").resolve(hex), content);
    return Distribution.descriptor(type, content);
  }

  /// A ustar archive with one small file.
  private static byte[] tar(String name, String content) {
    byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
    byte[] tar = new byte[BLOCK * 4];
    field(tar, 0, name);
    field(tar, 100, "0000644");
    field(tar, 108, "0000000");
    field(tar, 116, "0000000");
    field(tar, 124, String.format("%011o", bytes.length));
    field(tar, 136, "00000000000");
    Arrays.fill(tar, 148, 156, (byte) ' ');
    tar[156] = '0';
    field(tar, 257, "ustar");
    field(tar, 263, "00");
    int sum = 0;
    for (int i = 0; i < BLOCK; i++) {
      sum += tar[i] & 0xff;
    }
    field(tar, 148, String.format("%06o", sum) + "\0 ");
    System.arraycopy(bytes, 0, tar, BLOCK, bytes.length);
    return tar;
  }

  private static void field(byte[] tar, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, tar, at, bytes.length);
  }
}
