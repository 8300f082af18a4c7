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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The file system part of a launch plan: root, mounts, devices, masked and read-only paths.
///
/// Every mount goes from a detached mount to a descriptor of its target (open_tree/fsmount, then
/// move_mount), and targets are opened with openat2 inside the root, so that no link in the image
/// can lead a mount or a write elsewhere (CVE-2021-30465 and its kin).
final class MountPlan {
  private static final int MS_REC = 0x4000;
  private static final int MS_PRIVATE = 1 << 18;
  private static final int MS_SLAVE = 1 << 19;
  private static final int MS_SHARED = 1 << 20;
  private static final int MS_UNBINDABLE = 1 << 17;
  private static final int MS_BIND = 0x1000;
  private static final int MNT_DETACH = 2;

  private static final int ATTR_RDONLY = 1;
  private static final int ATTR_NOSUID = 2;
  private static final int ATTR_NODEV = 4;
  private static final int ATTR_NOEXEC = 8;
  private static final int ATTR_ATIME_MASK = 0x70;
  private static final int ATTR_NOATIME = 0x10;
  private static final int ATTR_STRICTATIME = 0x20;
  private static final int ATTR_NODIRATIME = 0x80;
  private static final int ATTR_NOSYMFOLLOW = 0x200000;

  private static final int OPEN_TREE_CLONE = 1;
  private static final int AT_RECURSIVE = 0x8000;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int MOVE_EMPTY_BOTH = 0x4 | 0x40;
  private static final int FSCONFIG_SET_FLAG = 0;
  private static final int FSCONFIG_SET_STRING = 1;
  private static final int FSCONFIG_CREATE = 6;
  private static final int CLOEXEC = 1;
  private static final int OPTION_LIMIT = 4000;

  private static final int S_IFCHR = 0020000;
  private static final int S_IFBLK = 0060000;
  private static final int S_IFIFO = 0010000;

  private static final Map<String, Integer> ATTRIBUTES =
      Map.ofEntries(
          Map.entry("ro", ATTR_RDONLY),
          Map.entry("nosuid", ATTR_NOSUID),
          Map.entry("nodev", ATTR_NODEV),
          Map.entry("noexec", ATTR_NOEXEC),
          Map.entry("noatime", ATTR_NOATIME),
          Map.entry("strictatime", ATTR_STRICTATIME),
          Map.entry("nodiratime", ATTR_NODIRATIME),
          Map.entry("nosymfollow", ATTR_NOSYMFOLLOW));
  private static final Map<String, Integer> CLEARING =
      Map.of(
          "rw",
          ATTR_RDONLY,
          "suid",
          ATTR_NOSUID,
          "dev",
          ATTR_NODEV,
          "exec",
          ATTR_NOEXEC,
          "symfollow",
          ATTR_NOSYMFOLLOW,
          "diratime",
          ATTR_NODIRATIME);
  private static final Map<String, Integer> PROPAGATION =
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
  private static final Set<String> IGNORED =
      Set.of(
          "defaults",
          "relatime",
          "norelatime",
          "async",
          "loud",
          "nofail",
          "atime",
          "mand",
          "nomand",
          "silent",
          "iversion",
          "noiversion",
          "lazytime",
          "nolazytime",
          "sync",
          "dirsync",
          "remount");

  /// The mount options that are understood here; others go to the file system.
  static List<String> optionNames() {
    java.util.TreeSet<String> names = new java.util.TreeSet<>(Set.of("bind", "rbind", "tmpcopyup"));
    names.addAll(ATTRIBUTES.keySet());
    ATTRIBUTES.keySet().forEach(a -> names.add("r" + a));
    names.addAll(CLEARING.keySet());
    names.addAll(PROPAGATION.keySet());
    names.addAll(IGNORED);
    return List.copyOf(names);
  }

  /// A mount's options, sorted by what applies them.
  private record Options(
      boolean bind,
      boolean recursive,
      long set,
      long clear,
      long recursiveSet,
      int propagation,
      boolean copyUp,
      List<String> data) {}

  private final LaunchPlan plan;
  private final RuntimeSpec spec;
  private final CgroupLayout cgroups;
  private final String cgroup;
  private final boolean userNamespace;
  private final Argument root;

