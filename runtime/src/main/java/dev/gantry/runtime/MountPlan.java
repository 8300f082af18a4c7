package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.base.Failure;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import dev.gantry.runtime.MountOptions.Attributes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The file system part of a launch plan: root, mounts, devices, masked and read-only paths.
///
/// Every mount goes from a detached mount to a descriptor of its target (open_tree/fsmount, then
/// move_mount), and targets are opened with openat2 inside the root, so that no link in the image
/// can lead a mount or a write elsewhere (CVE-2021-30465 and its kin).
final class MountPlan {
  private static final int MS_REC = MountOptions.MS_REC;
  private static final int MS_PRIVATE = MountOptions.MS_PRIVATE;
  private static final int MS_SLAVE = MountOptions.MS_SLAVE;
  private static final int MS_SHARED = MountOptions.MS_SHARED;
  private static final int MS_BIND = 0x1000;
  private static final int MNT_DETACH = 2;

  private static final int ATTR_RDONLY = MountOptions.RDONLY;
  private static final int ATTR_IDMAP = 0x100000;

  private static final int OPEN_TREE_CLONE = 1;
  private static final int AT_RECURSIVE = 0x8000;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int MOVE_EMPTY_SOURCE = 0x4;
  private static final int MOVE_EMPTY_BOTH = 0x4 | 0x40;
  private static final int FSPICK_EMPTY_PATH = 8;
  private static final int FSCONFIG_SET_FLAG = 0;
  private static final int FSCONFIG_SET_STRING = 1;
  private static final int FSCONFIG_CREATE = 6;
  private static final int FSCONFIG_RECONFIGURE = 7;
  private static final int CLOEXEC = 1;
  private static final int OPTION_LIMIT = 4000;

  private static final int S_IFCHR = 0020000;
  private static final int S_IFBLK = 0060000;
  private static final int S_IFIFO = 0010000;

  private static final String NO_SUCH_SOURCE =
      "invalid mount config for type \"bind\": bind source path does not exist: ";

  private final LaunchPlan plan;
  private final RuntimeSpec spec;
  private final Rootfs rootfs;
  private final CgroupLayout cgroups;
  private final String cgroup;
  private final boolean userNamespace;

  /// Mounts that the monitor made with the host's rights, because a child in a user namespace has
  /// none there; by what is mounted.
  private final Map<String, Argument> prepared = new LinkedHashMap<>();

  private Argument root = number(-1);

  MountPlan(
      LaunchPlan plan,
      RuntimeSpec spec,
      Rootfs rootfs,
      CgroupLayout cgroups,
      String cgroup,
      boolean userNamespace) {
    this.plan = plan;
    this.spec = spec;
    this.rootfs = rootfs;
    this.cgroups = cgroups;
    this.cgroup = cgroup;
    this.userNamespace = userNamespace;
  }

  private RuntimeSpec.Linux linux() {
    RuntimeSpec.Linux linux = spec.linux();
    if (linux == null) {
      throw new Failure.InvalidRequest("the configuration has no linux section");
    }
    return linux;
  }

  // ---- in the monitor, before the fork

  /// Makes what takes the host's rights: everything of the host's for a child in a user namespace,
  /// and idmapped mounts. They wait detached, for the child to put them in their places.
  void prepare() {
    if (userNamespace) {
      prepared.put("root", prepareRoot());
    }
    for (RuntimeSpec.Mount mount : spec.mounts()) {
      MountOptions options = MountOptions.of(mount);
      if (options.bind() && !options.remount() && (userNamespace || options.idmap())) {
        String what = what(mount);
        Argument tree = openSource(mount, options, what);
        leaveHostsPeers(tree, options.recursive(), what);
        if (options.idmap()) {
          idmap(mount, options, tree, what);
        }
        prepared.put(key(mount), tree);
      } else if (isCgroup(mount) && userNamespace && !cgroups.isUnified()) {
        for (Path folder : ownGroups().keySet()) {
          Argument tree = openTree(folder.toString(), false, "open " + folder);
          leaveHostsPeers(tree, false, "open " + folder);
          prepared.put(folder.toString(), tree);
        }
      }
    }
    if (userNamespace) {
      for (RuntimeSpec.Device device : allDevices()) {
        String what = "open the device " + device.path();
        Argument tree = openTree(device.path(), false, what);
        leaveHostsPeers(tree, false, what);
        prepared.put("device " + device.path(), tree);
      }
    }
  }

