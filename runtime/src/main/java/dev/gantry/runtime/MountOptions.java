package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.oci.RuntimeSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// A mount's options, sorted by what applies them (config.md#linux-mount-options).
///
/// @param bind a mount of a folder or file that is there, `recursive` with what is mounted below it
/// @param remount changes a mount that is there instead of making one
/// @param own attributes of the mount itself (mount_setattr(2))
/// @param below attributes of the mount and of those below it (`rro` and its kin)
/// @param propagation MS_SHARED and so on, with MS_REC; 0 where nothing was said
/// @param copyUp begin with what the image has at the destination
/// @param idmap shift owners by the mappings of the mount or, without any, the container's;
///   `recursiveIdmap` those of the mounts below it as well
/// @param flags of the file system: `sync`, `dirsync`, `lazytime`
/// @param data what only the file system knows
record MountOptions(
    boolean bind,
    boolean recursive,
    boolean remount,
    Attributes own,
    Attributes below,
    int propagation,
    boolean copyUp,
    boolean idmap,
    boolean recursiveIdmap,
    List<String> flags,
    List<String> data) {

  static final int MS_REC = 0x4000;
  static final int MS_UNBINDABLE = 1 << 17;
  static final int MS_PRIVATE = 1 << 18;
  static final int MS_SLAVE = 1 << 19;
  static final int MS_SHARED = 1 << 20;

  static final int RDONLY = 1;
  private static final int NOSUID = 2;
  private static final int NODEV = 4;
  private static final int NOEXEC = 8;
  private static final int ATIME = 0x70;
  private static final int NOATIME = 0x10;
  private static final int STRICTATIME = 0x20;
  private static final int NODIRATIME = 0x80;
  private static final int NOSYMFOLLOW = 0x200000;

  /// What mount_setattr(2) is told: the way of keeping access times is a field, not a bit.
  record Attributes(long set, long clear) {
    static final Attributes NONE = new Attributes(0, 0);

    boolean isNone() {
      return set == 0 && clear == 0;
    }

    /// Both, where `later` wins.
    Attributes and(Attributes later) {
      return new Attributes((set & ~later.clear) | later.set, (clear & ~later.set) | later.clear);
    }
  }

  private static final Map<String, Attributes> ATTRIBUTES =
      Map.ofEntries(
          on("ro", RDONLY),
          off("rw", RDONLY),
          on("nosuid", NOSUID),
          off("suid", NOSUID),
          on("nodev", NODEV),
          off("dev", NODEV),
          on("noexec", NOEXEC),
          off("exec", NOEXEC),
          on("nodiratime", NODIRATIME),
          off("diratime", NODIRATIME),
          on("nosymfollow", NOSYMFOLLOW),
          off("symfollow", NOSYMFOLLOW),
          time("noatime", NOATIME),
          time("atime", 0),
          time("strictatime", STRICTATIME),
          time("nostrictatime", 0),
          time("relatime", 0),
          time("norelatime", 0));

  static final Map<String, Integer> PROPAGATION =
      Map.of(
          "private",
          MS_PRIVATE,
          "rprivate",
          MS_PRIVATE | MS_REC,
          "slave",
          MS_SLAVE,
          "rslave",
          MS_SLAVE | MS_REC,
          "shared",
          MS_SHARED,
          "rshared",
          MS_SHARED | MS_REC,
          "unbindable",
          MS_UNBINDABLE,
          "runbindable",
          MS_UNBINDABLE | MS_REC);

  private static final Set<String> FLAGS = Set.of("sync", "dirsync", "lazytime");

  /// The kernel's own way, or without effect since Linux 5.15 (`mand`), or only for its log.
  private static final Set<String> DEFAULTS =
      Set.of(
          "defaults",
          "async",
          "nolazytime",
          "mand",
          "nomand",
          "iversion",
          "noiversion",
          "silent",
          "loud",
          "nofail");

  private static Map.Entry<String, Attributes> on(String name, long bit) {
    return Map.entry(name, new Attributes(bit, 0));
  }

  private static Map.Entry<String, Attributes> off(String name, long bit) {
    return Map.entry(name, new Attributes(0, bit));
  }

  private static Map.Entry<String, Attributes> time(String name, long value) {
    return Map.entry(name, new Attributes(value, ATIME));
  }

  /// The options that are understood here; others go to the file system.
  static List<String> names() {
    TreeSet<String> names =
        new TreeSet<>(Set.of("bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"));
    ATTRIBUTES.keySet().forEach(a -> names.addAll(List.of(a, "r" + a)));
    names.addAll(PROPAGATION.keySet());
    names.addAll(FLAGS);
    names.addAll(DEFAULTS);
    return List.copyOf(names);
  }

  static MountOptions of(RuntimeSpec.Mount mount) {
    boolean bind = "bind".equals(mount.type());
    boolean recursive = false;
    boolean remount = false;
    Attributes own = Attributes.NONE;
    Attributes below = Attributes.NONE;
    int propagation = 0;
    boolean copyUp = false;
    boolean idmap = !mount.uidMappings().isEmpty() || !mount.gidMappings().isEmpty();
    boolean recursiveIdmap = false;
    List<String> flags = new ArrayList<>();
    List<String> data = new ArrayList<>();
    for (String option : mount.options()) {
      @Nullable Attributes attributes = ATTRIBUTES.get(option);
      @Nullable Attributes deep =
          option.startsWith("r") ? ATTRIBUTES.get(option.substring(1)) : null;
      if (attributes != null) {
        own = own.and(attributes);
      } else if (PROPAGATION.containsKey(option)) {
        propagation = PROPAGATION.getOrDefault(option, 0);
      } else if (deep != null) {
        below = below.and(deep);
      } else if (option.equals("bind") || option.equals("rbind")) {
        bind = true;
        recursive |= option.equals("rbind");
      } else if (option.equals("remount")) {
        remount = true;
      } else if (option.equals("tmpcopyup")) {
        copyUp = true;
      } else if (option.equals("idmap") || option.equals("ridmap")) {
        idmap = true;
        recursiveIdmap = option.equals("ridmap");
      } else if (FLAGS.contains(option)) {
        flags.add(option);
      } else if (!DEFAULTS.contains(option)) {
        data.add(option);
      }
    }
    if (idmap && !bind) {
      throw new Failure.Unsupported(
          "the mount on "
              + mount.destination()
              + " cannot be idmapped: that is for bind mounts only");
    }
    if (idmap && mount.uidMappings().isEmpty() != mount.gidMappings().isEmpty()) {
      throw new Failure.InvalidRequest(
          "the mount on "
              + mount.destination()
              + " needs both uidMappings and gidMappings, or none");
    }
    return new MountOptions(
        bind,
        recursive,
        remount,
        own,
        below,
        propagation,
        copyUp,
        idmap,
        recursiveIdmap,
        List.copyOf(flags),
        List.copyOf(data));
  }

  /// A plain bind of one mount.
  static MountOptions plain() {
    return new MountOptions(
        true,
        false,
        false,
        Attributes.NONE,
        Attributes.NONE,
        0,
        false,
        false,
        false,
        List.of(),
        List.of());
  }
}
