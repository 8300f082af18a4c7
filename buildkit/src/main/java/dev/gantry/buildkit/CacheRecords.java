package dev.gantry.buildkit;

import dev.gantry.build.BuildDisk;
import dev.gantry.build.CachePolicy;
import dev.gantry.engine.Engine;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// What builds keep: layers, cache mounts, and contexts of clients. `DiskUsage` lists it, `Prune`
/// removes it.
final class CacheRecords {
  private final Engine engine;
  private final BuildDisk disk;

  CacheRecords(Engine engine, BuildDisk disk) {
    this.engine = engine;
    this.disk = disk;
  }

  /// `UsageRecord`.
  static Message message(BuildDisk.Entry entry) {
    return new Message()
        .text(1, entry.id())
        .flag(2, !entry.type().equals("regular"))
        .flag(3, entry.inUse())
        .number(4, entry.size())
        .time(6, entry.created())
        .time(7, entry.used())
        .number(8, entry.uses())
        .text(9, entry.description())
        .text(10, entry.type())
        .flag(11, entry.shared());
  }

  /// Everything that a filter lets through, what was not used for longest first.
  List<BuildDisk.Entry> list(List<String> filters) throws GrpcException {
    CacheFilter filter = CacheFilter.parse(filters);
    List<BuildDisk.Entry> all = new ArrayList<>(disk.list());
    all.removeIf(entry -> !filter.matches(entry));
    return all;
  }

  /// Removes what a `PruneRequest` asks for, and says what was removed.
  List<BuildDisk.Entry> prune(Message request) throws GrpcException, IOException {
    CachePolicy.Rule rule =
        new CachePolicy.Rule(
            request.flag(2),
            List.of(),
            Duration.ofNanos(Math.max(0, request.number(3))),
            request.number(4),
            request.number(5),
            request.number(6));
    List<BuildDisk.Entry> removed = disk.prune(list(request.texts(1)), rule);
    if (!removed.isEmpty()) {
      long freed = removed.stream().filter(e -> !e.shared()).mapToLong(BuildDisk.Entry::size).sum();
      engine.publishEvent("builder", "prune", "", Map.of("reclaimed", Long.toString(freed)));
    }
    return removed;
  }
}
