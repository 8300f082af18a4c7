package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.base.Undo;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.json.JsonWriter;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.store.ContentStore;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/// Images as one tar: Docker's layout (`manifest.json`) and the OCI layout (`index.json`), which a
/// saved archive is both of at once.
public final class ImageArchive {
  private static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  private static final String CONFIG = "application/vnd.oci.image.config.v1+json";
  private static final long MAX_DOCUMENT = 16 << 20;

  /// An image that came in, and the names it came under.
  public record Loaded(Image image, List<String> names) {}

  private final Images images;

  public ImageArchive(Images images) {
    this.images = images;
  }

  // ---- load

  /// Loads every image of the archive, packed or not.
  public List<Loaded> load(InputStream archive) {
    Map<String, Digest> files = new HashMap<>();
    try (Undo undo = new Undo()) {
      BufferedInputStream raw = new BufferedInputStream(archive, 128 * 1024);
      TarArchiveInputStream tar =
          new TarArchiveInputStream(Compression.of(raw).unpack(raw), "UTF-8");
      Map<String, String> links = new HashMap<>();
      for (TarArchiveEntry e = tar.getNextEntry(); e != null; e = tar.getNextEntry()) {
        String name = e.getName().startsWith("./") ? e.getName().substring(2) : e.getName();
        if (e.isSymbolicLink()) {
          // old archives link equal layers: ../OTHER/layer.tar
          links.put(name, e.getLinkName().replaceFirst("^\\.\\./", ""));
        } else if (e.isFile()) {
          files.put(name, store(tar));
        }
      }
      links.forEach(
          (from, to) -> {
            if (files.containsKey(to)) files.put(from, files.get(to));
          });
      List<Loaded> loaded =
          files.containsKey("manifest.json")
              ? loadDocker(files, undo)
              : files.containsKey("index.json") ? loadOci(files, undo) : unknown();
      undo.commit();
      forgetUnused(files.values());
      return loaded;
    } catch (IOException | JsonException | IllegalArgumentException e) {
      throw new Failure.InvalidRequest(
          "the archive is not an image archive: " + e.getMessage(), null, e);
    }
  }

  private static List<Loaded> unknown() {
    throw new Failure.InvalidRequest(
        "the archive is not an image archive: it has neither manifest.json nor index.json");
  }

  private Digest store(InputStream in) throws IOException {
    try (ContentStore.Ingest ingest = images.content().ingest()) {
      in.transferTo(ingest.out());
      return ingest.commit();
    }
  }

  /// What the archive held beside the images (its own manifests) is not kept.
  private void forgetUnused(Iterable<Digest> blobs) {
    Set<Digest> used = new LinkedHashSet<>();
    for (Image i : images.list()) {
      used.add(i.id());
      used.addAll(i.layers());
    }
    for (Digest blob : blobs) {
      if (!used.contains(blob)) {
        images.content().remove(blob);
      }
    }
  }

  private byte[] read(Digest digest) {
    if (images.content().size(digest) > MAX_DOCUMENT) {
      throw new Failure.TooLarge("a document of the archive is over 16 MiB");
    }
    return images
        .content()
        .read(digest)
        .orElseThrow(() -> new Failure.InvalidRequest("the archive lacks " + digest));
  }

  private Json parse(Digest digest) {
    return Json.parse(new String(read(digest), StandardCharsets.UTF_8));
  }

  private static Digest file(Map<String, Digest> files, String name) {
    Digest digest = files.get(name);
    if (digest == null) {
      throw new Failure.InvalidRequest("the archive lacks the file " + name);
    }
    return digest;
  }

  private List<Loaded> loadDocker(Map<String, Digest> files, Undo undo) throws IOException {
    List<Loaded> loaded = new ArrayList<>();
    Json.JsonObject wrapper = Json.object().put("items", parse(file(files, "manifest.json")));
    for (Json.JsonObject entry : wrapper.objects("items")) {
      List<Digest> layers = new ArrayList<>();
      for (String layer : entry.strings("Layers")) {
        layers.add(file(files, layer));
      }
      loaded.add(
          add(
              read(file(files, entry.string("Config", ""))),
              layers,
              entry.strings("RepoTags"),
              undo));
    }
    return loaded;
  }

