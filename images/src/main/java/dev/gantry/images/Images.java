package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.Platform;
import dev.gantry.store.ContentStore;
import dev.gantry.store.Journal;
import dev.gantry.store.Journal.Change;
import dev.gantry.store.Snapshots;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The images of this engine: what is here, under which names, and their unpacked layers.
///
/// The journal's table `images` has a record for each image (layers, size, manifest), [ImageNames]
/// what each name points to, [TagHistory] what the names pointed to before; configurations,
/// manifests, indexes and packed layers are in the content store. An image is for one platform; the
/// images that came by one index share its name. Thread-safe.
public final class Images {
  static final String IMAGES = "images";
  static final String PACKED = "packed-layers";

  private final Journal journal;
  private final ContentStore content;
  private final Snapshots snapshots;
  private final Layers layers;
  private final ImageNames names;
  private final TagHistory history;
  private final LayerCache cache;
  private final BegunUploads uploads;
  private final Map<Digest, Image> loaded = new ConcurrentHashMap<>();
  private volatile Supplier<Set<Digest>> layersOfContainers = Set::of;

  public Images(Journal journal, ContentStore content, Snapshots snapshots) {
    this.journal = journal;
    this.content = content;
    this.snapshots = snapshots;
    this.layers = new Layers(journal, snapshots);
    this.names = new ImageNames(journal);
    this.history = new TagHistory(journal);
    this.cache = new LayerCache(journal);
    this.uploads = new BegunUploads(journal);
  }

  public ContentStore content() {
    return content;
  }

  public Snapshots snapshots() {
    return snapshots;
  }

  Journal journal() {
    return journal;
  }

  ImageNames names() {
    return names;
  }

  /// The layers (chain ids) that containers stand on.
  Set<Digest> layersOfContainers() {
    return layersOfContainers.get();
  }

  /// Its record has changed or gone.
  void unload(Digest id) {
    loaded.remove(id);
  }

  Layers layers() {
    return layers;
  }

  /// Says which layers (chain ids) containers stand on: those stay though their image is removed.
  public void keepLayersOf(Supplier<Set<Digest>> containers) {
    layersOfContainers = containers;
  }

  public TagHistory history() {
    return history;
  }

  /// The layers that builds made and may use again.
  public LayerCache cache() {
    return cache;
  }

  BegunUploads uploads() {
    return uploads;
  }

  // ---- looking up

