package dev.gantry.registry;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.locks.ReentrantLock;

/// The names of all repositories, read from the storage at the first question and kept.
final class Catalog {
  private final Storage storage;
  private final ReentrantLock loading = new ReentrantLock();
  private final NavigableSet<RepositoryName> names = new ConcurrentSkipListSet<>();
  private volatile boolean loaded;

  Catalog(Storage storage) {
    this.storage = storage;
  }

  void add(RepositoryName name) {
    names.add(name);
  }

  /// Takes out a repository that has no manifest any more.
  void remove(RepositoryName name) {
    names.remove(name);
  }

  /// At most `limit` names after `after`, in lexical order.
  List<RepositoryName> after(String after, int limit) throws IOException {
    List<RepositoryName> page = new ArrayList<>();
    for (RepositoryName name : all()) {
      if (page.size() >= limit) {
        break;
      }
      if (name.value().compareTo(after) > 0) {
        page.add(name);
      }
    }
    return page;
  }

  NavigableSet<RepositoryName> all() throws IOException {
    if (!loaded) {
      loading.lock();
      try {
        if (!loaded) {
          walk("");
          loaded = true;
        }
      } finally {
        loading.unlock();
      }
    }
    return names;
  }

  private void walk(String prefix) throws IOException {
    for (String part : storage.list(Keys.REPOSITORIES + (prefix.isEmpty() ? "" : "/" + prefix))) {
      if (part.equals("_manifests")) {
        if (hasManifest(prefix)) {
          names.add(new RepositoryName(prefix));
        }
      } else if (!part.startsWith("_")) {
        walk(prefix.isEmpty() ? part : prefix + "/" + part);
      }
    }
  }

  private boolean hasManifest(String name) throws IOException {
    String folder = Keys.REPOSITORIES + "/" + name + "/_manifests";
    for (String algorithm : storage.list(folder)) {
      if (!storage.list(folder + "/" + algorithm, "", 1).isEmpty()) {
        return true;
      }
    }
    return false;
  }
}