  /// Begins with the mount namespace's own root and the container's, which it leaves in a slot.
  MountPlan(
      LaunchPlan plan,
      RuntimeSpec spec,
      Rootfs rootfs,
      CgroupLayout cgroups,
      String cgroup,
      boolean userNamespace) {
    this.plan = plan;
    this.spec = spec;
    this.cgroups = cgroups;
    this.cgroup = cgroup;
    this.userNamespace = userNamespace;
    this.root = mountRoot(rootfs);
  }

  private Argument mountRoot(Rootfs rootfs) {
    String propagation = linux().rootfsPropagation();
    int host =
        propagation != null && propagation.contains("shared")
            ? MS_SHARED
            : propagation != null && propagation.contains("private") ? MS_PRIVATE : MS_SLAVE;
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
          case Rootfs.Overlay overlay -> mountOverlay(overlay);
          case Rootfs.Directory directory -> {
            Argument path = plan.string(directory.path().toString());
            plan.call(
                "bind the root folder " + directory.path(),
                Syscalls.MOUNT,
                path,
                path,
                number(0),
                number(MS_BIND | MS_REC),
                number(0));
            yield directory.path();
          }
        };
    // pivot_root refuses a new root on a shared mount
    plan.call(
        "make the root mount private",
        Syscalls.MOUNT,
        number(0),
        plan.string(target.toString()),
        number(0),
        number(MS_PRIVATE),
        number(0));
    return plan.call(
            "open the root folder " + target,
            Syscalls.OPENAT,
            number(Fd.AT_FDCWD),
            plan.string(target.toString()),
            number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
            number(0))
        .result();
  }

  private Path mountOverlay(Rootfs.Overlay overlay) {
    StringBuilder lowers = new StringBuilder();
    overlay.lowers().forEach(l -> lowers.append(lowers.isEmpty() ? "" : ":").append(escaped(l)));
    String options =
        "lowerdir="
            + lowers
            + ",upperdir="
            + escaped(overlay.upper())
            + ",workdir="
            + escaped(overlay.work())
            + (overlay.isVolatile() ? ",volatile" : "")
            + (userNamespace ? ",userxattr" : "");
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
      return overlay.target();
    }
    // many layers: one option per layer (Linux 6.5 and newer)
    Argument context =
        plan.call(text, Syscalls.FSOPEN, plan.string("overlay"), number(CLOEXEC)).result();
    overlay.lowers().forEach(l -> configure(context, "lowerdir+", l.toString(), text));
    configure(context, "upperdir", overlay.upper().toString(), text);
    configure(context, "workdir", overlay.work().toString(), text);
    if (overlay.isVolatile()) {
      plan.call(
          text,
          Syscalls.FSCONFIG,
          context,
          number(FSCONFIG_SET_FLAG),
          plan.string("volatile"),
          number(0),
          number(0));
    }
    plan.call(
        text, Syscalls.FSCONFIG, context, number(FSCONFIG_CREATE), number(0), number(0), number(0));
    Argument mount =
        plan.call(text, Syscalls.FSMOUNT, context, number(CLOEXEC), number(0)).result();
    plan.call(
        text,
        Syscalls.MOVE_MOUNT,
        mount,
        plan.string(""),
        number(Fd.AT_FDCWD),
        plan.string(overlay.target().toString()),
        number(0x4));
    close(context);
    close(mount);
    return overlay.target();
  }

  private static String escaped(Path path) {
    return path.toString().replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,");
  }

  private void configure(Argument context, String key, String value, String text) {
    plan.call(
        text,
        Syscalls.FSCONFIG,
        context,
        number(FSCONFIG_SET_STRING),
        plan.string(key),
        plan.string(value),
        number(0));
  }

  private RuntimeSpec.Linux linux() {
    RuntimeSpec.Linux linux = spec.linux();
    if (linux == null) {
      throw new Failure.InvalidRequest("the configuration has no linux section");
    }
    return linux;
  }

  /// The slot with the container's root folder.
  Argument root() {
    return root;
  }

  // ---- the mounts of the configuration

  void mounts() {
    for (RuntimeSpec.Mount mount : spec.mounts()) {
      Options options = parse(mount);
      if (options.bind()) {
        bind(mount, options);
      } else if (mount.type() != null
          && (mount.type().equals("cgroup") || mount.type().equals("cgroup2"))) {
        cgroup(mount, options);
      } else {
        fileSystem(mount, options);
      }
    }
  }

  private static Options parse(RuntimeSpec.Mount mount) {
    boolean bind = "bind".equals(mount.type());
    boolean recursive = false;
    long set = 0;
    long clear = 0;
    long recursiveSet = 0;
    int propagation = 0;
    boolean copyUp = false;
    List<String> data = new java.util.ArrayList<>();
    for (String option : mount.options()) {
      Integer attribute = ATTRIBUTES.get(option);
      if (attribute != null) {
        set |= attribute;
      } else if (CLEARING.containsKey(option)) {
        clear |= CLEARING.get(option);
      } else if (PROPAGATION.containsKey(option)) {
        propagation = PROPAGATION.get(option);
      } else if (option.equals("bind") || option.equals("rbind")) {
        bind = true;
        recursive |= option.equals("rbind");
      } else if (option.startsWith("r") && ATTRIBUTES.containsKey(option.substring(1))) {
        recursiveSet |= ATTRIBUTES.get(option.substring(1));
      } else if (option.equals("tmpcopyup")) {
        copyUp = true;
      } else if (!IGNORED.contains(option)) {
        data.add(option);
      }
    }
    return new Options(
        bind, recursive, set, clear & ~set, recursiveSet, propagation, copyUp, List.copyOf(data));
  }

  private void bind(RuntimeSpec.Mount mount, Options options) {
    String source = mount.source() == null ? "" : mount.source();
    String what = "mount " + source + " on " + mount.destination();
    Path path = Path.of(source);
    if (!path.isAbsolute() || !Files.exists(path)) {
      throw new Failure.InvalidRequest(
          "invalid mount config for type \"bind\": bind source path does not exist: " + source);
    }
    String subpath =
        options.data().stream()
            .filter(o -> o.startsWith(DockerDefaults.SUBPATH))
            .map(o -> o.substring(DockerDefaults.SUBPATH.length()))
            .findFirst()
            .orElse("");
    boolean isFile =
        subpath.isEmpty() ? !Files.isDirectory(path) : isFile(path, subpath, mount.destination());
    Argument from = number(Fd.AT_FDCWD);
    if (!subpath.isEmpty()) {
      Argument whole =
          plan.call(
                  what,
                  Syscalls.OPENAT,
                  from,
                  plan.string(source),
                  number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                  number(0))
              .result();
      from = openIn(whole, subpath, Fd.O_PATH, what).result();
      close(whole);
    }
    Argument tree =
        plan.call(
                what,
                Syscalls.OPEN_TREE,
                from,
                plan.string(subpath.isEmpty() ? source : ""),
                number(
                    OPEN_TREE_CLONE
                        | Fd.O_CLOEXEC
                        | (subpath.isEmpty() ? 0 : AT_EMPTY_PATH)
                        | (options.recursive() ? AT_RECURSIVE : 0)))
            .result();
    if (!subpath.isEmpty()) {
      close(from);
    }
    if (options.set() != 0 || options.clear() != 0) {
      setAttributes(tree, options.set(), options.clear(), 0, false, what);
    }
    if (options.recursiveSet() != 0) {
      setAttributes(tree, options.recursiveSet(), 0, 0, true, what);
    }
    Argument target = target(mount.destination(), isFile, what);
    attach(tree, target, options, what);
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

  private void setAttributes(
      Argument tree, long set, long clear, int propagation, boolean recursive, String what) {
    long clearing = (set & ATTR_ATIME_MASK) != 0 ? clear | ATTR_ATIME_MASK : clear;
    plan.call(
        what,
        Syscalls.MOUNT_SETATTR,
        tree,
        plan.string(""),
        number(AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)),
        plan.words(number(set), number(clearing), number(propagation), number(0)),
        number(32));
  }

  private void attach(Argument tree, Argument target, Options options, String what) {
    plan.call(
        what,
        Syscalls.MOVE_MOUNT,
        tree,
        plan.string(""),
        target,
        plan.string(""),
        number(MOVE_EMPTY_BOTH));
    if (options.propagation() != 0) {
      setAttributes(
          tree, 0, 0, options.propagation() & ~MS_REC, (options.propagation() & MS_REC) != 0, what);
    }
    close(target);
    close(tree);
  }

  private void fileSystem(RuntimeSpec.Mount mount, Options options) {
    String type = mount.type() == null ? "" : mount.type();
    String what = "mount " + type + " on " + mount.destination();
    Argument target =
        type.equals("proc") || type.equals("sysfs")
            ? plainTarget(mount.destination(), what)
            : target(mount.destination(), false, what);
    Argument context =
        plan.call(what, Syscalls.FSOPEN, plan.string(type), number(CLOEXEC)).result();
    if (mount.source() != null && !mount.source().isEmpty()) {
      configure(context, "source", mount.source(), what);
    }
    for (String option : options.data()) {
      int equals = option.indexOf('=');
      if (equals > 0) {
        configure(context, option.substring(0, equals), option.substring(equals + 1), what);
      } else {
        plan.call(
            what,
            Syscalls.FSCONFIG,
            context,
            number(FSCONFIG_SET_FLAG),
            plan.string(option),
            number(0),
            number(0));
      }
    }
    plan.call(
        what, Syscalls.FSCONFIG, context, number(FSCONFIG_CREATE), number(0), number(0), number(0));
    long set = options.set() | options.recursiveSet();
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
        setAttributes(tree, ATTR_RDONLY, 0, 0, false, what);
      }
    }
    attach(tree, target, options, what);
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
  private void cgroup(RuntimeSpec.Mount mount, Options options) {
    boolean ownNamespace = linux().namespaces().stream().anyMatch(n -> n.type().equals("cgroup"));
    long set = options.set() | options.recursiveSet();
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
    fileSystem(
        RuntimeSpec.Mount.of(
            destination, "tmpfs", "tmpfs", "nosuid", "noexec", "nodev", "mode=755"),
        parse(
            RuntimeSpec.Mount.of(
                destination, "tmpfs", "tmpfs", "nosuid", "noexec", "nodev", "mode=755")));
    cgroups
        .mounted()
        .forEach(
            (point, controllers) ->
                bindTree(
                    point.resolve(Path.of(cgroup).normalize().toString().substring(1)),
                    destination + "/" + point.getFileName(),
                    set));
    if ((set & ATTR_RDONLY) != 0) {
      String what = "make " + destination + " read-only";
      Argument point = openInRoot(destination, Fd.O_PATH | Fd.O_DIRECTORY, what);
      setAttributes(point, ATTR_RDONLY, 0, 0, false, what);
      close(point);
    }
  }

  private void bindTree(Path source, String destination, long set) {
    String what = "mount " + source + " on " + destination;
    Argument tree =
        plan.call(
                what,
                Syscalls.OPEN_TREE,
                number(Fd.AT_FDCWD),
                plan.string(source.toString()),
                number(OPEN_TREE_CLONE | Fd.O_CLOEXEC))
            .result();
    setAttributes(tree, set, 0, 0, false, what);
    Argument target = target(destination, false, what);
    attach(tree, target, new Options(true, false, set, 0, 0, 0, false, List.of()), what);
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

  /// A target that may be no link at all: procfs and sysfs are trusted later (CVE-2019-19921).
  private Argument plainTarget(String destination, String what) {
    close(target(destination, false, what));
    return plan.call(
            what,
            Syscalls.OPENAT2,
            root,
            plan.string(destination),
            plan.words(
                number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
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
    List<RuntimeSpec.Device> devices = new java.util.ArrayList<>(linux().devices());
    boolean own =
        spec.mounts().stream().anyMatch(m -> m.destination().equals("/dev") && parse(m).bind());
    if (!own) {
      for (RuntimeSpec.Device device : DockerDefaults.DEVICES) {
        if (devices.stream().noneMatch(d -> d.path().equals(device.path()))) {
          devices.add(device);
        }
      }
    }
    for (RuntimeSpec.Device device : devices) {
      String what = "make the device " + device.path();
      int slash = device.path().lastIndexOf('/');
      String folder = slash <= 0 ? "/" : device.path().substring(0, slash);
      if (userNamespace) {
        bind(
            RuntimeSpec.Mount.of(device.path(), "bind", device.path(), "bind"),
            new Options(true, false, 0, 0, 0, 0, false, List.of()));
        continue;
      }
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
    if (own) {
      return;
    }
    link("/dev/fd", "/proc/self/fd");
    link("/dev/stdin", "/proc/self/fd/0");
    link("/dev/stdout", "/proc/self/fd/1");
    link("/dev/stderr", "/proc/self/fd/2");
    link("/dev/core", "/proc/kcore");
    link("/dev/ptmx", "pts/ptmx");
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

  /// Opens a terminal of the container's own devpts: the master stays under descriptor
  /// `masterNumber` for the monitor to fetch; the returned slot holds the slave.
  Argument terminal(int masterNumber, RuntimeSpec.ConsoleSize size) {
    String what = "open the container's terminal";
    Argument master = openInRoot("/dev/pts/ptmx", Fd.O_RDWR | Fd.O_NOCTTY, what);
    Argument zero = plan.words(number(0));
    plan.call(what, Syscalls.IOCTL, master, number(0x40045431), zero); // TIOCSPTLCK
    Argument slave =
        plan.call(what, Syscalls.IOCTL, master, number(0x5441), number(Fd.O_RDWR | Fd.O_NOCTTY))
            .result(); // TIOCGPTPEER: the slave by its master, whatever is mounted on its path
    if (size.height() > 0 || size.width() > 0) {
      plan.call(
          "set the terminal's size",
          Syscalls.IOCTL,
          master,
          number(0x5414),
          plan.words(number((size.height() & 0xffffL) | (size.width() & 0xffffL) << 16)));
    }
    plan.call(what, Syscalls.DUP3, master, number(masterNumber), number(Fd.O_CLOEXEC));
    close(master);
    return slave;
  }

  /// Binds the slave on /dev/console by descriptor (CVE-2025-52565).
  void console(Argument slave) {
    String what = "mount the terminal on /dev/console";
    Argument target = target("/dev/console", true, what);
    Argument tree =
        plan.call(
                what,
                Syscalls.OPEN_TREE,
                slave,
                plan.string(""),
                number(OPEN_TREE_CLONE | Fd.O_CLOEXEC | AT_EMPTY_PATH))
            .result();
    attach(tree, target, new Options(true, false, 0, 0, 0, 0, false, List.of()), what);
  }

  // ---- into the new root

  void pivot() {
    plan.call("enter the new root", Syscalls.FCHDIR, root);
    plan.call("change the root", Syscalls.PIVOT_ROOT, plan.string("."), plan.string("."));
    plan.call("leave the old root", Syscalls.UMOUNT2, plan.string("."), number(MNT_DETACH));
    plan.call("enter the new root", Syscalls.CHDIR, plan.string("/"));
    String propagation = linux().rootfsPropagation();
    if (propagation != null && PROPAGATION.containsKey(propagation)) {
      int flags = PROPAGATION.get(propagation);
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

  /// Kernel parameters, written through a procfs of our own that no mount covers (CVE-2025-52881).
  void sysctls(Argument procfs) {
    linux()
        .sysctl()
        .forEach(
            (name, value) -> {
              String what = "set the kernel parameter " + name + " to " + value;
              writeProc(procfs, "sys/" + name.replace('.', '/'), value, what);
            });
  }

  /// Writes `value` to a file of the detached procfs.
  LaunchPlan.Step writeProc(Argument procfs, String path, String value, String what) {
    Argument file =
        plan.call(
                what,
                Syscalls.OPENAT2,
                procfs,
                plan.string(path),
                plan.words(
                    number(Fd.O_WRONLY | Fd.O_CLOEXEC),
                    number(0),
                    number(Fd.RESOLVE_NO_XDEV | Fd.RESOLVE_NO_MAGICLINKS)),
                number(24))
            .result();
    LaunchPlan.Step write =
        plan.call(
            what,
            Syscalls.WRITE,
            file,
            plan.string(value),
            number(value.getBytes(java.nio.charset.StandardCharsets.UTF_8).length));
    close(file);
    return write;
  }

  /// A procfs that is mounted nowhere.
  Argument detachedProc() {
    String what = "open a procfs";
    Argument context =
        plan.call(what, Syscalls.FSOPEN, plan.string("proc"), number(CLOEXEC)).result();
    plan.call(
        what, Syscalls.FSCONFIG, context, number(FSCONFIG_CREATE), number(0), number(0), number(0));
    Argument mount =
        plan.call(what, Syscalls.FSMOUNT, context, number(CLOEXEC), number(0)).result();
    close(context);
    return mount;
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
      setAttributes(tree, ATTR_RDONLY, 0, 0, true, what);
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
    List<Argument> results = new java.util.ArrayList<>();
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
    String what = "enter the working directory " + cwd;
    if (!cwd.startsWith("/")) {
      throw new Failure.InvalidRequest(
          "the working directory '" + cwd + "' is invalid, it needs to be an absolute path");
    }
    Argument folder = target(cwd, false, what);
    plan.call(what, Syscalls.FCHDIR, folder);
    close(folder);
  }
}
