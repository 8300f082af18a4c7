package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.base.Undo;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.store.ContentStore;
import dev.gantry.store.Journal;
import dev.gantry.store.Journal.Change;
import dev.gantry.store.Snapshots;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// The images of this engine: what is here, under which names, and their unpacked layers.
///
/// The journal's table `images` has a record for each image (layers, size), `tags` one for each
/// name; the configurations and layers are in the content store. Thread-safe.
public final class Images {
  private static final String IMAGES = "images";
  private static final String TAGS = "tags";

  private final Journal journal;
  private final ContentStore content;
  private final Snapshots snapshots;
  private final Map<Digest, Image> loaded = new ConcurrentHashMap<>();

  public Images(Journal journal, ContentStore content, Snapshots snapshots) {
    this.journal = journal;
    this.content = content;
    this.snapshots = snapshots;
  }

  public ContentStore content() {
    return content;
  }

  public Snapshots snapshots() {
    return snapshots;
  }

  // ---- looking up

  /// Every image.
  public List<Image> list() {
    List<Image> images = new ArrayList<>();
    for (String id : journal.table(IMAGES).keySet()) {
      byId(Digest.parse(id)).ifPresent(images::add);
    }
    return images;
  }

  /// The image with the id `id`.
  public Optional<Image> byId(Digest id) {
    Optional<Json.JsonObject> record = journal.get(IMAGES, id.toString());
    if (record.isEmpty()) {
      loaded.remove(id);
      return Optional.empty();
    }
    Image image = loaded.computeIfAbsent(id, i -> read(i, record.get()));
    return Optional.of(
        new Image(
            image.id(), image.document(), image.diffIds(), image.layers(), image.size(), tags(id)));
  }

  private Image read(Digest id, Json.JsonObject record) {
    byte[] document =
        content
            .read(id)
            .orElseThrow(
                () -> new Failure.Corrupted("the configuration of image " + id + " is missing"));
    Json.JsonObject config = Json.parseObject(new String(document, StandardCharsets.UTF_8));
    return new Image(
        id,
        config,
        record.strings("DiffIds").stream().map(Digest::parse).toList(),
        record.strings("Layers").stream().map(Digest::parse).toList(),
        record.number("Size", 0),
        List.of());
  }

  private List<String> tags(Digest id) {
    List<String> names = new ArrayList<>();
    journal
        .table(TAGS)
        .forEach(
            (name, record) -> {
              if (record.string("Id", "").equals(id.toString())) {
                names.add(name);
              }
            });
    return names;
  }

  /// Finds an image by what users call it: a name, an id with or without `sha256:`, or the
  /// beginning of an id.
  public Optional<Image> find(String text) {
    String hex = text.startsWith("sha256:") ? text.substring(7) : text;
    if (hex.matches("[0-9a-f]{64}")) {
      return byId(new Digest(hex));
    }
    if (!text.startsWith("sha256:")) {
      Optional<Image> named = named(ImageReference.parse(text).withDefaultTag());
      if (named.isPresent()) {
        return named;
      }
    }
    if (!hex.matches("[0-9a-f]{4,63}")) {
      return Optional.empty();
    }
    List<String> matches =
        journal.table(IMAGES).keySet().stream()
            .filter(id -> id.startsWith("sha256:" + hex))
            .toList();
    if (matches.size() > 1) {
      throw new Failure.InvalidRequest("multiple IDs found with provided prefix: " + hex);
    }
    return matches.isEmpty() ? Optional.empty() : byId(Digest.parse(matches.getFirst()));
  }

  private Optional<Image> named(ImageReference reference) {
    return journal
        .get(TAGS, reference.toString())
        .flatMap(record -> byId(Digest.parse(record.string("Id", ""))));
  }

  /// As [#find], with Docker's error where there is none.
  public Image require(String text) {
    return find(text)
        .orElseThrow(
            () -> {
              boolean id = text.startsWith("sha256:");
              String name = id ? text : ImageReference.parse(text).withDefaultTag().familiar();
              return new Failure.NotFound("No such image: " + name);
            });
  }

  // ---- names

  /// Points `reference` to the image.
  public void tag(Digest id, ImageReference reference) {
    journal.commit(Change.put(TAGS, reference.toString(), Json.object().put("Id", id.toString())));
  }

  /// What became of a removal: names taken away, and ids removed.
  public record Removed(List<String> untagged, List<String> deleted) {}

  /// Takes the name `reference` away and, with the last name, the image.
  public Removed untag(ImageReference reference) {
    Image image =
        named(reference)
            .orElseThrow(() -> new Failure.NotFound("No such image: " + reference.familiar()));
    if (image.tags().size() > 1) {
      journal.commit(Change.remove(TAGS, reference.toString()));
      return new Removed(List.of(reference.familiar()), List.of());
    }
    return remove(image);
  }

