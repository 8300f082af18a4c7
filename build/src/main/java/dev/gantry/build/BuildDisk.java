package dev.gantry.build;

import dev.gantry.images.Images;
import dev.gantry.images.LayerCache;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/// What builds keep on the disk: layers, the folders of cache mounts, and contexts of clients.
/// Thread-safe.
public final class BuildDisk {
  /// One thing that is kept.
  ///
  /// @param type `regular` for layers, `exec.cachemount` for cache mounts, `source.local` for
  ///   contexts, as BuildKit calls them
  /// @param size bytes on the disk; of a shared layer those of its files
  /// @param shared an image or another entry holds it too: removing it frees nothing
  /// @param remove forgets it; false if that cannot be now
  public record Entry(
      String id,
      String type,
      String description,
      long size,
      boolean inUse,
      boolean shared,
      Instant created,
      Instant used,
      long uses,
      BooleanSupplier remove) {
    /// True for a layer, false for a folder.
    public boolean isLayer() {
      return type.equals("regular");
    }
  }

  private final Builder builder;
  private final AtomicInteger ended = new AtomicInteger(); // builds since the last look
  private final AtomicBoolean loose = new AtomicBoolean(); // something may lie there for nobody
  private volatile Supplier<CachePolicy> policy = () -> CachePolicy.NONE;

  BuildDisk(Builder builder) {
    this.builder = builder;
  }

  /// Says how much may be kept, from now on.
  public void policy(Supplier<CachePolicy> given) {
    policy = given;
  }

  /// Everything, what was not used for longest first.
  public List<Entry> list() {
    List<Entry> all = new ArrayList<>();
    Images images = builder.engine().images();
    LayerCache cache = images.cache();
    Set<Digest> shared = images.usedChains();
    for (Map.Entry<Digest, LayerCache.Entry> e : cache.entries().entrySet()) {
      LayerCache.Entry layer = e.getValue();
      boolean isShared = !shared.add(layer.chain());
      all.add(
          new Entry(
              e.getKey().hex().substring(0, 25),
              "regular",
              layer.description(),
              isShared ? layer.size() : images.diskUsage(layer),
              false,
              isShared,
              layer.created(),
              layer.used(),
              layer.uses(),
              () -> {
                cache.remove(e.getKey());
                return true;
              }));
    }
    all.addAll(mounts());
    all.addAll(contexts());
    all.sort(Comparator.comparing(Entry::used));
    return all;
  }

  /// The folders of cache mounts.
  public List<Entry> mounts() {
    CacheMounts mounts = builder.mounts();
    try {
      return mounts.list().stream().map(m -> mount(mounts, m)).toList();
    } catch (IOException | UncheckedIOException e) {
      System.getLogger("gantryd").log(System.Logger.Level.WARNING, "cannot list caches", e);
      return List.of();
    }
  }

  private static Entry mount(CacheMounts mounts, CacheMounts.Mount m) {
    return new Entry(
        m.folder().getFileName().toString().substring(0, 25),
        "exec.cachemount",
        "cached mount " + m.name(),
        m.size(),
        m.inUse(),
        false,
        m.created(),
        m.used(),
        1,
        () -> {
          try {
            return mounts.remove(m);
          } catch (IOException e) {
            System.getLogger("gantryd").log(System.Logger.Level.WARNING, "cannot remove", e);
            return false;
          }
        });
  }

  private List<Entry> contexts() {
    KeptContexts contexts = builder.contexts();
    return contexts.kept().stream()
        .map(
            kept ->
                new Entry(
                    kept.folder().getFileName().toString().substring(0, 25),
                    "source.local",
                    "local source of a client",
                    contexts.size(kept),
                    kept.inUse(),
                    false,
                    kept.used(),
                    kept.used(),
                    1,
                    () -> contexts.remove(kept)))
        .toList();
  }

  // ---- keeping to the policy

  /// A build has ended: removes what the policy does not allow any more, on a thread of its own,
  /// one at a time.
  ///
  /// @param early whether it has left content that nothing needs
  void settle(boolean early) {
    if (early) {
      loose.set(true);
    }
    if ((early || !policy.get().rules().isEmpty()) && ended.getAndIncrement() == 0) {
      Thread ignored = Thread.ofVirtual().name("build-cache").start(this::collect);
    }
  }

  private void collect() {
    int seen;
    do {
      seen = ended.get();
      try {
        if (loose.getAndSet(false)) {
          long ignored = builder.engine().images().collect();
        }
        for (CachePolicy.Rule rule : policy.get().rules()) {
          List<Entry> ignored = prune(rule);
        }
      } catch (IOException | RuntimeException e) {
        System.getLogger("gantryd").log(System.Logger.Level.WARNING, "cannot tidy build caches", e);
      }
    } while (ended.addAndGet(-seen) > 0); // others have ended meanwhile
  }

  /// Removes, what was not used for longest first, until a rule is kept; what was removed.
  public List<Entry> prune(CachePolicy.Rule rule) throws IOException {
    return prune(list(), rule);
  }

  /// The same with `all` instead of everything, in their order.
  public List<Entry> prune(List<Entry> all, CachePolicy.Rule rule) throws IOException {
    long total = all.stream().filter(rule::fits).mapToLong(Entry::size).sum();
    long keep =
        rule.keep(total, Files.getFileStore(builder.folder().toRealPath()).getUsableSpace());
    Instant before = Instant.now().minus(rule.age());
    List<Entry> removed = new ArrayList<>();
    for (Entry entry : all) {
      boolean young = !rule.age().isZero() && entry.used().isAfter(before);
      boolean wanted =
          rule.fits(entry) && (rule.all() || !entry.shared()) && !entry.inUse() && !young;
      if (wanted && (total > keep || keep == 0) && entry.remove().getAsBoolean()) {
        total -= entry.size();
        removed.add(entry);
      }
    }
    if (!removed.isEmpty()) {
      long ignored = builder.engine().images().collect();
    }
    return removed;
  }
}