  private List<Loaded> loadOci(Map<String, Digest> files, Undo undo) throws IOException {
    List<Loaded> loaded = new ArrayList<>();
    if (!(parse(file(files, "index.json")) instanceof Json.JsonObject index)) {
      return unknown();
    }
    for (Json.JsonObject descriptor : index.objects("manifests")) {
      Json.JsonObject manifest = manifest(files, descriptor);
      List<Digest> layers = new ArrayList<>();
      for (Json.JsonObject layer : manifest.objects("layers")) {
        layers.add(blob(files, layer));
      }
      String name =
          descriptor
              .object("annotations")
              .flatMap(
                  a ->
                      a.string("io.containerd.image.name")
                          .or(() -> a.string("org.opencontainers.image.ref.name")))
              .orElse("");
      Json.JsonObject config = manifest.object("config").orElseGet(Json::object);
      loaded.add(
          add(
              read(blob(files, config)),
              layers,
              name.contains(":") ? List.of(name) : List.of(),
              undo));
    }
    return loaded;
  }

  private Json.JsonObject manifest(Map<String, Digest> files, Json.JsonObject descriptor) {
    if (!(parse(blob(files, descriptor)) instanceof Json.JsonObject document)) {
      throw new Failure.InvalidRequest("the archive's manifest is no object");
    }
    List<Json.JsonObject> inner = document.objects("manifests");
    if (inner.isEmpty()) {
      return document;
    }
    String here = Images.architectureHere();
    return inner.stream()
        .filter(
            m ->
                m.object("platform")
                    .map(p -> p.string("architecture", "").equals(here))
                    .orElse(false))
        .findFirst()
        .map(m -> manifest(files, m))
        .orElseThrow(
            () -> new Failure.InvalidRequest("the archive has no image for linux/" + here));
  }

  private static Digest blob(Map<String, Digest> files, Json.JsonObject descriptor) {
    Digest digest = Digest.parse(descriptor.string("digest", ""));
    Digest stored = file(files, "blobs/sha256/" + digest.hex());
    if (!stored.equals(digest)) {
      throw new Failure.Corrupted("the archive's blob " + digest + " holds other content");
    }
    return digest;
  }

  private Loaded add(byte[] config, List<Digest> layers, List<String> names, Undo undo)
      throws IOException {
    Json.JsonObject document = Json.parseObject(new String(config, StandardCharsets.UTF_8));
    List<String> diffIds =
        document.object("rootfs").map(r -> r.strings("diff_ids")).orElse(List.of());
    if (diffIds.size() != layers.size()) {
      throw new Failure.InvalidRequest(
          "the image's configuration names "
              + diffIds.size()
              + " layers, the archive has "
              + layers.size());
    }
    List<Images.Unpacked> unpacked = new ArrayList<>();
    Digest below = null;
    for (int i = 0; i < layers.size(); i++) {
      Digest expected = Digest.parse(diffIds.get(i));
      unpacked.add(images.unpack(layers.get(i), expected, below, undo));
      below = below == null ? expected : Digest.chain(below, expected);
    }
    List<String> familiar = new ArrayList<>();
    Image image = images.add(config, unpacked, null);
    for (String name : names) {
      ImageReference reference = ImageReference.parse(name).withDefaultTag();
      images.tag(image.id(), reference);
      familiar.add(reference.familiar());
    }
    return new Loaded(images.byId(image.id()).orElse(image), familiar);
  }

  // ---- save

