package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.Engine;
import dev.gantry.json.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a request wants mounted: `Binds`, `Mounts`, `Tmpfs`, `VolumesFrom` and the `Volumes` of
/// request and image.
final class MountRequests {
  private static final Set<String> PROPAGATIONS =
      Set.of("private", "rprivate", "shared", "rshared", "slave", "rslave");

  private final Engine engine;
  private final Json.JsonObject config;
  private final Json.JsonObject host;
  private final Json.JsonObject image;
  private final List<ContainerSpec.Mount> mounts = new ArrayList<>();

  private MountRequests(
      Engine engine, Json.JsonObject config, Json.JsonObject host, Json.JsonObject image) {
    this.engine = engine;
    this.config = config;
    this.host = host;
    this.image = image;
  }

  /// The mounts, none on the target of another.
  static List<ContainerSpec.Mount> read(
      Engine engine, Json.JsonObject config, Json.JsonObject host, Json.JsonObject image) {
    MountRequests requests = new MountRequests(engine, config, host, image);
    requests.readMounts();
    return requests.mounts;
  }

  private void readMounts() {
    List<ContainerSpec.Mount> others = volumesFrom();
    for (String bind : host.strings("Binds")) {
      mounts.add(bind(bind));
    }
    for (Json.JsonObject m : host.objects("Mounts")) {
      mounts.add(mount(m));
    }
    host.stringMap("Tmpfs")
        .forEach(
            (target, options) ->
                add(
                    new ContainerSpec.Mount(
                        "tmpfs",
                        "",
                        target,
                        false,
                        "",
                        false,
                        false,
                        options.isEmpty() ? List.of() : List.of(options.split(",")))));
    others.removeIf(m -> mounts.stream().anyMatch(own -> own.target().equals(m.target())));
    mounts.addAll(others);
    for (Json.JsonObject from : List.of(config, image)) {
      from.object("Volumes")
          .ifPresent(
              volumes ->
                  volumes
                      .members()
                      .keySet()
                      .forEach(
                          target -> {
                            if (mounts.stream().noneMatch(m -> m.target().equals(target))) {
                              mounts.add(
                                  new ContainerSpec.Mount(
                                      "volume", "", target, false, "", false, false, List.of()));
                            }
                          }));
    }
    for (int i = 0; i < mounts.size(); i++) {
      for (int k = 0; k < i; k++) {
        if (mounts.get(i).target().equals(mounts.get(k).target())) {
          throw new Failure.InvalidRequest("Duplicate mount point: " + mounts.get(i).target());
        }
      }
    }
  }

  /// The binds and volumes of other containers; an anonymous volume stays theirs.
  private List<ContainerSpec.Mount> volumesFrom() {
    List<ContainerSpec.Mount> taken = new ArrayList<>();
    for (String text : host.strings("VolumesFrom")) {
      int colon = text.indexOf(':');
      String ref = colon < 0 ? text : text.substring(0, colon);
      String mode = colon < 0 ? "" : text.substring(colon + 1);
      if (!List.of("", "rw", "ro", "z", "Z", "ro,z", "ro,Z", "rw,z", "rw,Z").contains(mode)) {
        throw new Failure.InvalidRequest("invalid mode: " + mode);
      }
      Container other =
          engine
              .find(ref)
              .orElseThrow(() -> new Failure.InvalidRequest("No such container: " + ref));
      java.util.Iterator<String> anonymous = other.anonymousVolumes().iterator();
      for (ContainerSpec.Mount m : other.spec().mounts()) {
        String source =
            m.kind().equals("volume") && m.source().isEmpty() ? anonymous.next() : m.source();
        if (m.kind().equals("tmpfs") || m.kind().equals("image")) {
          continue;
        }
        taken.removeIf(t -> t.target().equals(m.target()));
        taken.add(
            new ContainerSpec.Mount(
                m.kind(),
                source,
                m.target(),
                m.readOnly() || mode.startsWith("ro"),
                m.propagation(),
                m.makeSource(),
                true,
                List.of(),
                m.subpath(),
                m.recursion(),
                null));
      }
    }
    return taken;
  }

  private void add(ContainerSpec.Mount m) {
    mounts.add(m);
  }

