package dev.gantry.registry;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Removes what nothing needs, while the registry serves: links to blobs that no manifest of the
/// repository refers to, then blobs that no repository has. Both must have been left alone for the
/// grace time, in which a push comes from its blobs to its manifest. See [Gate] for why nothing is
/// lost that becomes needed meanwhile.
final class GarbageCollection {
  /// What a run has removed.
  record Result(int links, int blobs, long bytes, int uploads) {}

  private final Storage storage;
  private final Gate gate;
  private final Blobs blobs;
  private final Manifests manifests;
  private final Uploads uploads;
  private final Duration grace;
  private final Duration uploadExpiry;
  private final InstantSource clock;

  GarbageCollection(
      Storage storage,
      Gate gate,
      Blobs blobs,
      Manifests manifests,
      Uploads uploads,
      Duration grace,
      Duration uploadExpiry,
      InstantSource clock) {
    this.storage = storage;
    this.gate = gate;
    this.blobs = blobs;
    this.manifests = manifests;
    this.uploads = uploads;
    this.grace = grace;
    this.uploadExpiry = uploadExpiry;
    this.clock = clock;
  }

  /// One run; only one at a time.
  synchronized Result run() throws IOException {
    int expired = expireUploads();
    Instant before = clock.instant().minus(grace);
    gate.look();
    try {
      Set<ContentDigest> linked = new HashSet<>();
      int links = sweepRepositories("", before, linked);
      int removed = 0;
      long bytes = 0;
      for (ContentDigest digest : digests(Keys.BLOBS)) {
        Optional<Storage.Stat> blob =
            linked.contains(digest) ? Optional.empty() : storage.stat(Keys.blob(digest));
        if (blob.isPresent()
            && blob.get().changed().isBefore(before)
            && gate.removing(Keys.blob(digest), () -> storage.remove(Keys.blob(digest)))) {
          removed++;
          bytes += blob.get().size();
        }
      }
      return new Result(links, removed, bytes, expired);
    } finally {
      gate.lookedEnough();
    }
  }

  /// Ends pushes in which nothing has happened for long.
  int expireUploads() throws IOException {
    return uploads.expire(uploadExpiry);
  }

  private List<ContentDigest> digests(String folder) throws IOException {
    List<ContentDigest> found = new java.util.ArrayList<>();
    for (String algorithm : storage.list(folder)) {
      for (String hex : storage.list(folder + "/" + algorithm)) {
        found.add(new ContentDigest(algorithm, hex));
      }
    }
    return found;
  }

  private int sweepRepositories(String prefix, Instant before, Set<ContentDigest> linked)
      throws IOException {
    int removed = 0;
    String folder = Keys.REPOSITORIES + (prefix.isEmpty() ? "" : "/" + prefix);
    for (String part : storage.list(folder)) {
      if (part.equals("_blobs")) {
        removed += sweepLinks(new RepositoryName(prefix), before, linked);
      } else if (!part.startsWith("_")) {
        String name = prefix.isEmpty() ? part : prefix + "/" + part;
        removed += sweepRepositories(name, before, linked);
      }
    }
    return removed;
  }

  private int sweepLinks(RepositoryName name, Instant before, Set<ContentDigest> linked)
      throws IOException {
    Set<ContentDigest> needed = needed(name);
    int removed = 0;
    for (ContentDigest digest : digests(Keys.links(name))) {
      String link = Keys.link(name, digest);
      boolean gone =
          !needed.contains(digest)
              && gate.removing(link, () -> isOld(link, before) && blobs.unlink(name, digest));
      if (gone) {
        removed++;
      } else {
        linked.add(digest);
      }
    }
    return removed;
  }

  private boolean isOld(String link, Instant before) throws IOException {
    return storage.stat(link).filter(s -> s.changed().isBefore(before)).isPresent();
  }

  /// A manifest that cannot be read makes everything of its repository needed: better to keep.
  private Set<ContentDigest> needed(RepositoryName name) throws IOException {
    Set<ContentDigest> needed = new HashSet<>();
    for (ContentDigest digest : manifests.all(name)) {
      try {
        Optional<Manifests.Stored> stored = manifests.get(name, digest);
        if (stored.isPresent()) {
          Manifest.parse(stored.get().mediaType(), stored.get().bytes())
              .blobs()
              .forEach(b -> needed.add(b.digest()));
        }
      } catch (RegistryError e) {
        needed.addAll(digests(Keys.links(name)));
      }
    }
    return needed;
  }
}