  /// Writes the images that `names` call; a name that is no id is kept in the archive.
  public void save(List<String> names, OutputStream out) throws IOException {
    TarArchiveOutputStream tar = new TarArchiveOutputStream(out, "UTF-8");
    tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
    tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
    Map<Image, List<ImageReference>> wanted = new java.util.LinkedHashMap<>();
    for (String name : names) {
      Image image = images.require(name);
      boolean byId = image.id().hex().startsWith(name.replace("sha256:", ""));
      List<ImageReference> tags = wanted.computeIfAbsent(image, i -> new ArrayList<>());
      if (!byId) {
        tags.add(ImageReference.parse(name).withDefaultTag());
      }
    }
    Set<Digest> written = new LinkedHashSet<>();
    Json.JsonArray manifests = Json.array();
    Json.JsonArray docker = Json.array();
    for (Map.Entry<Image, List<ImageReference>> entry : wanted.entrySet()) {
      save(tar, entry.getKey(), entry.getValue(), written, manifests, docker);
    }
    write(
        tar,
        "index.json",
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", "application/vnd.oci.image.index.v1+json")
            .put("manifests", manifests));
    write(tar, "manifest.json", docker);
    write(tar, "oci-layout", Json.object().put("imageLayoutVersion", "1.0.0"));
    tar.finish();
  }

  private void save(
      TarArchiveOutputStream tar,
      Image image,
      List<ImageReference> tags,
      Set<Digest> written,
      Json.JsonArray manifests,
      Json.JsonArray docker)
      throws IOException {
    Json.JsonArray layers = Json.array();
    Json.JsonArray paths = Json.array();
    for (Digest layer : image.layers()) {
      copy(tar, layer, written);
      layers.add(descriptor(mediaType(layer), layer, images.content().size(layer)));
      paths.add("blobs/sha256/" + layer.hex());
    }
    copy(tar, image.id(), written);
    byte[] manifest =
        JsonWriter.plain(
                Json.object()
                    .put("schemaVersion", 2)
                    .put("mediaType", MANIFEST)
                    .put(
                        "config", descriptor(CONFIG, image.id(), images.content().size(image.id())))
                    .put("layers", layers))
            .getBytes(StandardCharsets.UTF_8);
    Digest digest = Digest.of(manifest);
    if (written.add(digest)) {
      entry(tar, "blobs/sha256/" + digest.hex(), manifest);
    }
    Json.JsonArray names = Json.array();
    for (ImageReference tag : tags) {
      names.add(tag.familiar());
      manifests.add(
          descriptor(MANIFEST, digest, manifest.length)
              .put(
                  "annotations",
                  Json.object()
                      .put("io.containerd.image.name", tag.toString())
                      .put("org.opencontainers.image.ref.name", tag.tagIfAny().orElse("latest"))));
    }
    if (tags.isEmpty()) {
      manifests.add(descriptor(MANIFEST, digest, manifest.length));
    }
    docker.add(
        Json.object()
            .put("Config", "blobs/sha256/" + image.id().hex())
            .put("RepoTags", names.isEmpty() ? Json.NULL : names)
            .put("Layers", paths));
  }

  private String mediaType(Digest layer) throws IOException {
    try (BufferedInputStream in =
        new BufferedInputStream(Files.newInputStream(images.content().path(layer)))) {
      return Compression.of(in).layerType();
    }
  }

  private static Json.JsonObject descriptor(String type, Digest digest, long size) {
    return Json.object().put("mediaType", type).put("digest", digest.toString()).put("size", size);
  }

  private void copy(TarArchiveOutputStream tar, Digest digest, Set<Digest> written)
      throws IOException {
    if (!written.add(digest)) {
      return;
    }
    TarArchiveEntry entry = new TarArchiveEntry("blobs/sha256/" + digest.hex());
    entry.setSize(images.content().size(digest));
    entry.setModTime(0);
    tar.putArchiveEntry(entry);
    Files.copy(images.content().path(digest), tar);
    tar.closeArchiveEntry();
  }

  private static void write(TarArchiveOutputStream tar, String name, Json json) throws IOException {
    entry(tar, name, JsonWriter.plain(json).getBytes(StandardCharsets.UTF_8));
  }

  private static void entry(TarArchiveOutputStream tar, String name, byte[] bytes)
      throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(bytes.length);
    entry.setModTime(0);
    tar.putArchiveEntry(entry);
    tar.write(bytes);
    tar.closeArchiveEntry();
  }
}
