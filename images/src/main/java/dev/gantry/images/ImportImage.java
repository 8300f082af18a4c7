package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import dev.gantry.store.ContentStore;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.jspecify.annotations.Nullable;

/// Makes images of root file systems.
final class ImportImage {
  private final Images images;

  ImportImage(Images images) {
    this.images = images;
  }

  /// Makes an image of a root file system in a tar stream, packed or not (POST
  /// /images/create?fromSrc=-).
  ///
  /// @param config the `config` part of the new image
  Image from(
      InputStream tar,
      Json.JsonObject config,
      String comment,
      String created,
      Platform platform,
      @Nullable ImageReference reference) {
    try (ContentStore.Lease lease = images.content().lease();
        InputStream stored = storable(tar)) {
      Digest blob = images.store(stored, lease);
      Images.Layer layer = images.unpack(blob, null, List.of(), lease);
      Json.JsonObject document =
          Json.object()
              .put("architecture", platform.architecture())
              .put("comment", comment)
              .put("config", config)
              .put("created", created)
              .put(
                  "history",
                  Json.array().add(Json.object().put("created", created).put("comment", comment)))
              .put("os", platform.os())
              .put(
                  "rootfs",
                  Json.object()
                      .put("type", "layers")
                      .put("diff_ids", Json.array().add(layer.diffId().toString())));
      if (!platform.variant().isEmpty()) {
        document.put("variant", platform.variant());
      }
      return images.add(
          document.text().getBytes(StandardCharsets.UTF_8),
          List.of(layer),
          null,
          reference == null ? List.of() : List.of(reference));
    } catch (IOException e) {
      throw new Failure.InvalidRequest("could not import: " + e.getMessage(), null, e);
    }
  }

  /// The archive in a form that layers may have.
  private static InputStream storable(InputStream archive) throws IOException {
    BufferedInputStream in = new BufferedInputStream(archive, 128 * 1024);
    Compression form = Compression.of(in);
    return form.isForLayers() ? in : form.unpack(in);
  }

  /// Writes a one-file image whose only program is `program`: the built-in hello-world.
  Image builtIn(Path program, ImageReference reference) {
    try (var bytes = new ByteArrayOutputStream()) {
      writeHello(program, bytes);
      return from(
          new ByteArrayInputStream(bytes.toByteArray()),
          Json.object()
              .put("Cmd", Json.array().add("/hello"))
              .put(
                  "Env",
                  Json.array()
                      .add("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
              .put("WorkingDir", "/"),
          "built into Gantry",
          "2026-01-01T00:00:00Z",
          Platform.here(),
          reference);
    } catch (IOException e) {
      throw new Failure.Internal("the built-in image cannot be made from " + program, e);
    }
  }

  private static void writeHello(Path program, OutputStream out) throws IOException {
    var tar = new TarArchiveOutputStream(out, "UTF-8");
    var entry = new TarArchiveEntry("hello");
    byte[] bytes = Files.readAllBytes(program);
    entry.setSize(bytes.length);
    entry.setMode(0100755);
    entry.setModTime(0);
    tar.putArchiveEntry(entry);
    tar.write(bytes);
    tar.closeArchiveEntry();
    tar.finish();
  }
}
