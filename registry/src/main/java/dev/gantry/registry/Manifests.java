package dev.gantry.registry;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/// Manifests, tags and referrers of the repositories.
///
/// Order makes it safe: a manifest is written after everything it needs and after its entry among
/// the referrers of its subject, a tag after its manifest; removal goes the other way round. So
/// what a crash leaves is at most an entry whose manifest is missing, and those are passed over.
final class Manifests {
  /// A stored manifest.
  record Stored(String mediaType, ContentDigest digest, byte[] bytes) {}

  private final Storage storage;
  private final Gate gate;
  private final Blobs blobs;
  private final Quotas quotas;
  private final Catalog catalog;
  private final InstantSource clock;
  private final ReentrantLock[] locks = new ReentrantLock[64];

  Manifests(
      Storage storage,
      Gate gate,
      Blobs blobs,
      Quotas quotas,
      Catalog catalog,
      InstantSource clock) {
    this.storage = storage;
    this.gate = gate;
    this.blobs = blobs;
    this.quotas = quotas;
    this.catalog = catalog;
    this.clock = clock;
    Arrays.setAll(locks, i -> new ReentrantLock());
  }

  private ReentrantLock lock(RepositoryName name) {
    return locks[Math.floorMod(name.hashCode(), locks.length)];
  }

  Optional<Stored> get(RepositoryName name, ContentDigest digest) throws IOException {
    Optional<byte[]> document = storage.read(Keys.manifest(name, digest));
    return document.isEmpty() ? Optional.empty() : Optional.of(stored(digest, document.get()));
  }

  private static Stored stored(ContentDigest digest, byte[] document) {
    int end = 0;
    while (end < document.length && document[end] != '\n') {
      end++;
    }
    String type = new String(document, 0, end, StandardCharsets.US_ASCII);
    byte[] bytes =
        Arrays.copyOfRange(document, Math.min(end + 1, document.length), document.length);
    if (!ContentDigest.of(digest.algorithm(), bytes).equals(digest)) {
      throw new RegistryError(ErrorCode.UNKNOWN, "manifest " + digest + " is damaged on disk");
    }
    return new Stored(type, digest, bytes);
  }

  boolean contains(RepositoryName name, ContentDigest digest) throws IOException {
    return storage.stat(Keys.manifest(name, digest)).isPresent();
  }

  /// What a tag points to.
  Optional<ContentDigest> resolve(RepositoryName name, Reference.Tag tag) throws IOException {
    Optional<byte[]> document = storage.read(Keys.tag(name, tag.value()));
    if (document.isEmpty()) {
      return Optional.empty();
    }
    try {
      Json.JsonObject target = Json.parseObject(new String(document.get(), StandardCharsets.UTF_8));
      return Optional.of(ContentDigest.parse(target.string("digest", "")));
    } catch (JsonException e) {
      throw new RegistryError(ErrorCode.UNKNOWN, "tag " + tag + " of " + name + " is damaged");
    }
  }

  /// Who decides which tags may be moved or removed.
  @FunctionalInterface
  interface Immutability {
    boolean isFixed(RepositoryName name, Reference.Tag tag);
  }

  /// What a manifest must fulfil to be taken.
  enum Demand {
    /// Everything that it refers to is in the repository.
    COMPLETE,
    /// Its parts may come later: a cache takes an index before the images.
    PARTIAL
  }

  /// Stores a manifest and points the tags to it.
  void put(
      RepositoryName name,
      Manifest manifest,
      ContentDigest digest,
      List<Reference.Tag> tags,
      Immutability immutability,
      Demand demand)
      throws IOException {
    ReentrantLock lock = lock(name);
    lock.lock();
    try {
      for (Reference.Tag tag : tags) {
        Optional<ContentDigest> before = resolve(name, tag);
        if (before.isPresent() && !before.get().equals(digest) && immutability.isFixed(name, tag)) {
          throw fixed(name, tag);
        }
      }
      gate.adding(
          () -> {
            if (demand == Demand.COMPLETE) {
              requireParts(name, manifest);
            }
            store(name, manifest, digest);
            return true;
          });
      byte[] target = target(manifest, digest);
      for (Reference.Tag tag : tags) {
        storage.write(Keys.tag(name, tag.value()), target);
      }
      catalog.add(name);
    } finally {
      lock.unlock();
    }
  }