  /// In the monitor, after the fork: the child has its own descriptors of them.
  void closePrepared() {
    prepared.values().forEach(this::close);
  }

  private Argument prepareRoot() {
    return switch (rootfs) {
      case Rootfs.Overlay overlay -> overlayContext(overlay, "mount the container's file system");
      case Rootfs.Directory directory -> {
        String what = "open the root folder " + directory.path();
        Argument tree = openTree(directory.path().toString(), true, what);
        leaveHostsPeers(tree, true, what);
        yield tree;
      }
    };
  }

  /// A copy of one of the host's mounts still takes part in what the host mounts below it; inside
  /// the container it must only receive.
  private void leaveHostsPeers(Argument tree, boolean recursive, String what) {
    setAttributes(tree, Attributes.NONE, MS_SLAVE, recursive, what);
  }

  private void idmap(RuntimeSpec.Mount mount, MountOptions options, Argument tree, String what) {
    boolean own = !mount.uidMappings().isEmpty();
    List<RuntimeSpec.IdMapping> users = own ? mount.uidMappings() : linux().uidMappings();
    List<RuntimeSpec.IdMapping> groups = own ? mount.gidMappings() : linux().gidMappings();
    if (users.isEmpty() || groups.isEmpty()) {
      throw new Failure.InvalidRequest(
          "the mount on " + mount.destination() + " is to be idmapped, but nothing says how");
    }
    Argument namespace = NamespacePlan.mapped(plan, users, groups);
    // struct mount_attr: what is set, what is cleared, propagation, user namespace
    Argument.Pointer attributes = plan.words(number(ATTR_IDMAP), number(0), number(0), number(0));
    plan.special(what, Special.STORE32, LaunchPlan.behind(attributes, 24), namespace);
    plan.call(
        what,
        Syscalls.MOUNT_SETATTR,
        tree,
        plan.string(""),
        number(AT_EMPTY_PATH | (options.recursiveIdmap() ? AT_RECURSIVE : 0)),
        attributes,
        number(32));
    close(namespace);
  }

  private static String what(RuntimeSpec.Mount mount) {
    return "mount " + (mount.source() == null ? "" : mount.source()) + " on " + mount.destination();
  }

  private static String key(RuntimeSpec.Mount mount) {
    return "mount " + System.identityHashCode(mount);
  }

  private static String source(RuntimeSpec.Mount mount) {
    String source = mount.source() == null ? "" : mount.source();
    Path path = Path.of(source);
    if (!path.isAbsolute() || !Files.exists(path)) {
      throw new Failure.InvalidRequest(NO_SUCH_SOURCE + source);
    }
    return source;
  }

  private Argument openTree(String source, boolean recursive, String what) {
    return plan.call(
            what,
            Syscalls.OPEN_TREE,
            number(Fd.AT_FDCWD),
            plan.string(source),
            number(OPEN_TREE_CLONE | Fd.O_CLOEXEC | (recursive ? AT_RECURSIVE : 0)))
        .result();
  }

  // ---- the root

  /// In the child: cuts its mounts off the host's and puts the root in its place.
  void mountRoot() {
    String propagation = rootPropagation();
    boolean shared = propagation.endsWith("shared");
    int host = shared ? MS_SHARED : propagation.endsWith("private") ? MS_PRIVATE : MS_SLAVE;
    plan.call(
        "detach the container's mounts from the host's",
        Syscalls.MOUNT,
        number(0),
        plan.string("/"),
        number(0),
        number(host | MS_REC),
        number(0));
    Path target =
        switch (rootfs) {
          case Rootfs.Overlay overlay -> overlay.target();
          case Rootfs.Directory directory -> directory.path();
        };
    if (shared) {
      // the root's own mount must not show on the host
      Path parent = MountTable.pointOf(target);
      plan.call(
          "keep the root's mount from the host",
          Syscalls.MOUNT,
          number(0),
          plan.string(parent.toString()),
          number(0),
          number(MS_PRIVATE),
          number(0));
    }
    Argument detached = prepared.get("root");
    if (detached != null) {
      plan.call(
          "mount the root on " + target,
          Syscalls.MOVE_MOUNT,
          detached,
          plan.string(""),
          number(Fd.AT_FDCWD),
          plan.string(target.toString()),
          number(MOVE_EMPTY_SOURCE));
      close(detached);
    } else if (rootfs instanceof Rootfs.Overlay overlay) {
      mountOverlay(overlay);
    } else {
      Argument path = plan.string(target.toString());
      plan.call(
          "bind the root folder " + target,
          Syscalls.MOUNT,
          path,
          path,
          number(0),
          number(MS_BIND | MS_REC),
          number(0));
    }
    // pivot_root refuses a new root on a shared mount
    plan.call(
        "make the root mount private",
        Syscalls.MOUNT,
        number(0),
        plan.string(target.toString()),
        number(0),
        number(MS_PRIVATE),
        number(0));
    root =
        plan.call(
                "open the root folder " + target,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(target.toString()),
                number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                number(0))
            .result();
  }