  /// Removes the image with all its names and the layers that no other image has.
  public Removed remove(Image image) {
    List<Change> changes = new ArrayList<>();
    List<String> untagged = new ArrayList<>();
    for (String tag : image.tags()) {
      changes.add(Change.remove(TAGS, tag));
      untagged.add(ImageReference.parse(tag).familiar());
    }
    changes.add(Change.remove(IMAGES, image.id().toString()));
    journal.commit(changes.toArray(Change[]::new));
    loaded.remove(image.id());
    List<String> deleted = new ArrayList<>();
    deleted.add(image.id().toString());
    Set<Digest> chains = new HashSet<>();
    Set<Digest> blobs = new HashSet<>();
    for (Image other : list()) {
      chains.addAll(chains(other.diffIds()));
      blobs.addAll(other.layers());
      blobs.add(other.id());
    }
    for (Digest chain : chains(image.diffIds()).reversed()) {
      if (!chains.contains(chain)) {
        snapshots.removeLayer(chain);
        deleted.add(chain.toString());
      }
    }
    for (Digest blob : image.layers()) {
      if (!blobs.contains(blob)) {
        content.remove(blob);
      }
    }
    content.remove(image.id());
    return new Removed(untagged, deleted);
  }

  /// The chain ids of layers, the lowest first.
  public static List<Digest> chains(List<Digest> diffIds) {
    List<Digest> chains = new ArrayList<>();
    for (Digest diff : diffIds) {
      chains.add(chains.isEmpty() ? diff : Digest.chain(chains.getLast(), diff));
    }
    return chains;
  }

  // ---- coming in

  /// A layer that has been unpacked.
  record Unpacked(Digest diffId, Digest blob, long size) {}

  /// Makes an image of a root file system in a tar stream, packed or not (POST
  /// /images/create?fromSrc=-).
  ///
  /// @param config the `config` part of the new image
  public Image importRoot(
      InputStream tar,
      Json.JsonObject config,
      String comment,
      String created,
      @Nullable ImageReference reference) {
    try (Undo undo = new Undo()) {
      Digest blob = store(tar);
      undo.on(() -> content.remove(blob));
      Unpacked layer = unpack(blob, null, undo);
      Json.JsonObject document =
          Json.object()
              .put("architecture", architectureHere())
              .put("comment", comment)
              .put("config", config)
              .put("created", created)
              .put(
                  "history",
                  Json.array().add(Json.object().put("created", created).put("comment", comment)))
              .put("os", "linux")
              .put(
                  "rootfs",
                  Json.object()
                      .put("type", "layers")
                      .put("diff_ids", Json.array().add(layer.diffId().toString())));
      Image image =
          add(document.text().getBytes(StandardCharsets.UTF_8), List.of(layer), reference);
      undo.commit();
      return image;
    } catch (IOException e) {
      throw new Failure.InvalidRequest("could not import: " + e.getMessage(), null, e);
    }
  }

  /// Makes an image of `base`'s layers and one more.
  ///
  /// @param layer a file with the new layer's tar stream
  /// @param document the configuration, given the new layer's diff id
  public Image extend(
      Optional<Image> base,
      Path layer,
      java.util.function.Function<Digest, Json.JsonObject> document,
      @Nullable ImageReference reference) {
    try (Undo undo = new Undo();
        InputStream tar = java.nio.file.Files.newInputStream(layer)) {
      List<Unpacked> layers = new ArrayList<>();
      base.ifPresent(
          b -> {
            for (int i = 0; i < b.diffIds().size(); i++) {
              // the base's size is known as a whole only
              layers.add(
                  new Unpacked(b.diffIds().get(i), b.layers().get(i), i == 0 ? b.size() : 0));
            }
          });
      Digest below =
          base.map(b -> chains(b.diffIds()))
              .filter(c -> !c.isEmpty())
              .map(List::getLast)
              .orElse(null);
      Digest blob = store(tar);
      undo.on(() -> content.remove(blob));
      Unpacked added = unpack(blob, null, below, undo);
      layers.add(added);
      Image image =
          add(
              document.apply(added.diffId()).text().getBytes(StandardCharsets.UTF_8),
              layers,
              reference);
      undo.commit();
      return image;
    } catch (IOException e) {
      throw new Failure.Internal("could not make the image: " + e.getMessage(), e);
    }
  }

  static String architectureHere() {
    return System.getProperty("os.arch", "amd64").equals("aarch64") ? "arm64" : "amd64";
  }

  private Digest store(InputStream in) throws IOException {
    try (ContentStore.Ingest ingest = content.ingest()) {
      in.transferTo(ingest.out());
      return ingest.commit();
    }
  }

