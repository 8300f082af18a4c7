package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildDisk;
import dev.gantry.engine.Container;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Volumes;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.kernel.TreeSize;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// `/system/df`: what images, containers, volumes and builds take on the disk. The sum is what the
/// disk itself says, so that these are allocated bytes and not lengths of files.
final class DiskUsage {
  private static final Set<String> TYPES = Set.of("container", "image", "volume", "build-cache");

  private final Engine engine;
  private final BuildDisk builds;

  DiskUsage(Engine engine, BuildDisk builds) {
    this.builds = builds;
    this.engine = engine;
  }

  /// @param types the kinds that are wanted; empty for all
  /// @param verbose whether the single objects are listed; empty where the client did not say
  Json.JsonObject json(List<String> types, Optional<Boolean> verbose, ApiVersion version) {
    for (String type : types) {
      if (!TYPES.contains(type)) {
        throw new Failure.InvalidRequest("unknown object type: " + type);
      }
    }
    Json.JsonObject json = Json.object();
    if (!version.atLeast(53) && verbose.isEmpty()) {
      lists(json, types, version);
    }
    if (version.atLeast(52)) {
      sums(json, types, verbose.orElse(false), version);
    }
    return json;
  }

  private static boolean wants(List<String> types, String type) {
    return types.isEmpty() || types.contains(type);
  }

  /// What versions before 1.53 say: all objects; null for kinds that are not wanted.
  private void lists(Json.JsonObject json, List<String> types, ApiVersion version) {
    boolean images = wants(types, "image");
    json.put("LayersSize", images ? layers() : 0);
    json.put("Images", images ? images(version) : Json.NULL);
    json.put("Containers", wants(types, "container") ? containers(version) : Json.NULL);
    json.put("Volumes", wants(types, "volume") ? volumes() : Json.NULL);
    json.put("BuildCache", wants(types, "build-cache") ? buildCache() : Json.NULL);
  }

  /// What versions from 1.52 on say: how many there are of each kind, how many are in use, and what
  /// removing the others would free.
  private void sums(Json.JsonObject json, List<String> types, boolean verbose, ApiVersion version) {
    if (wants(types, "image")) {
      Json.JsonArray items = images(version);
      long total = layers();
      Usage usage = new Usage(items.items().size(), count(items, DiskUsage::hasUsers), total);
      json.put("ImageUsage", usage.json(total - layersInUse(), verbose, items));
    }
    if (wants(types, "container")) {
      Json.JsonArray items = containers(version);
      json.put("ContainerUsage", sum(items, DiskUsage::lives, o -> o.number("SizeRw", 0), verbose));
    }
    if (wants(types, "volume")) {
      json.put(
          "VolumeUsage",
          sum(
              volumes(),
              o -> usageData(o).number("RefCount", 0) > 0,
              o -> usageData(o).number("Size", 0),
              verbose));
    }
    if (wants(types, "build-cache")) {
      // what an image has too is that image's
      json.put(
          "BuildCacheUsage",
          sum(
              buildCache(),
              o -> o.bool("InUse", false),
              o -> o.bool("Shared", false) ? 0 : o.number("Size", 0),
              verbose));
    }
  }

  private static boolean hasUsers(Json.JsonObject image) {
    return image.number("Containers", 0) > 0;
  }

  private static boolean lives(Json.JsonObject container) {
    return Set.of("running", "paused", "restarting").contains(container.string("State", ""));
  }

  private static Json.JsonObject usageData(Json.JsonObject volume) {
    return volume.object("UsageData").orElseGet(Json::object);
  }

  private static Stream<Json.JsonObject> objects(Json.JsonArray items) {
    return items.items().stream().map(i -> (Json.JsonObject) i);
  }

  private static long count(Json.JsonArray items, Predicate<Json.JsonObject> active) {
    return objects(items).filter(active).count();
  }

  private static Json sum(
      Json.JsonArray items,
      Predicate<Json.JsonObject> active,
      ToLongFunction<Json.JsonObject> size,
      boolean verbose) {
    Usage usage =
        new Usage(items.items().size(), count(items, active), objects(items).mapToLong(size).sum());
    long idle = objects(items).filter(active.negate()).mapToLong(size).sum();
    return usage.json(idle, verbose, items);
  }

