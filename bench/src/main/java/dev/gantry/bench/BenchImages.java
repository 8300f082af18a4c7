package dev.gantry.bench;

import dev.gantry.testkit.Command;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Images made of this machine's own programs and libraries, which pack as those of real images do.
/// A small entry of its own in front of every layer makes each image a new one, without packing
/// everything again: members of gzip, frames of zstd and entries of tar may be put in a row.
final class BenchImages {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final long MAX_FILE = 100L << 20;
  private static final String BLOBS = "blobs/sha256/";

  private record Found(String name, long size) {}

  /// A layer's content, plain and packed.
  ///
  /// @param program that packs; empty for the plain form itself
  record Layer(Path tar, Path packed, String program) {
    Layer plain() {
      return new Layer(tar, tar, "");
    }

    String type() {
      return "application/vnd.oci.image.layer.v1.tar" + (program.isEmpty() ? "" : "+" + program);
    }
  }

  private record Blob(String digest, long size) {}

  private final Path folder;
  private final List<Found> files;

  BenchImages(Path folder) throws IOException {
    this.folder = folder;
    try (Stream<Path> all = Files.walk(Path.of("/usr"))) {
      files =
          all.filter(Files::isRegularFile)
              .filter(f -> !Files.isSymbolicLink(f))
              .map(f -> new Found(f.toString().substring(1), f.toFile().length()))
              .filter(f -> f.size() < MAX_FILE)
              .sorted((a, b) -> a.name().compareTo(b.name()))
              .toList();
    }
  }

  /// A layer of `size` bytes of files, behind the first `from` bytes of them.
  Layer layer(long from, long size, String program) throws IOException {
    List<String> names = new ArrayList<>();
    long at = 0;
    for (Found file : files) {
      if (at >= from && at < from + size) {
        names.add(file.name());
      }
      at += file.size();
    }
    if (at < from + size) {
      throw new IOException("/usr has only " + (at >> 20) + " MB to make images of");
    }
    String name = "layer-" + from + "-" + size;
    Path tar = folder.resolve(name + ".tar");
    if (!Files.exists(tar)) {
      Path list = Files.write(folder.resolve(name + ".list"), names);
      Command.of("tar", "-C", "/", "-cf", tar.toString(), "-T", list.toString())
          .within(LONG)
          .run()
          .succeeded();
    }
    Path packed = folder.resolve(name + ".tar." + program);
    if (!Files.exists(packed)) {
      shell(program + " -c <\"$0\" >\"$1\"", tar, packed);
    }
    return new Layer(tar, packed, program);
  }

  String megabytes(List<Layer> layers) throws IOException {
    long size = 0;
    for (Layer layer : layers) {
      size += Files.size(layer.packed());
    }
    return String.format(Locale.ROOT, "%.0f", size / 1e6);
  }

  /// Writes an image of these layers, unlike all before, as an OCI layout with the tag 1.
  Path layout(List<Layer> layers) throws IOException {
    Path layout = folder.resolve("layout");
    Content content = content(layers, layout);
    String descriptors =
        content.layers().stream().map(BenchImages::descriptor).collect(Collectors.joining(","));
    String manifest =
        """
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
        "config":%s,"layers":[%s]}"""
            .formatted(
                descriptor(new Typed("application/vnd.oci.image.config.v1+json", content.config())),
                descriptors);
    Blob blob = write(layout, manifest);
    Files.writeString(layout.resolve("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
    Files.writeString(
        layout.resolve("index.json"),
        """
        {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",\
        "digest":"sha256:%s","size":%d,\
        "annotations":{"org.opencontainers.image.ref.name":"1"}}]}"""
            .formatted(blob.digest(), blob.size()));
    return layout;
  }

  /// Writes such an image as an archive that `docker save` could have written.
  void archive(List<Layer> layers, String name, Path file) throws IOException {
    Path layout = folder.resolve("layout");
    Content content = content(layers, layout);
    String paths =
        content.layers().stream()
            .map(l -> '"' + BLOBS + l.blob().digest() + '"')
            .collect(Collectors.joining(","));
    Files.writeString(
        layout.resolve("manifest.json"),
        "[{\"Config\":\"%s\",\"RepoTags\":[\"%s\"],\"Layers\":[%s]}]"
            .formatted(BLOBS + content.config().digest(), name, paths));
    Command.of("tar", "-C", layout.toString(), "-cf", file.toString(), "blobs", "manifest.json")
        .within(LONG)
        .run()
        .succeeded();
    Command.of("rm", "-rf", layout.toString()).within(LONG).run();
  }

  private record Typed(String type, Blob blob) {}

  private record Content(Blob config, List<Typed> layers) {}

  /// Writes the layers and the configuration.
  private Content content(List<Layer> layers, Path layout) throws IOException {
    Files.createDirectories(layout.resolve(BLOBS));
    List<Typed> blobs = new ArrayList<>();
    List<String> diffIds = new ArrayList<>();
    Path prefix = folder.resolve("prefix.tar");
    Path own = folder.resolve("prefix.packed");
    for (Layer layer : layers) {
      writePrefix(prefix);
      diffIds.add("\"sha256:" + digest(prefix, layer.tar()) + '"');
      Path first = prefix;
      if (!layer.program().isEmpty()) {
        shell(layer.program() + " -c <\"$0\" >\"$1\"", prefix, own);
        first = own;
      }
      Blob blob =
          new Blob(digest(first, layer.packed()), Files.size(first) + Files.size(layer.packed()));
      shell(
          "cat \"$0\" \"$1\" >\"$2\"",
          first,
          layer.packed(),
          layout.resolve(BLOBS + blob.digest()));
      blobs.add(new Typed(layer.type(), blob));
    }
    String config =
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},"
            + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["
            + String.join(",", diffIds)
            + "]}}";
    return new Content(write(layout, config), blobs);
  }

  /// One entry, of 1024 bytes, without the archive's end.
  private void writePrefix(Path file) throws IOException {
    Path unique = folder.resolve("unique");
    Files.writeString(unique, Long.toString(System.nanoTime()));
    byte[] archive =
        Command.of("tar", "-C", folder.toString(), "-c", "unique").run().succeeded().bytes();
    Files.write(file, Arrays.copyOf(archive, 1024));
  }

  private static String descriptor(Typed t) {
    return "{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%d}"
        .formatted(t.type(), t.blob().digest(), t.blob().size());
  }

  private static Blob write(Path layout, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    Path file = Files.write(layout.resolve("new"), bytes);
    Blob blob = new Blob(digest(file), bytes.length);
    Files.move(file, layout.resolve(BLOBS + blob.digest()));
    return blob;
  }

  private static void shell(String script, Path... arguments) {
    List<String> words = new ArrayList<>(List.of("sh", "-c", script));
    for (Path argument : arguments) {
      words.add(argument.toString());
    }
    Command.of(words).within(LONG).run().succeeded();
  }

  private static String digest(Path... files) throws IOException {
    try {
      MessageDigest hasher = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[256 * 1024];
      for (Path file : files) {
        try (InputStream in = Files.newInputStream(file)) {
          for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
            hasher.update(buffer, 0, n);
          }
        }
      }
      return HexFormat.of().formatHex(hasher.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
