package dev.gantry.cli;

import dev.gantry.cli.tar.Entry;
import dev.gantry.cli.tar.TarWriter;
import dev.gantry.json.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/// Records of builds as an OCI layout in a tar.
final class HistoryArchive implements AutoCloseable {
  private static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  private static final String RECORD = "application/vnd.buildkit.historyrecord.v0";

  private final TarWriter tar;
  private final Set<String> written = new HashSet<>();
  private final Json.JsonArray manifests = Json.array();

  /// Something that a record names.
  record Part(String type, byte[] bytes) {}

  HistoryArchive(OutputStream out) {
    this.tar = new TarWriter(out);
  }

  void add(byte[] record, List<Part> parts) throws IOException {
    Json.JsonArray layers = Json.array();
    for (Part part : parts) {
      layers.add(blob(part.type(), part.bytes()));
    }
    Json.JsonObject manifest =
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", MANIFEST)
            .put("config", blob(RECORD, record))
            .put("layers", layers);
    manifests.add(blob(MANIFEST, bytes(manifest)));
  }

  private static byte[] bytes(Json json) {
    return json.text().getBytes(StandardCharsets.UTF_8);
  }

  private Json.JsonObject blob(String type, byte[] bytes) throws IOException {
    String hex;
    try {
      hex = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IOException(e);
    }
    if (written.add(hex)) {
      file("blobs/sha256/" + hex, bytes);
    }
    return Json.object()
        .put("mediaType", type)
        .put("digest", "sha256:" + hex)
        .put("size", bytes.length);
  }

  private void file(String name, byte[] bytes) throws IOException {
    tar.add(new Entry(name, '0', 0644, 0, 0, bytes.length, 0, ""), new ByteArrayInputStream(bytes));
  }

  @Override
  public void close() throws IOException {
    file("oci-layout", bytes(Json.object().put("imageLayoutVersion", "1.0.0")));
    file("index.json", bytes(Json.object().put("schemaVersion", 2).put("manifests", manifests)));
    tar.close();
  }
}
