package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.MediaTypes;
import dev.gantry.oci.Platform;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/// Writes images as one tar that is Docker's layout (`manifest.json`) and the OCI layout
/// (`index.json`) at once. Layers go out as they came in, packed or not, so that digests stay.
public final class ImageExport {
  private final Images images;
  private final TarArchiveOutputStream tar;
  private final Set<Digest> written = new HashSet<>();
  private final Set<String> folders = new HashSet<>();
  private final Json.JsonArray index = Json.array();
  private final Json.JsonArray docker = Json.array();
  private final Json.JsonObject repositories = Json.object();
  private Optional<Descriptor> root = Optional.empty();
  private Map<String, String> said = Map.of();
  private boolean asDocker = true;

  private ImageExport(Images images, OutputStream out) {
    this.images = images;
    this.tar = new TarArchiveOutputStream(out, "UTF-8");
    tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
    tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
  }

  /// Writes the images that `names` call; a name that is no id is kept in the archive. A repository
  /// without a tag stands for all its tags.
  ///
  /// @param platforms which platforms of each name, the first of them in Docker's layout; empty for
  ///   all that are here, of which this machine's is the one in Docker's layout
  public static void write(
      Images images, List<String> names, List<Platform> platforms, OutputStream out)
      throws IOException {
    Map<Digest, List<ImageReference>> wanted = new LinkedHashMap<>();
    for (String name : names) {
      Image image =
          images.find(name, platforms.stream().findFirst()).orElseGet(() -> images.require(name));
      List<ImageReference> tags = wanted.computeIfAbsent(image.id(), i -> new ArrayList<>());
      if (!image.id().hex().startsWith(name.replace("sha256:", ""))) {
        ImageReference tag = ImageReference.parse(name).withDefaultTag();
        if (tag.digestIfAny().isEmpty() && !tags.contains(tag)) {
          tags.add(tag);
        }
      }
    }
    ImageExport export = new ImageExport(images, out);
    for (Map.Entry<Digest, List<ImageReference>> entry : wanted.entrySet()) {
      export.add(images.require(entry.getKey().toString()), entry.getValue(), platforms);
    }
    export.finish();
  }

  /// Writes one image under names that it need not have here.
  ///
  /// @param root the index that it goes out with, or its manifest; what is said of either goes
  ///   along
  /// @param docker whether Docker's layout is there too
  public static void write(
      Images images,
      Image image,
      Optional<Descriptor> root,
      List<ImageReference> names,
      boolean docker,
      OutputStream out)
      throws IOException {
    ImageExport export = new ImageExport(images, out);
    export.asDocker = docker;
    export.said = root.map(Descriptor::annotations).orElse(Map.of());
    export.root = root.filter(r -> r.mediaType().equals(MediaTypes.INDEX));
    export.add(image, names, export.root.isPresent() ? List.of() : List.of(image.platform()));
    export.finish();
  }

  private void finish() throws IOException {
    entry(
        "index.json",
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", MediaTypes.INDEX)
            .put("manifests", index.isEmpty() ? Json.NULL : index));
    if (asDocker) {
      entry("manifest.json", docker.isEmpty() ? Json.NULL : docker);
    }
    entry("oci-layout", Json.object().put("imageLayoutVersion", "1.0.0"));
    if (asDocker && !repositories.isEmpty()) {
      entry("repositories", repositories);
    }
    tar.finish();
  }

  private Map<String, String> annotations(ImageReference tag, String label) {
    Map<String, String> all = new TreeMap<>(said);
    all.put("io.containerd.image.name", tag.toString());
    all.put("org.opencontainers.image.ref.name", label);
    return all;
  }

  private void add(Image image, List<ImageReference> tags, List<Platform> platforms)
      throws IOException {
    Descriptor descriptor = content(image).withPlatform(image.platform());
    Json.JsonArray paths = Json.array();
    layers(image).forEach(layer -> paths.add(path(layer.digest())));
    Json.JsonArray names = Json.array();
    for (ImageReference tag : tags) {
      names.add(tag.familiar());
      String label = tag.tagIfAny().orElse("latest");
      index.add(
          (platforms.size() == 1 ? Optional.<Descriptor>empty() : index(tag, platforms))
              .orElse(descriptor)
              .withAnnotations(annotations(tag, label))
              .json());
      Json.JsonObject known = repositories.object(tag.familiarName()).orElseGet(Json::object);
      repositories.put(tag.familiarName(), known.put(label, image.id().hex()));
    }
    if (tags.isEmpty()) {
      index.add(
          (platforms.isEmpty()
                  ? whole(root.isPresent() ? ofRoot() : LocalIndex.of(images, image))
                  : Optional.<Descriptor>empty())
              .orElse(descriptor)
              .json());
    }
    docker.add(
        Json.object()
            .put("Config", path(image.id()))
            .put("RepoTags", names.isEmpty() ? Json.NULL : names)
            .put("Layers", paths));
  }

