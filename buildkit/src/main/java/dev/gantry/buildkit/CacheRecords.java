package dev.gantry.buildkit;

import dev.gantry.build.BuildDisk;
import dev.gantry.engine.Engine;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// What builds keep: layers, cache mounts, and contexts of clients. `DiskUsage` lists it, `Prune`
/// removes it.
final class CacheRecords {
  private final Engine engine;
  private final BuildDisk disk;
  private final Contexts contexts;

  CacheRecords(Engine engine, BuildDisk disk, Contexts contexts) {
    this.engine = engine;
    this.disk = disk;
    this.contexts = contexts;
  }

  /// One thing that is kept.
  ///
  /// @param shared an image holds it too, so that removing it frees nothing
  /// @param remove forgets it; false if that cannot be now
  record Kept(
      String id,
      String type,
      String description,
      long size,
      boolean inUse,
      boolean shared,
      Instant created,
      Instant used,
      long uses,
      java.util.function.BooleanSupplier remove) {
    /// `UsageRecord`.
    Message message() {
      return new Message()
          .text(1, id)
          .flag(2, !type.equals("regular"))
          .flag(3, inUse)
          .number(4, size)
          .time(6, created)
          .time(7, used)
          .number(8, uses)
          .text(9, description)
          .text(10, type)
          .flag(11, shared);
    }
  }

  /// Everything that a filter lets through, what was not used for longest first.
  List<Kept> list(List<String> filters) throws GrpcException {
    CacheFilter filter = CacheFilter.parse(filters);
    List<Kept> all = new ArrayList<>();
    for (BuildDisk.Entry e : disk.list()) {
      all.add(entry(e));
    }
    for (Contexts.Kept kept : contexts.kept()) {
      all.add(context(kept));
    }
    all.removeIf(k -> !filter.matches(k));
    all.sort(Comparator.comparing(Kept::used));
    return all;
  }

  private static Kept entry(BuildDisk.Entry e) {
    return new Kept(
        e.id(),
        e.type(),
        e.description(),
        e.size(),
        e.inUse(),
        e.shared(),
        e.created(),
        e.used(),
        e.uses(),
        e.remove());
  }

  private Kept context(Contexts.Kept kept) {
    return new Kept(
        kept.folder().getFileName().toString().substring(0, 25),
        "source.local",
        "local source of a client",
        size(kept.folder()),
        kept.inUse(),
        false,
        kept.used(),
        kept.used(),
        1,
        () -> contexts.remove(kept));
  }

  private static long size(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS))
          .mapToLong(f -> f.toFile().length())
          .sum();
    } catch (IOException | java.io.UncheckedIOException e) {
      return 0; // it is being removed
    }
  }

  /// What shall go.
  ///
  /// @param all also what images hold
  /// @param age keep what was used since
  /// @param reserved bytes that may stay in any case
  /// @param most bytes that may stay; 0 for no such limit
  /// @param free bytes that shall be free on the disk; 0 for no such limit
  record Wish(
      List<String> filters, boolean all, Duration age, long reserved, long most, long free) {
    static Wish read(Message request) {
      return new Wish(
          request.texts(1),
          request.flag(2),
          Duration.ofNanos(Math.max(0, request.number(3))),
          request.number(4),
          request.number(5),
          request.number(6));
    }

    /// How many bytes may stay of `total`.
    long keep(long total, long freeNow) {
      if (most <= 0 && free <= 0) {
        return reserved;
      }
      long keep = most > 0 ? most : total;
      if (free > 0 && freeNow < free) {
        keep = Math.min(keep, total - (free - freeNow));
      }
      return Math.max(keep, reserved);
    }
  }

  /// Removes and says what was removed.
  List<Kept> prune(Wish wish) throws GrpcException, IOException {
    List<Kept> all = list(wish.filters());
    long total = all.stream().mapToLong(Kept::size).sum();
    long keep = wish.keep(total, Files.getFileStore(engine.folder("build")).getUsableSpace());
    Instant before = Instant.now().minus(wish.age());
    List<Kept> removed = new ArrayList<>();
    for (Kept kept : all) {
      boolean young = !wish.age().isZero() && kept.used().isAfter(before);
      boolean wanted = (wish.all() || !kept.shared()) && !kept.inUse() && !young;
      if (wanted && total > keep || wanted && keep == 0) {
        if (kept.remove().getAsBoolean()) {
          total -= kept.size();
          removed.add(kept);
        }
      }
    }
    long ignored = engine.images().collect();
    if (!removed.isEmpty()) {
      long freed = removed.stream().filter(k -> !k.shared()).mapToLong(Kept::size).sum();
      engine.publishEvent("builder", "prune", "", Map.of("reclaimed", Long.toString(freed)));
    }
    return removed;
  }
}
