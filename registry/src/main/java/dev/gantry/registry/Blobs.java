package dev.gantry.registry;

import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;

/// Blobs as the repositories have them. The bytes are there once; a repository has a blob when it
/// holds a link to it, and only then its readers may read it.
final class Blobs {
  // a link is touched when a push asks for it, at most this often
  private static final Duration TOUCH = Duration.ofMinutes(1);

  private final Storage storage;
  private final Gate gate;
  private final Quotas quotas;
  private final InstantSource clock;

  Blobs(Storage storage, Gate gate, Quotas quotas, InstantSource clock) {
    this.storage = storage;
    this.gate = gate;
    this.quotas = quotas;
    this.clock = clock;
  }

  /// The size of a blob that the repository has.
  Optional<Long> size(RepositoryName name, ContentDigest digest) throws IOException {
    if (storage.stat(Keys.link(name, digest)).isEmpty()) {
      return Optional.empty();
    }
    return storage.stat(Keys.blob(digest)).map(Storage.Stat::size);
  }

  /// The same for who may be about to push a manifest with it: the collection leaves it alone for a
  /// while.
  Optional<Long> sizeAndKeep(RepositoryName name, ContentDigest digest) throws IOException {
    return gate.adding(
        () -> {
          String link = Keys.link(name, digest);
          Optional<Storage.Stat> linked = storage.stat(link);
          if (linked.isEmpty()) {
            return Optional.empty();
          }
          gate.name(link);
          if (linked.get().changed().isBefore(clock.instant().minus(TOUCH))) {
            storage.mark(link);
          }
          return storage.stat(Keys.blob(digest)).map(Storage.Stat::size);
        });
  }

  Optional<Storage.Content> open(RepositoryName name, ContentDigest digest) throws IOException {
    return storage.stat(Keys.link(name, digest)).isEmpty()
        ? Optional.empty()
        : storage.open(Keys.blob(digest));
  }

  /// Gives the repository a blob that another one has; false where the bytes are not there.
  boolean mount(RepositoryName name, ContentDigest digest) throws IOException {
    return gate.adding(
        () -> {
          Optional<Storage.Stat> blob = storage.stat(Keys.blob(digest));
          if (blob.isEmpty()) {
            return false;
          }
          link(name, digest, blob.get().size());
          return true;
        });
  }

  /// Makes an uploaded content a blob of the repository.
  void publish(String from, RepositoryName name, ContentDigest digest, long size)
      throws IOException {
    gate.adding(
        () -> {
          if (storage.stat(Keys.link(name, digest)).isEmpty()) {
            quotas.check(name, size);
          }
          storage.publish(from, Keys.blob(digest));
          link(name, digest, size);
          return true;
        });
  }

  private void link(RepositoryName name, ContentDigest digest, long size) throws IOException {
    String link = Keys.link(name, digest);
    gate.name(link);
    gate.name(Keys.blob(digest));
    if (storage.stat(link).isEmpty()) {
      quotas.charge(name, size);
    }
    storage.mark(link);
  }

  /// Takes the blob from the repository; the bytes go with the next collection.
  boolean unlink(RepositoryName name, ContentDigest digest) throws IOException {
    Optional<Storage.Stat> blob = storage.stat(Keys.blob(digest));
    boolean removed = storage.remove(Keys.link(name, digest));
    if (removed && blob.isPresent()) {
      quotas.credit(name, blob.get().size());
    }
    return removed;
  }
}