  /// Empty where the configuration says nothing.
  private String rootPropagation() {
    String propagation = linux().rootfsPropagation();
    if (propagation == null || propagation.isEmpty()) {
      return "";
    }
    if (!MountOptions.PROPAGATION.containsKey(propagation)) {
      throw new Failure.InvalidRequest("unknown rootfsPropagation " + propagation);
    }
    return propagation;
  }

  private void mountOverlay(Rootfs.Overlay overlay) {
    StringBuilder lowers = new StringBuilder();
    overlay.lowers().forEach(l -> lowers.append(lowers.isEmpty() ? "" : ":").append(escaped(l)));
    String options =
        "lowerdir="
            + lowers
            + ",upperdir="
            + escaped(overlay.upper())
            + ",workdir="
            + escaped(overlay.work())
            + (overlay.isVolatile() ? ",volatile" : "");
    String text = "mount the container's file system on " + overlay.target();
    if (options.length() < OPTION_LIMIT) {
      plan.call(
          text,
          Syscalls.MOUNT,
          plan.string("overlay"),
          plan.string(overlay.target().toString()),
          plan.string("overlay"),
          number(0),
          plan.string(options));
      return;
    }
    Argument mount = overlayContext(overlay, text);
    plan.call(
        text,
        Syscalls.MOVE_MOUNT,
        mount,
        plan.string(""),
        number(Fd.AT_FDCWD),
        plan.string(overlay.target().toString()),
        number(MOVE_EMPTY_SOURCE));
    close(mount);
  }

  /// A detached overlay; one option per layer, for as many as there are (Linux 6.5 and newer).
  private Argument overlayContext(Rootfs.Overlay overlay, String text) {
    Argument context =
        plan.call(text, Syscalls.FSOPEN, plan.string("overlay"), number(CLOEXEC)).result();
    overlay.lowers().forEach(l -> configure(context, "lowerdir+", l.toString(), text));
    configure(context, "upperdir", overlay.upper().toString(), text);
    configure(context, "workdir", overlay.work().toString(), text);
    if (overlay.isVolatile()) {
      configure(context, "volatile", "", text);
    }
    configure(context, FSCONFIG_CREATE, text);
    Argument mount =
        plan.call(text, Syscalls.FSMOUNT, context, number(CLOEXEC), number(0)).result();
    close(context);
    return mount;
  }

  private static String escaped(Path path) {
    return path.toString().replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,");
  }

  private void configure(Argument context, String key, String value, String text) {
    plan.call(
        text,
        Syscalls.FSCONFIG,
        context,
        number(value.isEmpty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING),
        plan.string(key),
        value.isEmpty() ? number(0) : plan.string(value),
        number(0));
  }

  private void configure(Argument context, int command, String text) {
    plan.call(text, Syscalls.FSCONFIG, context, number(command), number(0), number(0), number(0));
  }

  // ---- the mounts of the configuration

  void mounts() {
    for (RuntimeSpec.Mount mount : spec.mounts()) {
      MountOptions options = MountOptions.of(mount);
      if (options.remount()) {
        remount(mount, options);
      } else if (options.bind()) {
        bind(mount, options);
      } else if (isCgroup(mount)) {
        cgroup(mount, options);
      } else {
        fileSystem(mount, options);
      }
    }
  }