  private static ContainerSpec.Mount bind(String text) {
    String[] parts = text.split(":", -1);
    if (parts.length == 1 && text.startsWith("/") && !text.equals("/")) {
      return new ContainerSpec.Mount("volume", "", clean(text), false, "", false, false, List.of());
    }
    if (parts.length < 2 || parts.length > 3 || parts[0].isEmpty()) {
      throw new Failure.InvalidRequest("invalid volume specification: '" + text + "'");
    }
    if (!parts[1].startsWith("/") || clean(parts[1]).equals("/")) {
      throw new Failure.InvalidRequest(
          "invalid volume specification: '"
              + text
              + "': invalid mount config for type \""
              + (parts[0].startsWith("/") ? "bind" : "volume")
              + "\": "
              + (parts[1].startsWith("/")
                  ? "invalid specification: destination can't be '/'"
                  : "invalid mount path: '" + parts[1] + "' mount path must be absolute"));
    }
    boolean readOnly = false;
    boolean noCopy = false;
    String propagation = "";
    for (String mode : parts.length == 3 ? parts[2].split(",") : new String[0]) {
      switch (mode) {
        case "ro" -> readOnly = true;
        case "nocopy" -> noCopy = true;
        case "rw", "z", "Z", "copy", "consistent", "cached", "delegated", "" -> {}
        case "private", "rprivate", "shared", "rshared", "slave", "rslave" -> propagation = mode;
        default -> throw new Failure.InvalidRequest("invalid mode: " + parts[2]);
      }
    }
    String kind = parts[0].startsWith("/") ? "bind" : "volume";
    return new ContainerSpec.Mount(
        kind, parts[0], clean(parts[1]), readOnly, propagation, true, noCopy, List.of());
  }

  private static String clean(String path) {
    return Path.of(path).normalize().toString();
  }

  private ContainerSpec.Mount mount(Json.JsonObject m) {
    String kind = m.string("Type", "");
    String target = m.string("Target", "");
    String source = m.string("Source", "");
    String prefix = "invalid mount config for type \"" + kind + "\": ";
    if (target.isEmpty()) {
      throw new Failure.InvalidRequest(prefix + "field Target must not be empty");
    }
    if (!target.startsWith("/")) {
      throw new Failure.InvalidRequest(
          prefix + "invalid mount path: '" + target + "' mount path must be absolute");
    }
    if (clean(target).equals("/")) {
      throw new Failure.InvalidRequest(prefix + "invalid specification: destination can't be '/'");
    }
    noOptionsOfOthers(m, kind, prefix);
    boolean readOnly = m.bool("ReadOnly", false);
    switch (kind) {
      case "bind" -> {
        if (source.isEmpty()) {
          throw new Failure.InvalidRequest(prefix + "field Source must not be empty");
        }
        if (!source.startsWith("/")) {
          throw new Failure.InvalidRequest(
              prefix + "invalid mount path: '" + source + "' mount path must be absolute");
        }
        Json.JsonObject options = m.object("BindOptions").orElseGet(Json::object);
        boolean make = options.bool("CreateMountpoint", false);
        if (!make && !Files.exists(Path.of(source))) {
          throw new Failure.InvalidRequest(prefix + "bind source path does not exist: " + source);
        }
        return new ContainerSpec.Mount(
            "bind",
            source,
            clean(target),
            readOnly,
            options.string("Propagation", ""),
            make,
            false,
            List.of(),
            null,
            recursion(options, readOnly, prefix),
            null);
      }
      case "volume" -> {
        Json.JsonObject options = m.object("VolumeOptions").orElseGet(Json::object);
        Json.JsonObject driver = options.object("DriverConfig").orElseGet(Json::object);
        if (!List.of("", "local").contains(driver.string("Name", ""))) {
          throw new Failure.InvalidRequest(
              "error looking up volume plugin "
                  + driver.string("Name", "")
                  + ": plugin \""
                  + driver.string("Name", "")
                  + "\" not found");
        }
        return new ContainerSpec.Mount(
            "volume",
            source,
            clean(target),
            readOnly,
            "",
            false,
            options.bool("NoCopy", false),
            List.of(),
            subpath(options, prefix),
            null,
            options.has("Labels") || driver.has("Options")
                ? new ContainerSpec.VolumeWish(
                    options.stringMap("Labels"), driver.stringMap("Options"))
                : null);
      }
      case "image" -> {
        if (source.isEmpty()) {
          throw new Failure.InvalidRequest(prefix + "field Source must not be empty");
        }
        Json.JsonObject options = m.object("ImageOptions").orElseGet(Json::object);
        List<String> layers =
            engine.images().require(source).diffIds().stream().map(Object::toString).toList();
        return new ContainerSpec.Mount(
            "image",
            source,
            clean(target),
            true,
            "",
            false,
            true,
            layers,
            subpath(options, prefix),
            null,
            null);
      }
      case "tmpfs" -> {
        if (!source.isEmpty()) {
          throw new Failure.InvalidRequest(prefix + "field Source must not be specified");
        }
        Json.JsonObject options = m.object("TmpfsOptions").orElseGet(Json::object);
        List<String> texts = new ArrayList<>();
        if (options.number("SizeBytes", 0) > 0) {
          texts.add("size=" + options.number("SizeBytes", 0));
        }
        if (options.number("Mode", 0) > 0) {
          texts.add("mode=" + Long.toOctalString(options.number("Mode", 0)));
        }
        if (readOnly) {
          texts.add("ro");
        }
        if (options.get("Options") instanceof Json.JsonArray list) {
          for (Json item : list) {
            texts.add(tmpfsOption(item, prefix));
          }
        }
        return new ContainerSpec.Mount(
            "tmpfs", "", clean(target), readOnly, "", false, false, texts);
      }
      default -> throw new Failure.InvalidRequest(prefix + "mount type unknown");
    }
  }

