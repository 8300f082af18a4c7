package dev.gantry.registry;

import java.io.IOException;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;

/// How many bytes each repository may have: the sizes of its blobs and manifests. A blob that two
/// repositories have counts in both. The sums are made at a repository's first push and kept.
final class Quotas {
  /// The limit of a repository in bytes.
  @FunctionalInterface
  interface Limit {
    OptionalLong of(RepositoryName name);
  }

  private final Storage storage;
  private final Limit limit;
  private final Map<RepositoryName, Long> used = new ConcurrentHashMap<>();

  Quotas(Storage storage, Limit limit) {
    this.storage = storage;
    this.limit = limit;
  }

  /// Bytes that the repository has.
  long used(RepositoryName name) throws IOException {
    Long known = used.get(name);
    if (known != null) {
      return known;
    }
    long sum = 0;
    for (String algorithm : storage.list(Keys.links(name))) {
      for (String hex : storage.list(Keys.links(name) + "/" + algorithm)) {
        sum += size(Keys.BLOBS + "/" + algorithm + "/" + hex);
      }
    }
    for (String algorithm : storage.list(Keys.manifests(name))) {
      for (String hex : storage.list(Keys.manifests(name) + "/" + algorithm)) {
        sum += size(Keys.manifests(name) + "/" + algorithm + "/" + hex);
      }
    }
    Long raced = used.putIfAbsent(name, sum);
    return raced == null ? sum : raced;
  }

  private long size(String key) throws IOException {
    return storage.stat(key).map(Storage.Stat::size).orElse(0L);
  }

  /// Refuses what would pass the limit.
  void check(RepositoryName name, long more) throws IOException {
    OptionalLong most = limit.of(name);
    if (most.isPresent() && used(name) + more > most.getAsLong()) {
      throw new RegistryError(
          ErrorCode.DENIED,
          "repository "
              + name
              + " may have "
              + most.getAsLong()
              + " bytes, has "
              + used(name)
              + ", and this push would add "
              + more);
    }
  }

  void charge(RepositoryName name, long bytes) throws IOException {
    check(name, bytes);
    if (limit.of(name).isPresent()) {
      used.computeIfPresent(name, (n, sum) -> sum + bytes);
    } else {
      used.remove(name);
    }
  }

  void credit(RepositoryName name, long bytes) {
    used.computeIfPresent(name, (n, sum) -> Math.max(0, sum - bytes));
  }
}