  private static boolean isCgroup(RuntimeSpec.Mount mount) {
    return "cgroup".equals(mount.type()) || "cgroup2".equals(mount.type());
  }

  private void bind(RuntimeSpec.Mount mount, MountOptions options) {
    String what = what(mount);
    Path source = Path.of(source(mount));
    String subpath = subpath(options);
    boolean isFile =
        subpath.isEmpty()
            ? !Files.isDirectory(source)
            : isFile(source, subpath, mount.destination());
    Argument ready = prepared.get(key(mount));
    Argument tree = ready != null ? ready : openSource(mount, options, what);
    setAttributes(tree, options, what);
    Argument target = target(mount.destination(), isFile, what);
    attach(tree, target, options, what);
  }

  /// A detached copy of what a bind mount mounts.
  private Argument openSource(RuntimeSpec.Mount mount, MountOptions options, String what) {
    String source = source(mount);
    String subpath = subpath(options);
    if (subpath.isEmpty()) {
      return openTree(source, options.recursive(), what);
    }
    Argument whole =
        plan.call(
                what,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(source),
                number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                number(0))
            .result();
    Argument part = openIn(whole, subpath, Fd.O_PATH, what).result();
    close(whole);
    Argument tree =
        plan.call(
                what,
                Syscalls.OPEN_TREE,
                part,
                plan.string(""),
                number(
                    OPEN_TREE_CLONE
                        | Fd.O_CLOEXEC
                        | AT_EMPTY_PATH
                        | (options.recursive() ? AT_RECURSIVE : 0)))
            .result();
    close(part);
    return tree;
  }

  private static String subpath(MountOptions options) {
    return options.data().stream()
        .filter(o -> o.startsWith(DockerDefaults.SUBPATH))
        .map(o -> o.substring(DockerDefaults.SUBPATH.length()))
        .findFirst()
        .orElse("");
  }

  /// What a part of a source is at present; a part that is not there cannot be mounted.
  private static boolean isFile(Path source, String subpath, String destination) {
    try (Tree tree = Tree.open(source.toString());
        Fd part = tree.openFile(subpath, Fd.O_PATH)) {
      return !Files.isDirectory(Path.of(part.procPath()));
    } catch (Errno e) {
      throw new Failure.InvalidRequest(
          "invalid mount config for "
              + destination
              + ": cannot access path "
              + source.resolve(subpath)
              + ": "
              + Errno.describe(e.number()),
          null,
          e);
    }
  }

  /// Changes the mount that is at the destination: with `bind` its own attributes, otherwise the
  /// file system's as well.
  private void remount(RuntimeSpec.Mount mount, MountOptions options) {
    String what = "remount " + mount.destination();
    Argument target = openInRoot(mount.destination(), Fd.O_PATH, what);
    if (!options.bind()) {
      Argument context =
          plan.call(
                  what,
                  Syscalls.FSPICK,
                  target,
                  plan.string(""),
                  number(CLOEXEC | FSPICK_EMPTY_PATH))
              .result();
      settings(context, options, what);
      configure(context, FSCONFIG_RECONFIGURE, what);
      close(context);
    }
    setAttributes(target, options, what);
    if (options.propagation() != 0) {
      propagate(target, options.propagation(), what);
    }
    close(target);
  }

  private void setAttributes(Argument tree, MountOptions options, String what) {
    if (!options.own().isNone()) {
      setAttributes(tree, options.own(), 0, false, what);
    }
    if (!options.below().isNone()) {
      setAttributes(tree, options.below(), 0, true, what);
    }
  }