  /// `[NAME]` or `[NAME, VALUE]`, of those that a tmpfs may be given by anybody.
  private static String tmpfsOption(Json item, String prefix) {
    List<String> words = new ArrayList<>();
    if (item instanceof Json.JsonArray pair) {
      pair.forEach(word -> words.add(word instanceof Json.JsonString t ? t.value() : word.text()));
    }
    boolean known =
        switch (words.isEmpty() ? "" : words.getFirst()) {
          case "exec", "noexec" -> words.size() == 1;
          case "uid", "gid", "nr_inodes", "nr_blocks" -> words.size() == 2;
          default -> false;
        };
    if (!known) {
      throw new Failure.InvalidRequest(prefix + "invalid tmpfs option " + String.join("=", words));
    }
    return String.join("=", words);
  }

  /// A part of a volume or image, as it stands in it.
  private static @Nullable String subpath(Json.JsonObject options, String prefix) {
    String subpath = options.string("Subpath", "");
    if (subpath.isEmpty()) {
      return null;
    }
    Path path = Path.of(subpath).normalize();
    if (path.isAbsolute() || path.startsWith("..")) {
      throw new Failure.InvalidRequest(
          prefix + "subpath must be a relative path within the volume");
    }
    return path.toString();
  }

  /// What is mounted below a bind; Docker's words.
  private static @Nullable String recursion(
      Json.JsonObject options, boolean readOnly, String prefix) {
    boolean none = options.bool("NonRecursive", false);
    boolean writable = options.bool("ReadOnlyNonRecursive", false);
    boolean force = options.bool("ReadOnlyForceRecursive", false);
    if (!readOnly && (writable || force)) {
      throw new Failure.InvalidRequest(
          prefix
              + "mount source must be read-only to use "
              + (writable ? "ReadOnlyNonRecursive" : "ReadOnlyForceRecursive"));
    }
    if (writable && force) {
      throw new Failure.InvalidRequest(
          prefix + "ReadOnlyNonRecursive and ReadOnlyForceRecursive exclude each other");
    }
    String propagation = options.string("Propagation", "");
    if (!propagation.isEmpty() && !PROPAGATIONS.contains(propagation)) {
      throw new Failure.InvalidRequest(prefix + "invalid propagation mode: " + propagation);
    }
    if (force && !propagation.equals("rprivate")) {
      throw new Failure.InvalidRequest(
          prefix + "ReadOnlyForceRecursive needs the propagation rprivate");
    }
    return none ? "none" : writable ? "writable" : null;
  }

  private static void noOptionsOfOthers(Json.JsonObject m, String kind, String prefix) {
    if (kind.equals("bind") && m.object("VolumeOptions").isPresent()) {
      throw new Failure.InvalidRequest(
          "VolumeOptions must not be specified on mount type \"bind\"");
    }
    Map<String, String> owners =
        Map.of("BindOptions", "bind", "VolumeOptions", "volume", "TmpfsOptions", "tmpfs");
    owners.forEach(
        (field, owner) -> {
          if (List.of("bind", "volume", "tmpfs").contains(kind)
              && !kind.equals(owner)
              && m.object(field).isPresent()) {
            throw new Failure.InvalidRequest(prefix + "field " + field + " must not be specified");
          }
        });
  }
}