  private record Usage(long count, long active, long size) {
    Json json(long reclaimable, boolean verbose, Json.JsonArray items) {
      Json.JsonObject json =
          Json.object()
              .put("ActiveCount", active)
              .put("TotalCount", count)
              .put("Reclaimable", reclaimable)
              .put("TotalSize", size);
      return verbose ? json.put("Items", items) : json;
    }
  }

  /// Bytes of the layers that containers stand on.
  private long layersInUse() {
    Map<Digest, Long> sizes = new HashMap<>();
    Set<String> used =
        engine.list().stream().map(c -> c.spec().imageId()).collect(Collectors.toSet());
    for (Image i : engine.images().list()) {
      if (used.contains(i.id().toString())) {
        List<Digest> chains = Images.chains(i.diffIds());
        List<Long> each = engine.images().layerSizes(i);
        for (int n = 0; n < chains.size(); n++) {
          sizes.put(chains.get(n), each.get(n));
        }
      }
    }
    return Math.min(layers(), sizes.values().stream().mapToLong(Long::longValue).sum());
  }

  private Json.JsonArray buildCache() {
    Json.JsonArray all = Json.array();
    for (BuildDisk.Entry e : builds.list()) {
      all.add(
          Json.object()
              .put("ID", e.id())
              .put("Type", e.type())
              .put("Description", e.description())
              .put("InUse", e.inUse())
              .put("Shared", e.shared())
              .put("Size", e.size())
              .put("CreatedAt", Times.nanos(e.created()))
              .put("LastUsedAt", Times.nanos(e.used()))
              .put("UsageCount", e.uses()));
    }
    return all;
  }

  /// Images may share layers: each layer counts once. What builds keep beside images is theirs.
  private long layers() {
    long cached =
        builds.list().stream()
            .filter(e -> e.isLayer() && !e.shared())
            .mapToLong(BuildDisk.Entry::size)
            .sum();
    return engine.images().diskUsage() - cached;
  }

  private Json.JsonArray images(ApiVersion version) {
    Json.JsonArray images = Json.array();
    List<Image> all = engine.images().list();
    for (Image i : all) {
      String id = i.id().toString();
      long users = engine.list().stream().filter(c -> c.spec().imageId().equals(id)).count();
      Map<String, String> labels = i.config().stringMap("Labels");
      Json.JsonObject json =
          Json.object()
              .put("Containers", users)
              .put("Created", i.created().getEpochSecond())
              .put("Id", id)
              .put(
                  "Labels",
                  labels.isEmpty() && !version.atLeast(52) ? Json.NULL : Json.strings(labels))
              .put("ParentId", "")
              .put("RepoDigests", version.atLeast(52) ? ImageJson.digests(i) : Json.NULL)
              .put(
                  "RepoTags",
                  Json.strings(
                      i.tags().stream().map(t -> ImageReference.parse(t).familiar()).toList()))
              .put("SharedSize", version.atLeast(52) ? ImageJson.shared(engine, i, all) : 0)
              .put("Size", i.size());
      if (!version.atLeast(44)) {
        json.put("VirtualSize", i.size());
      }
      images.add(json);
    }
    return images;
  }

  private Json.JsonArray containers(ApiVersion version) {
    Json.JsonArray containers = Json.array();
    for (Container c : engine.list()) {
      long disk = TreeSize.of(engine.layers(c).upper()).disk();
      Json.JsonObject row = ContainerJson.withSize(engine, c, version);
      containers.add(disk > 0 ? row.put("SizeRw", disk) : row.remove("SizeRw"));
    }
    return containers;
  }

  private Json.JsonArray volumes() {
    Json.JsonArray volumes = Json.array();
    for (Volumes.Volume v : engine.volumes().list()) {
      long users = engine.list().stream().filter(c -> engine.uses(c, v.name())).count();
      volumes.add(
          VolumeRoutes.json(v)
              .put(
                  "UsageData",
                  Json.object()
                      .put("RefCount", users)
                      .put("Size", TreeSize.of(v.mountpoint()).disk())));
    }
    return volumes;
  }

  /// Bytes of what a container has written.
  static long written(Engine engine, Container c) {
    return size(engine.layers(c).upper());
  }

  /// Bytes of the regular files below `folder`.
  static long size(Path folder) {
    return TreeSize.of(folder).bytes();
  }
}
