package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildDisk;
import dev.gantry.engine.Container;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Volumes;
import dev.gantry.images.Image;
import dev.gantry.json.Json;
import dev.gantry.oci.ImageReference;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// `/system/df`: what images, containers and volumes take on the disk.
final class DiskUsage {
  private static final Set<String> TYPES = Set.of("container", "image", "volume", "build-cache");

  private final Engine engine;
  private final BuildDisk builds;

  DiskUsage(Engine engine, BuildDisk builds) {
    this.builds = builds;
    this.engine = engine;
  }

  /// @param types the lists that are wanted; empty for all. The others are null
  Json.JsonObject json(List<String> types, ApiVersion version) {
    for (String type : types) {
      if (!TYPES.contains(type)) {
        throw new Failure.InvalidRequest("unknown object type: " + type);
      }
    }
    boolean all = types.isEmpty();
    Json.JsonObject json = Json.object();
    boolean images = all || types.contains("image");
    json.put("LayersSize", images ? layers() : 0);
    json.put("Images", images ? images(version) : Json.NULL);
    json.put("Containers", all || types.contains("container") ? containers(version) : Json.NULL);
    json.put("Volumes", all || types.contains("volume") ? volumes() : Json.NULL);
    json.put("BuildCache", all || types.contains("build-cache") ? buildCache() : Json.NULL);
    return json;
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

  /// Images may share layers: each layer counts once.
  private long layers() {
    return engine.images().diskUsage();
  }

  private Json.JsonArray images(ApiVersion version) {
    Json.JsonArray images = Json.array();
    for (Image i : engine.images().list()) {
      String id = i.id().toString();
      long users = engine.list().stream().filter(c -> c.spec().imageId().equals(id)).count();
      Map<String, String> labels = i.config().stringMap("Labels");
      Json.JsonObject json =
          Json.object()
              .put("Containers", users)
              .put("Created", i.created().getEpochSecond())
              .put("Id", id)
              .put("Labels", labels.isEmpty() ? Json.NULL : Json.strings(labels))
              .put("ParentId", "")
              .put("RepoDigests", Json.NULL)
              .put(
                  "RepoTags",
                  Json.strings(
                      i.tags().stream().map(t -> ImageReference.parse(t).familiar()).toList()))
              .put("SharedSize", 0)
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
    engine.list().forEach(c -> containers.add(ContainerJson.withSize(engine, c, version)));
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
                  Json.object().put("RefCount", users).put("Size", size(v.mountpoint()))));
    }
    return volumes;
  }

  /// Bytes of what a container has written.
  static long written(Engine engine, Container c) {
    return size(engine.layers(c).upper());
  }

  /// Bytes of the regular files below `folder`; what vanishes meanwhile counts nothing.
  static long size(Path folder) {
    long[] sum = {0};
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              sum[0] += attributes.isRegularFile() ? attributes.size() : 0;
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      return sum[0];
    }
    return sum[0];
  }
}