  private byte[] target(Manifest manifest, ContentDigest digest) {
    return Json.object()
        .put("digest", digest.toString())
        .put("mediaType", manifest.mediaType())
        .put("size", manifest.bytes().length)
        .put("time", clock.instant().toString())
        .text()
        .getBytes(StandardCharsets.UTF_8);
  }

  private void store(RepositoryName name, Manifest manifest, ContentDigest digest)
      throws IOException {
    for (Manifest.Descriptor blob : manifest.blobs()) {
      gate.name(Keys.link(name, blob.digest()));
    }
    if (manifest.subject().isPresent()) {
      storage.write(
          Keys.referrer(name, manifest.subject().get().digest(), digest),
          manifest.asReferrer(digest).text().getBytes(StandardCharsets.UTF_8));
    }
    byte[] type = (manifest.mediaType() + "\n").getBytes(StandardCharsets.US_ASCII);
    byte[] document = Arrays.copyOf(type, type.length + manifest.bytes().length);
    System.arraycopy(manifest.bytes(), 0, document, type.length, manifest.bytes().length);
    if (!contains(name, digest)) {
      quotas.charge(name, document.length);
    }
    storage.write(Keys.manifest(name, digest), document);
  }

  private void requireParts(RepositoryName name, Manifest manifest) throws IOException {
    Json.JsonArray missing = Json.array();
    for (Manifest.Descriptor blob : manifest.blobs()) {
      Optional<Long> size = blobs.size(name, blob.digest());
      if (size.isEmpty()) {
        missing.add(blob.digest().toString());
      } else if (size.get() != blob.size()) {
        throw new RegistryError(
            ErrorCode.SIZE_INVALID,
            blob.digest() + " has " + size.get() + " bytes, the manifest says " + blob.size());
      }
    }
    for (Manifest.Descriptor child : manifest.manifests()) {
      if (!contains(name, child.digest())) {
        missing.add(child.digest().toString());
      }
    }
    if (!missing.isEmpty()) {
      throw new RegistryError(
          ErrorCode.MANIFEST_BLOB_UNKNOWN,
          404,
          "the manifest refers to what repository " + name + " does not have",
          missing);
    }
  }

  private static RegistryError fixed(RepositoryName name, Reference.Tag tag) {
    return new RegistryError(
        ErrorCode.DENIED, "tag " + tag + " of " + name + " is immutable: it stays what it is");
  }

  /// Removes a tag; false where there is none.
  boolean removeTag(RepositoryName name, Reference.Tag tag, Immutability immutability)
      throws IOException {
    ReentrantLock lock = lock(name);
    lock.lock();
    try {
      if (resolve(name, tag).isPresent() && immutability.isFixed(name, tag)) {
        throw fixed(name, tag);
      }
      return storage.remove(Keys.tag(name, tag.value()));
    } finally {
      lock.unlock();
    }
  }