  /// Unpacks a stored layer on top of `below` unless that was done before.
  ///
  /// @param expected the diff id that the image's configuration claims
  Unpacked unpack(Digest blob, @Nullable Digest expected, Undo undo) throws IOException {
    return unpack(blob, expected, null, undo);
  }

  Unpacked unpack(Digest blob, @Nullable Digest expected, @Nullable Digest below, Undo undo)
      throws IOException {
    if (expected != null) {
      Digest chain = below == null ? expected : Digest.chain(below, expected);
      if (snapshots.hasLayer(chain)) {
        long size =
            list().stream()
                .filter(i -> i.diffIds().contains(expected))
                .findFirst()
                .map(i -> i.diffIds().size() == 1 ? i.size() : 0)
                .orElse(0L);
        return new Unpacked(expected, blob, size);
      }
    }
    Path folder = snapshots.newLayer();
    undo.on(() -> snapshots.abandonLayer(folder));
    MessageDigest hasher = Digest.hasher();
    long size;
    try (BufferedInputStream raw =
            new BufferedInputStream(
                java.nio.file.Files.newInputStream(content.path(blob)), 128 * 1024);
        InputStream plain = Compression.of(raw).unpack(raw);
        DigestInputStream tar = new DigestInputStream(plain, hasher)) {
      size = LayerUnpacker.unpack(tar, folder);
    }
    Digest diffId = Digest.of(hasher);
    if (expected != null && !expected.equals(diffId)) {
      throw new Failure.InvalidRequest(
          "wrong diff id calculated on extraction: the image says "
              + expected
              + ", its layer is "
              + diffId);
    }
    snapshots.commitLayer(folder, below == null ? diffId : Digest.chain(below, diffId));
    return new Unpacked(diffId, blob, size);
  }

  /// Records an image whose layers are here.
  Image add(byte[] document, List<Unpacked> layers, @Nullable ImageReference reference) {
    Digest id = content.put(document);
    Json.JsonArray diffIds = Json.array();
    Json.JsonArray blobs = Json.array();
    long size = 0;
    for (Unpacked layer : layers) {
      diffIds.add(layer.diffId().toString());
      blobs.add(layer.blob().toString());
      size += layer.size();
    }
    Json.JsonObject record =
        Json.object().put("DiffIds", diffIds).put("Layers", blobs).put("Size", size);
    List<Change> changes = new ArrayList<>();
    if (journal.get(IMAGES, id.toString()).isEmpty()) {
      changes.add(Change.put(IMAGES, id.toString(), record));
    }
    if (reference != null) {
      changes.add(Change.put(TAGS, reference.toString(), Json.object().put("Id", id.toString())));
    }
    journal.commit(changes.toArray(Change[]::new));
    return byId(id).orElseThrow();
  }

  /// Writes a one-file image whose only program is `program`: the built-in hello-world.
  public Image builtIn(Path program, ImageReference reference) {
    try (var bytes = new java.io.ByteArrayOutputStream()) {
      writeHello(program, bytes);
      return importRoot(
          new java.io.ByteArrayInputStream(bytes.toByteArray()),
          Json.object()
              .put("Cmd", Json.array().add("/hello"))
              .put(
                  "Env",
                  Json.array()
                      .add("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
              .put("WorkingDir", "/"),
          "built into Gantry",
          "2026-01-01T00:00:00Z",
          reference);
    } catch (IOException e) {
      throw new Failure.Internal("the built-in image cannot be made from " + program, e);
    }
  }

  private static void writeHello(Path program, OutputStream out) throws IOException {
    var tar = new org.apache.commons.compress.archivers.tar.TarArchiveOutputStream(out, "UTF-8");
    var entry = new org.apache.commons.compress.archivers.tar.TarArchiveEntry("hello");
    byte[] content = java.nio.file.Files.readAllBytes(program);
    entry.setSize(content.length);
    entry.setMode(0100755);
    entry.setModTime(0);
    tar.putArchiveEntry(entry);
    tar.write(content);
    tar.closeArchiveEntry();
    tar.finish();
  }

  /// Removes the layers that no image names and the folders of containers that are not in
  /// `containerIds`: what a crash has left.
  public void sweep(Set<String> containerIds) {
    Set<Digest> chains = new HashSet<>();
    Set<Digest> blobs = new HashSet<>();
    for (Image image : list()) {
      chains.addAll(chains(image.diffIds()));
      blobs.addAll(image.layers());
      blobs.add(image.id());
    }
    snapshots.keepOnly(chains, containerIds);
    content.list().stream().filter(d -> !blobs.contains(d)).forEach(content::remove);
  }
}
