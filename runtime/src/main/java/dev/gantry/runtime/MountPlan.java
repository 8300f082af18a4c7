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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The mounts of a configuration.
final class MountPlan {
  private static final int ATTR_RDONLY = MountOptions.RDONLY;
  private static final int ATTR_IDMAP = 0x100000;
  private static final int FSPICK_EMPTY_PATH = 8;
  private static final String NO_SUCH_SOURCE =
      "invalid mount config for type \"bind\": bind source path does not exist: ";

  private final LaunchPlan plan;
  private final MountSteps steps;
  private final RuntimeSpec spec;
  private final RuntimeSpec.Linux linux;
  private final CgroupLayout cgroups;
  private final String cgroup;
  private final boolean userNamespace;

  /// Mounts that the monitor made with the host's rights, because a child in a user namespace has
  /// none there; by what is mounted.
  private final Map<String, Argument> prepared = new LinkedHashMap<>();

  MountPlan(
      LaunchPlan plan,
      MountSteps steps,
      RuntimeSpec spec,
      RuntimeSpec.Linux linux,
      CgroupLayout cgroups,
      String cgroup,
      boolean userNamespace) {
    this.plan = plan;
    this.steps = steps;
    this.spec = spec;
    this.linux = linux;
    this.cgroups = cgroups;
    this.cgroup = cgroup;
    this.userNamespace = userNamespace;
  }

  // ---- in the monitor, before the fork

  /// Makes what takes the host's rights: everything of the host's for a child in a user namespace,
  /// and idmapped mounts. They wait detached, for the child to put them in their places.
  void prepare() {
    for (RuntimeSpec.Mount mount : spec.mounts()) {
      MountOptions options = MountOptions.of(mount);
      if (options.bind() && !options.remount() && (userNamespace || options.idmap())) {
        String what = what(mount);
        Argument tree = openSource(mount, options, what);
        steps.leaveHostsPeers(tree, options.recursive(), what);
        if (options.idmap()) {
          idmap(mount, options, tree, what);
        }
        prepared.put(key(mount), tree);
      } else if (isCgroup(mount) && userNamespace && !cgroups.isUnified()) {
        for (Path folder : ownGroups().keySet()) {
          Argument tree = steps.openTree(folder.toString(), false, "open " + folder);
          steps.leaveHostsPeers(tree, false, "open " + folder);
          prepared.put(folder.toString(), tree);
        }
      }
    }
  }

  /// In the monitor, after the fork: the child has its own descriptors of them.
  void closePrepared() {
    prepared.values().forEach(steps::close);
  }

  private void idmap(RuntimeSpec.Mount mount, MountOptions options, Argument tree, String what) {
    boolean own = !mount.uidMappings().isEmpty();
    List<RuntimeSpec.IdMapping> users = own ? mount.uidMappings() : linux.uidMappings();
    List<RuntimeSpec.IdMapping> groups = own ? mount.gidMappings() : linux.gidMappings();
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
        number(MountSteps.AT_EMPTY_PATH | (options.recursiveIdmap() ? MountSteps.AT_RECURSIVE : 0)),
        attributes,
        number(32));
    steps.close(namespace);
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

  // ---- the mounts of the configuration

  void make() {
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
    steps.setAttributes(tree, options, what);
    Argument target = steps.target(mount.destination(), isFile, what);
    steps.attach(tree, target, options, what);
  }

  /// A detached copy of what a bind mount mounts.
  private Argument openSource(RuntimeSpec.Mount mount, MountOptions options, String what) {
    String source = source(mount);
    String subpath = subpath(options);
    if (subpath.isEmpty()) {
      return steps.openTree(source, options.recursive(), what);
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
    Argument part = steps.openIn(whole, subpath, Fd.O_PATH, what).result();
    steps.close(whole);
    Argument tree = steps.copyOf(part, options.recursive(), what);
    steps.close(part);
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
    Argument target = steps.openInRoot(mount.destination(), Fd.O_PATH, what);
    if (!options.bind()) {
      Argument context =
          plan.call(
                  what,
                  Syscalls.FSPICK,
                  target,
                  plan.string(""),
                  number(MountSteps.CLOEXEC | FSPICK_EMPTY_PATH))
              .result();
      settings(context, options, what);
      steps.configure(context, MountSteps.FSCONFIG_RECONFIGURE, what);
      steps.close(context);
    }
    steps.setAttributes(target, options, what);
    if (options.propagation() != 0) {
      steps.propagate(target, options.propagation(), what);
    }
    steps.close(target);
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
            ? steps.plainTarget(mount.destination(), false, what)
            : steps.target(mount.destination(), false, what);
    Argument context =
        plan.call(what, Syscalls.FSOPEN, plan.string(type), number(MountSteps.CLOEXEC)).result();
    if (mount.source() != null && !mount.source().isEmpty()) {
      steps.configure(context, "source", mount.source(), what);
    }
    settings(context, options, what);
    steps.configure(context, MountSteps.FSCONFIG_CREATE, what);
    long set = options.below().and(options.own()).set();
    boolean readOnlyLater = options.copyUp() && (set & ATTR_RDONLY) != 0;
    Argument tree =
        plan.call(
                what,
                Syscalls.FSMOUNT,
                context,
                number(MountSteps.CLOEXEC),
                number(readOnlyLater ? set & ~ATTR_RDONLY : set))
            .result();
    steps.close(context);
    if (options.copyUp()) {
      copyUp(mount.destination(), tree, what);
      if (readOnlyLater) {
        steps.setAttributes(tree, new Attributes(ATTR_RDONLY, 0), 0, false, what);
      }
    }
    steps.attach(tree, target, options, what);
  }

  private void settings(Argument context, MountOptions options, String what) {
    options.flags().forEach(f -> steps.configure(context, f, "", what));
    for (String option : options.data()) {
      int equals = option.indexOf('=');
      steps.configure(
          context,
          equals > 0 ? option.substring(0, equals) : option,
          equals > 0 ? option.substring(equals + 1) : "",
          what);
    }
  }

  private void copyUp(String destination, Argument tree, String what) {
    Argument from = steps.openInRoot(destination, Fd.O_RDONLY | Fd.O_DIRECTORY, what);
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
    steps.close(from);
    steps.close(to);
  }

  /// cgroup v1: the container's own folder of each hierarchy; v2: the tree, rooted by the cgroup
  /// namespace or, without one, the container's folder.
  private void cgroup(RuntimeSpec.Mount mount, MountOptions options) {
    boolean ownNamespace = linux.namespaces().stream().anyMatch(n -> n.type().equals("cgroup"));
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
      Argument point = steps.openInRoot(destination, Fd.O_PATH | Fd.O_DIRECTORY, what);
      steps.setAttributes(point, new Attributes(ATTR_RDONLY, 0), 0, false, what);
      steps.close(point);
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
    Argument tree = ready != null ? ready : steps.openTree(source.toString(), false, what);
    steps.setAttributes(tree, set, 0, false, what);
    Argument target = steps.target(destination, false, what);
    steps.attach(tree, target, MountOptions.plain(), what);
  }
}