  private List<Descriptor> layers(Image image) throws IOException {
    return ((Manifest) ManifestDocument.parse(manifestOf(images, image), "")).layers();
  }

  /// Writes the image's manifest and all that it names.
  private Descriptor content(Image image) throws IOException {
    byte[] bytes = manifestOf(images, image);
    for (Descriptor layer : layers(image)) {
      copy(layer.digest());
    }
    copy(image.id());
    return document(bytes, ManifestDocument.parse(bytes, "").mediaType());
  }

  private Descriptor document(byte[] bytes, String mediaType) throws IOException {
    Digest digest = Digest.of(bytes);
    if (written.add(digest)) {
      folder(digest);
      entry(path(digest), bytes);
    }
    return new Descriptor(mediaType, digest, bytes.length);
  }

  /// Writes those platforms of a name that came by an index, and the index.
  private Optional<Descriptor> index(ImageReference tag, List<Platform> platforms)
      throws IOException {
    return whole(root.isPresent() ? ofRoot() : LocalIndex.of(images, tag, platforms));
  }

  private Optional<LocalIndex> ofRoot() {
    return root.flatMap(r -> images.content().read(r.digest()))
        .flatMap(document -> LocalIndex.of(images, document));
  }

  private Optional<Descriptor> whole(Optional<LocalIndex> local) throws IOException {
    if (local.isEmpty()) {
      return Optional.empty();
    }
    for (Image image : local.get().images()) {
      content(image);
    }
    for (Attachments.Attachment attachment : local.get().attachments()) {
      for (Descriptor blob : attachment.blobs()) {
        copy(blob.digest());
      }
      Descriptor ignored = document(attachment.bytes(), attachment.manifest().mediaType());
    }
    return Optional.of(document(local.get().bytes(), local.get().mediaType()));
  }

  /// The manifest that the image came with, or a new one of what is here.
  static byte[] manifestOf(Images images, Image image) throws IOException {
    var known = images.manifest(image);
    if (known.isPresent()) {
      return known.get();
    }
    List<Descriptor> layers = new ArrayList<>();
    for (Digest layer : image.layers()) {
      layers.add(new Descriptor(mediaType(images, layer), layer, images.content().size(layer)));
    }
    Manifest manifest =
        new Manifest(
            MediaTypes.MANIFEST,
            "",
            new Descriptor(MediaTypes.CONFIG, image.id(), images.content().size(image.id())),
            layers,
            null,
            Map.of());
    return JsonWriter.plain(manifest.json()).getBytes(StandardCharsets.UTF_8);
  }

  private static String mediaType(Images images, Digest layer) throws IOException {
    try (BufferedInputStream in =
        new BufferedInputStream(Files.newInputStream(images.content().path(layer)))) {
      return Compression.of(in).layerType();
    }
  }

  private static String path(Digest digest) {
    return "blobs/" + digest.algorithm() + "/" + digest.hex();
  }

  private void folder(Digest digest) throws IOException {
    for (String name : List.of("blobs/", "blobs/" + digest.algorithm() + "/")) {
      if (folders.add(name)) {
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setModTime(0);
        tar.putArchiveEntry(entry);
        tar.closeArchiveEntry();
      }
    }
  }

  private void copy(Digest digest) throws IOException {
    if (!written.add(digest)) {
      return;
    }
    folder(digest);
    TarArchiveEntry entry = new TarArchiveEntry(path(digest));
    entry.setSize(images.content().size(digest));
    entry.setModTime(0);
    tar.putArchiveEntry(entry);
    java.security.MessageDigest hasher = digest.newHasher();
    try (var in =
        new java.security.DigestInputStream(
            Files.newInputStream(images.content().path(digest)), hasher)) {
      in.transferTo(tar);
    }
    if (!Digest.of(hasher).equals(digest)) {
      throw new Failure.Corrupted(
          "the content " + digest + " is damaged: pull or load its image again");
    }
    tar.closeArchiveEntry();
  }

  private void entry(String name, Json json) throws IOException {
    entry(name, JsonWriter.plain(json).getBytes(StandardCharsets.UTF_8));
  }

  private void entry(String name, byte[] bytes) throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(bytes.length);
    entry.setModTime(0);
    tar.putArchiveEntry(entry);
    tar.write(bytes);
    tar.closeArchiveEntry();
  }
}