  private void setAttributes(
      Argument tree, Attributes attributes, int propagation, boolean recursive, String what) {
    plan.call(
        what,
        Syscalls.MOUNT_SETATTR,
        tree,
        plan.string(""),
        number(AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)),
        plan.words(
            number(attributes.set()), number(attributes.clear()), number(propagation), number(0)),
        number(32));
  }

  private void propagate(Argument tree, int propagation, String what) {
    setAttributes(tree, Attributes.NONE, propagation & ~MS_REC, (propagation & MS_REC) != 0, what);
  }

  private void attach(Argument tree, Argument target, MountOptions options, String what) {
    plan.call(
        what,
        Syscalls.MOVE_MOUNT,
        tree,
        plan.string(""),
        target,
        plan.string(""),
        number(MOVE_EMPTY_BOTH));
    if (options.propagation() != 0) {
      propagate(tree, options.propagation(), what);
    }
    close(target);
    close(tree);
  }

  private void fileSystem(RuntimeSpec.Mount mount, MountOptions options) {
    String type = mount.type() == null ? "" : mount.type();
    if (type.isEmpty()) {
      throw new Failure.InvalidRequest(
          "the mount on " + mount.destination() + " has no type and is no bind mount");
    }
    String what = "mount " + type + " on " + mount.destination();
    Argument target =
        type.equals("proc") || type.equals("sysfs")
            ? plainTarget(mount.destination(), false, what)
            : target(mount.destination(), false, what);
    Argument context =
        plan.call(what, Syscalls.FSOPEN, plan.string(type), number(CLOEXEC)).result();
    if (mount.source() != null && !mount.source().isEmpty()) {
      configure(context, "source", mount.source(), what);
    }
    settings(context, options, what);
    configure(context, FSCONFIG_CREATE, what);
    long set = options.below().and(options.own()).set();
    boolean readOnlyLater = options.copyUp() && (set & ATTR_RDONLY) != 0;
    Argument tree =
        plan.call(
                what,
                Syscalls.FSMOUNT,
                context,
                number(CLOEXEC),
                number(readOnlyLater ? set & ~ATTR_RDONLY : set))
            .result();
    close(context);
    if (options.copyUp()) {
      copyUp(mount.destination(), tree, what);
      if (readOnlyLater) {
        setAttributes(tree, new Attributes(ATTR_RDONLY, 0), 0, false, what);
      }
    }
    attach(tree, target, options, what);
  }

  private void settings(Argument context, MountOptions options, String what) {
    options.flags().forEach(f -> configure(context, f, "", what));
    for (String option : options.data()) {
      int equals = option.indexOf('=');
      configure(
          context,
          equals > 0 ? option.substring(0, equals) : option,
          equals > 0 ? option.substring(equals + 1) : "",
          what);
    }
  }

  private void copyUp(String destination, Argument tree, String what) {
    Argument from = openInRoot(destination, Fd.O_RDONLY | Fd.O_DIRECTORY, what);
    Argument to =
        plan.call(
                what,
                Syscalls.OPENAT,
                tree,
                plan.string("."),
                number(Fd.O_RDONLY | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                number(0))
            .result();
    plan.special(what + ": copy what the image has there", Special.COPY_UP, from, to);
    close(from);
    close(to);
  }

  /// cgroup v1: the container's own folder of each hierarchy; v2: the tree, rooted by the cgroup
  /// namespace or, without one, the container's folder.
  private void cgroup(RuntimeSpec.Mount mount, MountOptions options) {
    boolean ownNamespace = linux().namespaces().stream().anyMatch(n -> n.type().equals("cgroup"));
    Attributes set = new Attributes(options.below().and(options.own()).set(), 0);
    String destination = mount.destination();
    if (cgroups.isUnified()) {
      if (ownNamespace) {
        fileSystem(
            new RuntimeSpec.Mount(
                destination, "cgroup2", "cgroup", mount.options(), List.of(), List.of()),
            options);
      } else {
        bindTree(cgroups.folders(cgroup).getFirst(), destination, set);
      }
      return;
    }
    RuntimeSpec.Mount top =
        RuntimeSpec.Mount.of(
            destination, "tmpfs", "tmpfs", "nosuid", "noexec", "nodev", "mode=755");
    fileSystem(top, MountOptions.of(top));
    ownGroups().forEach((folder, name) -> bindTree(folder, destination + "/" + name, set));
    if ((set.set() & ATTR_RDONLY) != 0) {
      String what = "make " + destination + " read-only";
      Argument point = openInRoot(destination, Fd.O_PATH | Fd.O_DIRECTORY, what);
      setAttributes(point, new Attributes(ATTR_RDONLY, 0), 0, false, what);
      close(point);
    }
  }

  /// v1: the container's folder in each hierarchy and the name that it has inside.
  private Map<Path, String> ownGroups() {
    Map<Path, String> groups = new LinkedHashMap<>();
    cgroups
        .mounted()
        .forEach(
            (point, controllers) ->
                groups.put(
                    point.resolve(Path.of(cgroup).normalize().toString().substring(1)),
                    point.getFileName().toString()));
    return groups;
  }

  private void bindTree(Path source, String destination, Attributes set) {
    String what = "mount " + source + " on " + destination;
    Argument ready = prepared.get(source.toString());
    Argument tree = ready != null ? ready : openTree(source.toString(), false, what);
    setAttributes(tree, set, 0, false, what);
    Argument target = target(destination, false, what);
    attach(tree, target, MountOptions.plain(), what);
  }

  /// The target of a mount, made where it is missing, as an O_PATH descriptor.
  private Argument target(String destination, boolean isFile, String what) {
    return plan.special(
            what,
            Special.MAKE_PATH,
            root,
            plan.string(destination),
            number(0755),
            number(isFile ? 1 : 0))
        .result();
  }

  /// A target that may be no link at all: procfs and sysfs are trusted later (CVE-2019-19921), and
  /// the terminal goes on /dev/console itself (CVE-2025-52565).
  private Argument plainTarget(String destination, boolean isFile, String what) {
    close(target(destination, isFile, what));
    return plan.call(
            what,
            Syscalls.OPENAT2,
            root,
            plan.string(destination),
            plan.words(
                number(Fd.O_PATH | Fd.O_CLOEXEC | (isFile ? 0 : Fd.O_DIRECTORY)),
                number(0),
                number(Fd.RESOLVE_IN_ROOT | Fd.RESOLVE_NO_SYMLINKS)),
            number(24))
        .result();
  }

  private Argument openInRoot(String path, int flags, String what) {
    return openIn(root, path, flags, what).result();
  }

  private LaunchPlan.Step openIn(Argument folder, String path, int flags, String what) {
    return plan.call(
        what,
        Syscalls.OPENAT2,
        folder,
        plan.string(path),
        plan.words(
            number(flags | Fd.O_CLOEXEC),
            number(0),
            number(Fd.RESOLVE_IN_ROOT | Fd.RESOLVE_NO_MAGICLINKS)),
        number(24));
  }

  private void close(Argument fd) {
    plan.call("close a descriptor", Syscalls.CLOSE, fd);
  }

  // ---- devices

  /// The devices of the configuration, and those that every container has
  /// (config-linux.md#default-devices), unless it brings a /dev of its own.
  void devices() {
    for (RuntimeSpec.Device device : allDevices()) {
      String what = "make the device " + device.path();
      Argument ready = prepared.get("device " + device.path());
      if (ready != null) {
        // no node can be made in a user namespace: the host's own
        attach(ready, target(device.path(), true, what), MountOptions.plain(), what);
        continue;
      }
      int slash = device.path().lastIndexOf('/');
      String folder = slash <= 0 ? "/" : device.path().substring(0, slash);
      Argument parent = target(folder, false, what);
      Argument name = plan.string(device.path().substring(slash + 1));
      int type =
          switch (device.type()) {
            case "c", "u" -> S_IFCHR;
            case "b" -> S_IFBLK;
            case "p" -> S_IFIFO;
            default ->
                throw new Failure.InvalidRequest(
                    "device " + device.path() + " has the unknown type " + device.type());
          };
      Integer given = device.fileMode();
      int mode = given == null ? 0666 : given & 07777;
      // what the image or a mount has there already is left alone, as Docker does
      plan.call(
              what,
              Syscalls.MKNODAT,
              parent,
              name,
              number(type | mode),
              number(deviceNumber(device.major(), device.minor())))
          .tolerate(2, Errno.EEXIST);
      Long uid = device.uid();
      Long gid = device.gid();
      plan.call(
          what,
          Syscalls.FCHOWNAT,
          parent,
          name,
          number(uid == null ? 0 : uid),
          number(gid == null ? 0 : gid),
          number(0x100));
      plan.call(what, Syscalls.FCHMODAT, parent, name, number(mode));
      close(parent);
    }
    if (bringsItsOwnDev()) {
      return;
    }
    link("/dev/fd", "/proc/self/fd");
    link("/dev/stdin", "/proc/self/fd/0");
    link("/dev/stdout", "/proc/self/fd/1");
    link("/dev/stderr", "/proc/self/fd/2");
    link("/dev/core", "/proc/kcore");
    link("/dev/ptmx", "pts/ptmx");
  }

  private boolean bringsItsOwnDev() {
    return spec.mounts().stream()
        .anyMatch(m -> m.destination().equals("/dev") && MountOptions.of(m).bind());
  }

  private List<RuntimeSpec.Device> allDevices() {
    List<RuntimeSpec.Device> devices = new ArrayList<>(linux().devices());
    if (!bringsItsOwnDev()) {
      for (RuntimeSpec.Device device : DockerDefaults.DEVICES) {
        if (devices.stream().noneMatch(d -> d.path().equals(device.path()))) {
          devices.add(device);
        }
      }
    }
    return devices;
  }

  private static long deviceNumber(long major, long minor) {
    return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffL) << 12 | (major & ~0xfffL) << 32;
  }

  private void link(String path, String to) {
    String what = "link " + path;
    Argument parent = target("/dev", false, what);
    plan.call(what, Syscalls.SYMLINKAT, plan.string(to), parent, plan.string(path.substring(5)))
        .tolerate(0, Errno.EEXIST, Errno.EROFS);
    close(parent);
  }

  // ---- the container's terminal

  /// Opens a terminal of the container's own devpts; the returned slot holds the slave.
  Argument terminal(MonitorPlan monitor, RuntimeSpec.@Nullable ConsoleSize size) {
    String what = "open the container's terminal";
    return monitor.openTerminal(
        openInRoot("/dev/pts/ptmx", Fd.O_RDWR | Fd.O_NOCTTY, what), size, what);
  }

  /// Binds the slave on /dev/console by descriptor (CVE-2025-52565).
  void console(Argument slave) {
    String what = "mount the terminal on /dev/console";
    Argument target = plainTarget("/dev/console", true, what);
    Argument tree =
        plan.call(
                what,
                Syscalls.OPEN_TREE,
                slave,
                plan.string(""),
                number(OPEN_TREE_CLONE | Fd.O_CLOEXEC | AT_EMPTY_PATH))
            .result();
    attach(tree, target, MountOptions.plain(), what);
  }

  // ---- into the new root

  void pivot() {
    String propagation = rootPropagation();
    boolean shared = propagation.endsWith("shared");
    Argument old =
        shared
            ? plan.call(
                    "remember the old root",
                    Syscalls.OPENAT,
                    number(Fd.AT_FDCWD),
                    plan.string("/"),
                    number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                    number(0))
                .result()
            : number(0);
    plan.call("enter the new root", Syscalls.FCHDIR, root);
    plan.call("change the root", Syscalls.PIVOT_ROOT, plan.string("."), plan.string("."));
    if (shared) {
      // what is unmounted here must stay on the host; "." is still the new root, which stays shared
      plan.call("go back to the old root", Syscalls.FCHDIR, old);
      close(old);
      plan.call(
          "cut off the old root",
          Syscalls.MOUNT,
          number(0),
          plan.string("."),
          number(0),
          number(MS_SLAVE | MS_REC),
          number(0));
    }
    plan.call("leave the old root", Syscalls.UMOUNT2, plan.string("."), number(MNT_DETACH));
    plan.call("enter the new root", Syscalls.CHDIR, plan.string("/"));
    if (!propagation.isEmpty()) {
      int flags = MountOptions.PROPAGATION.getOrDefault(propagation, 0);
      plan.call(
          "set the root's propagation to " + propagation,
          Syscalls.MOUNT,
          number(0),
          plan.string("/"),
          number(0),
          number(flags),
          number(0));
    }
  }

  void readonlyPaths() {
    for (String path : linux().readonlyPaths()) {
      String what = "make " + path + " read-only";
      LaunchPlan.Step target = openIn(root, path, Fd.O_PATH, what).tolerate(5, Errno.ENOENT);
      Argument fd = target.result();
      Argument tree =
          plan.call(
                  what,
                  Syscalls.OPEN_TREE,
                  fd,
                  plan.string(""),
                  number(OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH | Fd.O_CLOEXEC))
              .result();
      setAttributes(tree, new Attributes(ATTR_RDONLY, 0), 0, true, what);
      plan.call(
          what,
          Syscalls.MOVE_MOUNT,
          tree,
          plan.string(""),
          fd,
          plan.string(""),
          number(MOVE_EMPTY_BOTH));
      close(tree);
      close(fd);
    }
  }

  /// Covers files with /dev/null (proved by its device number, CVE-2025-31133) and folders with one
  /// empty read-only tmpfs.
  void maskedPaths() {
    if (linux().maskedPaths().isEmpty()) {
      return;
    }
    String nullText = "open the container's /dev/null";
    Argument nothing = openInRoot("/dev/null", Fd.O_PATH, nullText);
    Argument.Pointer stat = plan.reserve(256);
    plan.call(
        nullText,
        Syscalls.STATX,
        nothing,
        plan.string(""),
        number(AT_EMPTY_PATH),
        number(0x7ff),
        stat);
    // struct statx: stx_mode at 28 (16 bits), stx_rdev_major at 128, stx_rdev_minor at 132
    Argument mode = plan.special(nullText, Special.LOAD32, LaunchPlan.behind(stat, 28)).result();
    plan.special(
        nullText, Special.CHECK, mode, number(0170000), number(S_IFCHR), number(Errno.EINVAL));
    Argument rdev = plan.special(nullText, Special.LOAD64, LaunchPlan.behind(stat, 128)).result();
    plan.special(
        nullText, Special.CHECK, rdev, number(-1), number(1L | 3L << 32), number(Errno.EINVAL));
    String emptyText = "make an empty folder to mask with";
    Argument context =
        plan.call(emptyText, Syscalls.FSOPEN, plan.string("tmpfs"), number(CLOEXEC)).result();
    configure(context, "size", "0", emptyText);
    configure(context, "mode", "755", emptyText);
    plan.call(
        emptyText,
        Syscalls.FSCONFIG,
        context,
        number(FSCONFIG_CREATE),
        number(0),
        number(0),
        number(0));
    Argument empty =
        plan.call(emptyText, Syscalls.FSMOUNT, context, number(CLOEXEC), number(ATTR_RDONLY))
            .result();
    close(context);
    for (String path : linux().maskedPaths()) {
      mask(path, nothing, empty);
    }
    close(nothing);
    close(empty);
  }

  private void mask(String path, Argument nothing, Argument empty) {
    String what = "mask " + path;
    Argument target = openIn(root, path, Fd.O_PATH, what).tolerate(8, Errno.ENOENT).result();
    List<Argument> results = new ArrayList<>();
    for (Argument cover : List.of(nothing, empty)) {
      Argument tree =
          plan.call(
                  what,
                  Syscalls.OPEN_TREE,
                  cover,
                  plan.string(""),
                  number(OPEN_TREE_CLONE | AT_EMPTY_PATH | Fd.O_CLOEXEC))
              .result();
      // a file does not go on a folder, nor a folder on a file: one of the two fits
      results.add(
          plan.call(
                  what,
                  Syscalls.MOVE_MOUNT,
                  tree,
                  plan.string(""),
                  target,
                  plan.string(""),
                  number(MOVE_EMPTY_BOTH))
              .tolerate(0, Errno.ENOTDIR, Errno.EINVAL)
              .result());
      close(tree);
    }
    // both results negative would mean that the path is still bare
    plan.special(
        what, Special.CHECK, results.get(0), results.get(1), number(0), number(Errno.EINVAL));
    close(target);
  }

  void readonlyRoot() {
    plan.call(
        "make the root read-only",
        Syscalls.MOUNT_SETATTR,
        number(Fd.AT_FDCWD),
        plan.string("/"),
        number(0),
        plan.words(number(ATTR_RDONLY), number(0), number(0), number(0)),
        number(32));
  }

  /// Enters the working folder, which is made where it is missing, without leaving the root
  /// (CVE-2024-21626).
  void workingDirectory(String cwd) {
    String what = LaunchFailure.WORKING_DIRECTORY + cwd;
    if (!cwd.startsWith("/")) {
      throw new Failure.InvalidRequest(
          "the working directory '" + cwd + "' is invalid, it needs to be an absolute path");
    }
    Argument folder = target(cwd, false, what);
    plan.call(what, Syscalls.FCHDIR, folder);
    close(folder);
  }
}