  /// Every image, but for those whose configuration is damaged.
  public List<Image> list() {
    List<Image> images = new ArrayList<>();
    for (String id : journal.table(IMAGES).keySet()) {
      try {
        byId(Digest.parse(id)).ifPresent(images::add);
      } catch (Failure.Corrupted e) {
        System.getLogger("gantryd").log(System.Logger.Level.WARNING, e.text());
      }
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
    return Optional.of(image.withNames(names.of(id)));
  }

  private Image read(Digest id, Json.JsonObject record) {
    byte[] document =
        content
            .read(id)
            .orElseThrow(
                () -> new Failure.Corrupted("the configuration of image " + id + " is missing"));
    return new Image(
        id,
        Json.parseObject(new String(document, StandardCharsets.UTF_8)),
        record.strings("DiffIds").stream().map(Digest::parse).toList(),
        record.strings("Layers").stream().map(Digest::parse).toList(),
        record.number("Size", 0),
        List.of(),
        List.of());
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
    if (!hex.matches("[0-9a-f]{1,63}")) {
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

  /// As [#find]; of a name that stands for several platforms the image that serves `platform` best.
  /// Where none does, it is the one that stands for the name.
  public Optional<Image> find(String text, Optional<Platform> platform) {
    Optional<Image> found = find(text);
    if (platform.isEmpty() || found.isEmpty()) {
      return found;
    }
    return platforms(text).stream()
        .filter(i -> platform.get().match(i.platform()) > 0)
        .max(Comparator.comparingInt(i -> platform.get().match(i.platform())))
        .or(() -> found);
  }

  /// The images that `text` calls: of a name one for each of its platforms that is here, the one
  /// that stands for it first.
  public List<Image> platforms(String text) {
    return nameIn(text).map(this::platforms).orElseGet(() -> find(text).stream().toList());
  }

  /// The full name that `text` is; empty if it calls an image by its id, or nothing.
  private Optional<ImageReference> nameIn(String text) {
    if (text.startsWith("sha256:") || text.matches("[0-9a-f]{64}")) {
      return Optional.empty();
    }
    ImageReference name = ImageReference.parse(text).withDefaultTag();
    return names.target(name).map(t -> name);
  }

  /// The images that a full name points to.
  List<Image> platforms(ImageReference reference) {
    return names.target(reference).map(ImageNames.Target::ids).orElse(List.of()).stream()
        .flatMap(id -> byId(id).stream())
        .toList();
  }

  /// The document that lists the platforms of what `reference` points to, if that came by one.
  public Optional<ImageIndex> index(ImageReference reference) {
    return indexDocument(reference)
        .flatMap(
            bytes ->
                ManifestDocument.parse(bytes, "") instanceof ImageIndex index
                    ? Optional.of(index)
                    : Optional.empty());
  }

  /// The bytes of [#index].
  Optional<byte[]> indexDocument(ImageReference reference) {
    return names.target(reference).flatMap(ImageNames.Target::index).flatMap(content::read);
  }

  /// True if the image stands for one of its names, or has none: the others are further platforms
  /// of names that another image stands for.
  public boolean standsForAName(Image image) {
    return image.names().isEmpty()
        || image.names().stream()
            .flatMap(n -> names.target(n).stream())
            .anyMatch(t -> t.first().equals(image.id()));
  }

  /// The image that a full name points to; one with tag and digest is looked up by the digest.
  public Optional<Image> named(ImageReference reference) {
    return names.target(reference).flatMap(t -> byId(t.first()));
  }

  /// True if the image is among those that a full name points to.
  boolean isNamed(ImageReference reference, Digest id) {
    return names.target(reference).map(t -> t.ids().contains(id)).orElse(false)
        && byId(id).isPresent();
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

  /// When the name was last pointed anywhere; empty for names of before this was kept.
  public Optional<Instant> taggedAt(ImageReference reference) {
    return names.at(reference);
  }

  /// Bytes of each layer's own files, the lowest first; 0 for a layer that is not unpacked.
  public List<Long> layerSizes(Image image) {
    return chains(image.diffIds()).stream().map(c -> layers.size(c).orElse(0L)).toList();
  }

  /// Bytes that all images and the layers of builds take on the disk: unpacked layers and what they
  /// were unpacked from.
  public long diskUsage() {
    return layers.disk() + content.list().stream().mapToLong(this::blocks).sum();
  }

  /// Bytes that a layer of a build takes on the disk.
  public long diskUsage(LayerCache.Entry layer) {
    return layers.disk(layer.chain()) + blocks(layer.blob());
  }

  private long blocks(Digest blob) {
    return (content.size(blob) + 4095) / 4096 * 4096;
  }

  // ---- names

  /// Points `reference` (with a tag or a digest) to the image.
  public void tag(Digest id, ImageReference reference) {
    synchronized (names) {
      journal.commit(pointing(reference, ImageNames.Target.of(id)).toArray(Change[]::new));
    }
  }

  /// Points `reference` to what `text` calls: if that is a name, to all of its platforms.
  public void tag(String text, ImageReference reference) {
    synchronized (names) {
      ImageNames.Target target =
          nameIn(text)
              .flatMap(names::target)
              .orElseGet(() -> ImageNames.Target.of(require(text).id()));
      journal.commit(pointing(reference, target).toArray(Change[]::new));
    }
  }

  private List<Change> pointing(ImageReference reference, ImageNames.Target target) {
    List<Change> changes = new ArrayList<>();
    changes.add(names.point(reference, target));
    if (reference.digestIfAny().isEmpty()) {
      history.pointing(reference, target, Instant.now()).ifPresent(changes::add);
    }
    return changes;
  }

  /// This machine's image stands for a name, else the one that came last.
  ///
  /// @param ids the newest, which is no image yet, first
  /// @param newest its platform
  private List<Digest> hereFirst(List<Digest> ids, Platform newest) {
    Platform here = Platform.here();
    return ids.stream()
        .sorted(
            Comparator.comparingInt(
                id ->
                    id.equals(ids.getFirst())
                        ? -here.match(newest)
                        : -byId(id).map(i -> here.match(i.platform())).orElse(0)))
        .toList();
  }

  /// Points a tag back to what it pointed to before, with all the platforms that are still here.
  ///
  /// @throws Failure.NotFound if nothing earlier is known or all of it is gone
  public Image rollBack(ImageReference reference) {
    synchronized (names) {
      ImageNames.Target now =
          names
              .target(reference)
              .filter(t -> byId(t.first()).isPresent())
              .orElseThrow(() -> new Failure.NotFound("No such image: " + reference.familiar()));
      TagHistory.Point earlier =
          history
              .before(reference, now)
              .orElseThrow(
                  () ->
                      new Failure.NotFound(
                          reference.familiar() + " has never pointed to another image"));
      List<Digest> here =
          earlier.target().ids().stream().filter(id -> byId(id).isPresent()).toList();
      if (here.isEmpty()) {
        throw new Failure.NotFound(
            "the image that "
                + reference.familiar()
                + " pointed to before, "
                + earlier.id().shortHex()
                + ", has been removed");
      }
      journal.commit(
          names.point(
              reference, new ImageNames.Target(here, earlier.index().filter(content::contains))),
          history.rolledBack(reference, earlier));
      return byId(here.getFirst()).orElseThrow();
    }
  }

  /// What became of a removal: names taken away, and ids removed.
  public record Removed(List<String> untagged, List<String> deleted) {}

  /// Takes the name `reference` away and, with the last name, its images. The last tag of a
  /// repository takes the digests that the repository gave the image with it.
  public Removed untag(ImageReference reference) {
    return new RemoveImage(this).untag(reference);
  }

  /// Takes names away but keeps the image even without any.
  public Removed forget(Image image, ImageReference reference) {
    return new RemoveImage(this).forget(image, reference);
  }

  /// Removes the image with all its names and the layers that no other image has. A name that
  /// stands for other platforms too goes on standing for those.
  public Removed remove(Image image) {
    return new RemoveImage(this).remove(image);
  }

  /// Keeps the unpacked layers `chains`, which may come later, until the lease is closed.
  public ContentStore.Lease keep(List<Digest> chains) {
    ContentStore.Lease lease = content.lease();
    hold(chains, lease);
    return lease;
  }

  /// Lets the lease, which blobs have otherwise, keep unpacked layers too.
  static void hold(List<Digest> chains, ContentStore.Lease lease) {
    for (Digest chain : chains) {
      boolean ignored = lease.hold(chain); // it is no blob
    }
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

  /// A layer that is unpacked here.
  ///
  /// @param blob the digest of the layer as stored, packed or not
  /// @param size bytes of its files
  public record Layer(Digest diffId, Digest blob, long size) {}

  /// The image's layers, each unpacked (again, if it was not), held by `lease`.
  public List<Layer> layersOf(Image image, ContentStore.Lease lease) throws IOException {
    List<Layer> parts = new ArrayList<>();
    List<Digest> diffIds = image.diffIds();
    for (int i = 0; i < diffIds.size(); i++) {
      Digest blob = image.layers().get(i);
      lease.hold(blob);
      parts.add(unpack(blob, diffIds.get(i), diffIds.subList(0, i), lease));
    }
    return parts;
  }

  /// A place to write the tar of a new layer to, for [#addLayer].
  public ContentStore.Ingest newLayer() throws IOException {
    return content.ingest();
  }

  /// A new layer that is unpacked but stands on no other yet; closed before, it leaves nothing.
  public final class LooseLayer implements AutoCloseable {
    private final Layers.Pending pending;
    private boolean placed;

    private LooseLayer(Layers.Pending pending) {
      this.pending = pending;
    }

    public Digest diffId() {
      return pending.diffId();
    }

    /// Puts it on top of the layers `below`, once. It stays as long as `lease` is open, or an image
    /// or the build cache names it.
    public Layer on(List<Digest> below, ContentStore.Lease lease) {
      placed = true;
      commit(pending, below, lease);
      return new Layer(diffId(), diffId(), pending.size());
    }

    @Override
    public void close() {
      if (!placed) {
        layers.abandon(pending);
      }
    }
  }

  /// Unpacks a new layer, a plain tar, whose content `lease` keeps.
  public LooseLayer looseLayer(ContentStore.Ingest tar, ContentStore.Lease lease)
      throws IOException {
    Digest digest = store(tar, lease); // of the tar itself, so the layer's too
    return new LooseLayer(layers.unpackPlain(content.path(digest), digest));
  }

  /// Adds a layer, as a plain tar, on top of the layers `below`. It stays as long as `lease` is
  /// open, or an image or the build cache names it.
  public Layer addLayer(ContentStore.Ingest tar, List<Digest> below, ContentStore.Lease lease)
      throws IOException {
    try (LooseLayer layer = looseLayer(tar, lease)) {
      return layer.on(below, lease);
    }
  }

  /// A layer of the build cache on top of `below`, unpacked again if it was not; empty if its
  /// content is gone.
  public Optional<Layer> cachedLayer(
      LayerCache.Entry entry, List<Digest> below, ContentStore.Lease lease) throws IOException {
    return lease.hold(entry.blob())
        ? Optional.of(unpack(entry.blob(), entry.diffId(), below, lease))
        : Optional.empty();
  }

  /// Makes an image of layers that are here.
  public Image compose(
      Json.JsonObject document, List<Layer> parts, List<ImageReference> references) {
    return add(document.text().getBytes(StandardCharsets.UTF_8), parts, null, references);
  }

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
    return importRoot(tar, config, comment, created, Platform.here(), reference);
  }

  /// As above, for a platform that may be another than this machine's.
  public Image importRoot(
      InputStream tar,
      Json.JsonObject config,
      String comment,
      String created,
      Platform platform,
      @Nullable ImageReference reference) {
    return new ImportImage(this).from(tar, config, comment, created, platform, reference);
  }

  /// Writes a one-file image whose only program is `program`: the built-in hello-world.
  public Image builtIn(Path program, ImageReference reference) {
    return new ImportImage(this).builtIn(program, reference);
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
    try (ContentStore.Lease lease = content.lease();
        InputStream tar = Files.newInputStream(layer)) {
      List<Digest> below = base.map(Image::diffIds).orElse(List.of());
      List<Layer> parts = base.isEmpty() ? new ArrayList<>() : layersOf(base.get(), lease);
      Layer added = unpack(store(tar, lease), null, below, lease);
      parts.add(added);
      return add(
          document.apply(added.diffId()).text().getBytes(StandardCharsets.UTF_8),
          parts,
          null,
          reference == null ? List.of() : List.of(reference));
    } catch (IOException e) {
      throw new Failure.Internal("could not make the image: " + e.getMessage(), e);
    }
  }

  /// Stores a stream under a lease: the digest is known and held before anyone could collect it.
  Digest store(InputStream in, ContentStore.Lease lease) throws IOException {
    FreeSpace space = new FreeSpace(content.folder(), "the archive");
    byte[] buffer = new byte[128 * 1024];
    try (ContentStore.Ingest ingest = content.ingest()) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        ingest.out().write(buffer, 0, n);
        space.used(n);
      }
      return store(ingest, lease);
    }
  }

  private static Digest store(ContentStore.Ingest ingest, ContentStore.Lease lease)
      throws IOException {
    Digest digest = ingest.commit();
    if (!lease.hold(digest)) {
      throw new Failure.Unavailable("the store was being tidied; try again");
    }
    return digest;
  }

  /// Unpacks a stored layer on top of `below` unless that was done before; `lease` keeps it.
  ///
  /// @param expected the diff id that the image's configuration claims
  Layer unpack(Digest blob, @Nullable Digest expected, List<Digest> below, ContentStore.Lease lease)
      throws IOException {
    if (expected != null) {
      Digest chain = hold(below, expected, lease);
      Optional<Long> size = layers.size(chain);
      if (size.isPresent()) {
        return new Layer(expected, blob, size.get());
      }
    }
    Layers.Pending pending = layers.unpackFile(content.path(blob), expected);
    commit(pending, below, lease);
    return new Layer(pending.diffId(), blob, pending.size());
  }

  private void commit(Layers.Pending layer, List<Digest> below, ContentStore.Lease lease) {
    Digest ignored = hold(below, layer.diffId(), lease);
    layers.commit(layer, below);
  }

  private static Digest hold(List<Digest> below, Digest diffId, ContentStore.Lease lease) {
    List<Digest> all = new ArrayList<>(below);
    all.add(diffId);
    List<Digest> chains = chains(all);
    hold(chains, lease);
    return chains.getLast();
  }

  /// Records an image whose layers are here, under `references`.
  ///
  /// @param manifest the manifest that it came with, stored here; null if it has none
  Image add(
      byte[] document,
      List<Layer> parts,
      @Nullable Digest manifest,
      List<ImageReference> references) {
    return add(document, parts, manifest, references, Optional.empty());
  }

  /// As above, as one of the platforms of `index`, which is stored here and held.
  Image add(
      byte[] document,
      List<Layer> parts,
      @Nullable Digest manifest,
      List<ImageReference> references,
      Optional<Digest> index) {
    try (ContentStore.Lease lease = content.lease()) {
      lease.hold(Digest.of(document));
      Digest id = content.put(document);
      Json.JsonArray diffIds = Json.array();
      Json.JsonArray blobs = Json.array();
      long size = 0;
      for (Layer layer : parts) {
        diffIds.add(layer.diffId().toString());
        blobs.add(layer.blob().toString());
        size += layer.size();
      }
      Json.JsonObject record =
          Json.object().put("DiffIds", diffIds).put("Layers", blobs).put("Size", size);
      if (manifest != null) {
        record.put("Manifest", manifest.toString());
      }
      Platform platform =
          Platform.read(Json.parseObject(new String(document, StandardCharsets.UTF_8)));
      synchronized (names) {
        List<Change> changes = new ArrayList<>();
        Optional<Json.JsonObject> known = journal.get(IMAGES, id.toString());
        if (known.isEmpty() || manifest != null && !known.get().has("Manifest")) {
          changes.add(Change.put(IMAGES, id.toString(), record));
          loaded.remove(id);
        }
        for (ImageReference reference : references) {
          ImageNames.Target target =
              index
                  .map(i -> names.joined(reference, id, i, ids -> hereFirst(ids, platform)))
                  .orElseGet(() -> ImageNames.Target.of(id));
          changes.addAll(pointing(reference, target));
        }
        journal.commit(changes.toArray(Change[]::new));
      }
      layers.settle(chains(parts.stream().map(Layer::diffId).toList()));
      return byId(id).orElseThrow();
    }
  }

  /// Points `references` to images that were made together, and keeps `document`, the index that
  /// lists them, and what it lists beside them (attestations). Each image's manifest is kept too.
  ///
  /// @param manifests of each image, in their order; stored here
  /// @param lease holds all of that until this returns
  public Image addIndex(
      List<Image> members,
      List<Digest> manifests,
      byte[] document,
      List<ImageReference> references,
      ContentStore.Lease lease) {
    Digest index = content.put(document);
    lease.hold(index);
    List<Digest> ids = new ArrayList<>(members.stream().map(Image::id).distinct().toList());
    ids.sort(
        Comparator.comparingInt(
            id -> -byId(id).map(i -> Platform.here().match(i.platform())).orElse(0)));
    synchronized (names) {
      List<Change> changes = new ArrayList<>();
      for (int i = 0; i < members.size(); i++) {
        Digest id = members.get(i).id();
        Json.JsonObject record =
            (Json.JsonObject) journal.get(IMAGES, id.toString()).orElseThrow().copy();
        record.put("Manifest", manifests.get(i).toString()).put("Index", index.toString());
        changes.add(Change.put(IMAGES, id.toString(), record));
        loaded.remove(id);
      }
      ImageNames.Target target = new ImageNames.Target(ids, Optional.of(index));
      for (ImageReference reference : references) {
        changes.addAll(pointing(reference, target));
      }
      journal.commit(changes.toArray(Change[]::new));
    }
    return byId(ids.getFirst()).orElseThrow();
  }

  /// The index that the image was made with; empty if it was made alone.
  Optional<byte[]> ownIndex(Image image) {
    return journal
        .get(IMAGES, image.id().toString())
        .flatMap(r -> r.string("Index"))
        .flatMap(d -> content.read(Digest.parse(d)));
  }

  /// The manifest of an image as a registry takes it, its layers packed; all of it held by `lease`.
  public byte[] packed(Image image, ContentStore.Lease lease) throws IOException {
    return new PackedLayers(this, lease, TransferProgress.NONE).manifest(image);
  }

  /// The layers of an image packed as somebody wants them, all held by `lease`; it keeps them so.
  ///
  /// @param level of the compression; 0 for the usual one
  /// @param all whether layers that are packed otherwise are packed anew
  public List<Descriptor> packed(
      Image image, Compression form, int level, boolean all, ContentStore.Lease lease)
      throws IOException {
    List<Descriptor> layers =
        new PackedLayers(this, lease, TransferProgress.NONE).layers(image, form, level, all);
    replaceLayers(image, layers.stream().map(Descriptor::digest).toList());
    return layers;
  }

  /// A layer as registries take it, packed; held by `lease`.
  public Descriptor packed(Layer layer, ContentStore.Lease lease) throws IOException {
    return new PackedLayers(this, lease, TransferProgress.NONE).layer(layer);
  }

  /// One layer packed as somebody wants it, held by `lease`.
  ///
  /// @param level of the compression; 0 for the usual one
  /// @param all whether it is packed anew if it is packed otherwise
  public Descriptor packed(
      Layer layer, Compression form, int level, boolean all, ContentStore.Lease lease)
      throws IOException {
    return new PackedLayers(this, lease, TransferProgress.NONE)
        .layer(layer.blob(), form, level, all);
  }

  /// Remembers a manifest of the image that was made here.
  public Digest keepManifest(Image image, byte[] manifest) {
    setManifest(image, manifest);
    return Digest.of(manifest);
  }

  /// The manifest that the image came with or was pushed with, if all it names is here still.
  Optional<byte[]> manifest(Image image) {
    return journal
        .get(IMAGES, image.id().toString())
        .flatMap(r -> r.string("Manifest"))
        .flatMap(d -> content.read(Digest.parse(d)))
        .filter(
            bytes ->
                ManifestDocument.parse(bytes, "") instanceof Manifest m
                    && m.layers().stream().allMatch(l -> content.contains(l.digest())));
  }

  /// True if `manifest` is the one that the image came with.
  boolean hasManifest(Image image, Digest manifest) {
    return journal
        .get(IMAGES, image.id().toString())
        .map(r -> r.string("Manifest", "").equals(manifest.toString()))
        .orElse(false);
  }

  /// The packed form of a layer that is stored unpacked, if one was made.
  Optional<Digest> packedForm(Digest plain) {
    return journal.get(PACKED, plain.toString()).map(r -> Digest.parse(r.string("Blob", "")));
  }

  void setPackedForm(Digest plain, Digest packed) {
    journal.note(
        Change.put(PACKED, plain.toString(), Json.object().put("Blob", packed.toString())));
  }

  /// The image's layers are stored as `blobs` from now on, which hold the same files.
  void replaceLayers(Image image, List<Digest> blobs) {
    journal
        .get(IMAGES, image.id().toString())
        .filter(r -> !image.layers().equals(blobs))
        .ifPresent(
            r -> {
              Json.JsonArray list = Json.array();
              blobs.forEach(b -> list.add(b.toString()));
              Json.JsonObject record = (Json.JsonObject) r.copy();
              journal.commit(Change.put(IMAGES, image.id().toString(), record.put("Layers", list)));
              loaded.remove(image.id());
            });
  }

  /// Remembers `manifest` as the one that stands for the image.
  void setManifest(Image image, byte[] manifest) {
    Digest digest = content.put(manifest);
    journal
        .get(IMAGES, image.id().toString())
        .filter(r -> !r.string("Manifest", "").equals(digest.toString()))
        .ifPresent(
            r -> {
              Json.JsonObject record = (Json.JsonObject) r.copy();
              journal.commit(
                  Change.put(
                      IMAGES, image.id().toString(), record.put("Manifest", digest.toString())));
            });
  }

  // ---- keeping house

  /// All content that images need.
  public Set<Digest> roots() {
    return new KeptContent(this).roots();
  }

  /// The chain ids of the layers that images and containers have.
  public Set<Digest> usedChains() {
    return new KeptContent(this).usedChains();
  }

  /// Removes the layers that no image names and the folders of containers that are not in
  /// `containerIds`: what a crash has left. A layer that a crash of the machine has damaged is
  /// unpacked again.
  public void sweep(Set<String> containerIds) {
    new KeptContent(this).sweep(containerIds);
  }

  /// Reads all content of all images and checks it. What is damaged is taken away, so that the next
  /// pull or load of an image brings it again.
  public List<Damage> verify() {
    return new KeptContent(this).verify();
  }

  /// Removes layers and content that nothing needs any more, interrupted downloads among it; the
  /// bytes of content that were freed.
  public long collect() {
    return new KeptContent(this).collect();
  }

  /// Content that is not what its digest says, or not here at all.
  ///
  /// @param images what needs it, by name, or by id for those without
  public record Damage(Digest digest, boolean missing, List<String> images) {
    public Damage {
      images = List.copyOf(images);
    }
  }
}