  /// Removes a manifest with the tags that point to it; false where there is none.
  boolean remove(RepositoryName name, ContentDigest digest, Immutability immutability)
      throws IOException {
    ReentrantLock lock = lock(name);
    lock.lock();
    try {
      Optional<Storage.Stat> document = storage.stat(Keys.manifest(name, digest));
      if (document.isEmpty()) {
        return false;
      }
      List<Reference.Tag> tags = tagsOf(name, digest);
      for (Reference.Tag tag : tags) {
        if (immutability.isFixed(name, tag)) {
          throw fixed(name, tag);
        }
      }
      Optional<Manifest.Descriptor> subject = subject(name, digest);
      for (Reference.Tag tag : tags) {
        storage.remove(Keys.tag(name, tag.value()));
      }
      storage.remove(Keys.manifest(name, digest));
      if (subject.isPresent()) {
        storage.remove(Keys.referrer(name, subject.get().digest(), digest));
      }
      quotas.credit(name, document.get().size());
      if (!exists(name)) {
        catalog.remove(name);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  private Optional<Manifest.Descriptor> subject(RepositoryName name, ContentDigest digest)
      throws IOException {
    try {
      return get(name, digest).flatMap(s -> Manifest.parse(s.mediaType(), s.bytes()).subject());
    } catch (RegistryError e) {
      return Optional.empty(); // damaged: it can still be removed
    }
  }

  private List<Reference.Tag> tagsOf(RepositoryName name, ContentDigest digest) throws IOException {
    List<Reference.Tag> found = new ArrayList<>();
    for (String text : storage.list(Keys.tags(name))) {
      Reference.Tag tag = new Reference.Tag(text);
      if (resolve(name, tag).filter(digest::equals).isPresent()) {
        found.add(tag);
      }
    }
    return found;
  }

  /// Takes a blob from the repository; false where it has none. One that a manifest needs stays.
  boolean removeBlob(RepositoryName name, ContentDigest digest) throws IOException {
    ReentrantLock lock = lock(name);
    lock.lock();
    try {
      if (blobs.size(name, digest).isEmpty()) {
        return false;
      }
      for (ContentDigest each : all(name)) {
        Optional<Stored> stored = get(name, each);
        if (stored.isPresent()
            && Manifest.parse(stored.get().mediaType(), stored.get().bytes()).blobs().stream()
                .anyMatch(b -> b.digest().equals(digest))) {
          throw new RegistryError(
              ErrorCode.UNSUPPORTED,
              "blob " + digest + " is needed by manifest " + each + ": remove that first");
        }
      }
      return blobs.unlink(name, digest);
    } finally {
      lock.unlock();
    }
  }

  /// The digests of all manifests of the repository.
  List<ContentDigest> all(RepositoryName name) throws IOException {
    List<ContentDigest> found = new ArrayList<>();
    for (String algorithm : storage.list(Keys.manifests(name))) {
      for (String hex : storage.list(Keys.manifests(name) + "/" + algorithm)) {
        found.add(new ContentDigest(algorithm, hex));
      }
    }
    return found;
  }

  /// A repository exists while it has a manifest.
  boolean exists(RepositoryName name) throws IOException {
    for (String algorithm : storage.list(Keys.manifests(name))) {
      if (!storage.list(Keys.manifests(name) + "/" + algorithm, "", 1).isEmpty()) {
        return true;
      }
    }
    return false;
  }

  /// Tags in lexical order.
  List<String> tags(RepositoryName name, String after, int limit) throws IOException {
    return storage.list(Keys.tags(name), after, limit);
  }

  /// Descriptors of the manifests whose subject is `subject`, in the order of their digests after
  /// `after`: those pushed to us, and those that a client of before has listed in an index under
  /// the subject's fallback tag (spec.md#referrers-tag-schema).
  List<Json.JsonObject> referrers(RepositoryName name, ContentDigest subject) throws IOException {
    List<Json.JsonObject> found = new ArrayList<>();
    List<String> seen = new ArrayList<>();
    for (String entry : storage.list(Keys.referrers(name, subject))) {
      ContentDigest digest = ContentDigest.parse(entry.replaceFirst("-", ":"));
      Optional<byte[]> descriptor = storage.read(Keys.referrer(name, subject, digest));
      if (descriptor.isPresent() && contains(name, digest)) {
        found.add(Json.parseObject(new String(descriptor.get(), StandardCharsets.UTF_8)));
        seen.add(digest.toString());
      }
    }
    for (Json.JsonObject listed : listedByTag(name, subject)) {
      String digest = listed.string("digest", "");
      if (!seen.contains(digest) && contains(name, ContentDigest.parse(digest))) {
        found.add(listed);
      }
    }
    return found;
  }

  private List<Json.JsonObject> listedByTag(RepositoryName name, ContentDigest subject)
      throws IOException {
    String hex = subject.hex().substring(0, Math.min(64, subject.hex().length()));
    Optional<ContentDigest> index =
        resolve(name, new Reference.Tag(subject.algorithm() + "-" + hex));
    Optional<Stored> stored = index.isEmpty() ? Optional.empty() : get(name, index.get());
    if (stored.isEmpty() || !MediaTypes.isIndex(stored.get().mediaType())) {
      return List.of();
    }
    return Manifest.parse(stored.get().mediaType(), stored.get().bytes()).manifests().stream()
        .map(Manifest.Descriptor::json)
        .toList();
  }
}
