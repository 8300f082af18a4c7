package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.base.Failure;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.DeviceFilter;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// The control group part of a launch plan: the folders, the limits, and how the process gets in.
///
/// On v1 the child writes `0` to `tasks` itself: a pid written to `cgroup.procs` by somebody else
/// waits for an RCU period, 9 to 17 ms. On v2 the child is cloned into its group.
final class CgroupPlan {
  private static final List<String> DELEGATED =
      List.of("cpu", "cpuset", "memory", "pids", "io", "hugetlb", "rdma", "misc");
  private static final int BPF_PROG_LOAD = 5;
  private static final int BPF_PROG_ATTACH = 8;
  private static final int BPF_PROG_TYPE_CGROUP_DEVICE = 15;
  private static final int BPF_CGROUP_DEVICE = 6;
  private static final int BPF_F_ALLOW_MULTI = 2;

  private final LaunchPlan plan;
  private final CgroupLayout layout;
  private final String group;

  CgroupPlan(LaunchPlan plan, CgroupLayout layout, String group) {
    this.plan = plan;
    this.layout = layout;
    this.group = group;
  }

  /// Makes the group in every hierarchy and writes the limits.
  void create(RuntimeSpec.@Nullable Resources resources) {
    List<CgroupLimits.Setting> limits =
        resources == null ? List.of() : CgroupLimits.of(layout, group, resources);
    for (Path folder : layout.folders(group)) {
      makeFolders(folder, limits);
    }
    if (resources != null) {
      limits.forEach(this::write);
      devices(resources.devices());
    }
  }

  private void makeFolders(Path folder, List<CgroupLimits.Setting> limits) {
    Path mount = mountOf(folder);
    boolean cpuset = mount.equals(layout.hierarchies().get("cpuset"));
    Path at = mount;
    for (Path part : mount.relativize(folder)) {
      Path parent = at;
      at = at.resolve(part);
      boolean leaf = at.equals(folder);
      if (!leaf && Files.isDirectory(at)) {
        continue;
      }
      // an existing leaf is left of a container that was killed with its engine: it is empty
      plan.call(
              "make the control group " + at,
              Syscalls.MKDIRAT,
              number(Fd.AT_FDCWD),
              plan.string(at.toString()),
              number(0755))
          .tolerate(0, Errno.EEXIST);
      if (cpuset) {
        // a cpuset group starts empty and takes no process until it has both
        write(at.resolve("cpuset.cpus"), inherited(parent, "cpuset.cpus"));
        write(at.resolve("cpuset.mems"), inherited(parent, "cpuset.mems"));
      }
    }
    if (mount.equals(layout.unified())) {
      delegate(mount, folder, controllers(mount, limits));
    }
  }

  /// Beside v1 hierarchies, other engines do not expect the v2 tree to control anything: there,
  /// only what has a limit.
  private Collection<String> controllers(Path unified, List<CgroupLimits.Setting> limits) {
    if (layout.hierarchies().isEmpty()) {
      return DELEGATED;
    }
    Set<String> needed = new TreeSet<>();
    for (CgroupLimits.Setting limit : limits) {
      for (Path file : limit.files()) {
        if (file.startsWith(unified)) {
          needed.add(String.valueOf(file.getFileName()).split("\\.")[0]);
        }
      }
    }
    return needed;
  }

  /// v2: lets `folder` use the controllers that this tree has, from the top down to its parent.
  ///
  /// @param wanted the controllers it may need
  private void delegate(Path top, Path folder, Collection<String> wanted) {
    Path at = top;
    for (Path part : top.relativize(folder)) {
      Set<String> on = words(at.resolve("cgroup.subtree_control"));
      Set<String> known = words(at.resolve("cgroup.controllers"));
      StringBuilder missing = new StringBuilder();
      for (String controller : wanted) {
        boolean offered =
            known.isEmpty()
                ? layout.unifiedControllers().contains(controller)
                : known.contains(controller);
        if (offered && !on.contains(controller)) {
          missing.append(missing.isEmpty() ? "+" : " +").append(controller);
        }
      }
      if (!missing.isEmpty()) {
        write(at.resolve("cgroup.subtree_control"), missing.toString());
      }
      at = at.resolve(part);
    }
  }

  /// Empty for a group that is not made yet.
  private static Set<String> words(Path file) {
    try {
      return Set.of(Files.readString(file).trim().split("\\s+"));
    } catch (IOException e) {
      return Set.of();
    }
  }

  private static String inherited(Path parent, String file) {
    for (Path at = parent; at != null; at = at.getParent()) {
      try {
        String value = Files.readString(at.resolve(file)).trim();
        if (!value.isEmpty()) {
          return value;
        }
      } catch (IOException e) {
        continue; // not made yet: its own parent knows
      }
    }
    return "0";
  }

  private Path mountOf(Path folder) {
    for (Path mount : layout.mounted().keySet()) {
      if (folder.startsWith(mount)) {
        return mount;
      }
    }
    Path unified = layout.unified();
    return unified == null ? folder : unified;
  }

  private void write(Path file, String value) {
    write(open(file, value).result(), file, value);
  }

  private void write(CgroupLimits.Setting setting) {
    if (setting.files().size() == 1 && setting.required()) {
      write(setting.files().getFirst(), setting.value());
      return;
    }
    List<LaunchPlan.Step> done = new ArrayList<>();
    for (Path file : setting.files()) {
      LaunchPlan.Step open = open(file, setting.value());
      open.tolerate(3, Errno.ENOENT);
      write(open.result(), file, setting.value());
      done.add(plan.special("write " + setting.value(), Special.JUMP, number(0)));
    }
    if (setting.required()) {
      String what = "write " + setting.value() + " to " + setting.files().getFirst();
      plan.special(what, Special.CHECK, number(0), number(0), number(1), number(Errno.ENOENT));
    }
    done.forEach(d -> d.targetNext(0));
  }

  private LaunchPlan.Step open(Path file, String value) {
    return plan.call(
        "write " + value + " to " + file,
        Syscalls.OPENAT,
        number(Fd.AT_FDCWD),
        plan.string(file.toString()),
        number(Fd.O_WRONLY | Fd.O_CLOEXEC),
        number(0));
  }

  private void write(Argument fd, Path file, String value) {
    String what = "write " + value + " to " + file;
    plan.call(
        what,
        Syscalls.WRITE,
        fd,
        plan.string(value),
        number(value.getBytes(StandardCharsets.UTF_8).length));
    plan.call(what, Syscalls.CLOSE, fd);
  }

  private void devices(List<RuntimeSpec.DeviceRule> rules) {
    if (rules.isEmpty()) {
      return;
    }
    // what every container needs comes last: engines may refuse everything and list only their own
    List<RuntimeSpec.DeviceRule> all = new ArrayList<>(rules);
    DockerDefaults.DEVICE_RULES.stream()
        .filter(r -> r.allow() && !rules.contains(r))
        .forEach(all::add);
    Optional<Path> folder = layout.folder("devices", group);
    if (folder.isPresent()) {
      for (RuntimeSpec.DeviceRule rule : all) {
        write(folder.get().resolve(rule.allow() ? "devices.allow" : "devices.deny"), line(rule));
      }
    } else if (layout.isUnified()) {
      attach(DeviceFilter.compile(all.stream().map(CgroupPlan::rule).toList()));
    } else {
      throw new Failure.Unsupported(
          "device rules need the control group controller devices, which this machine does not have");
    }
  }

  /// v2 asks a program instead (bpf(2)); it goes with the group.
  private void attach(byte[] program) {
    String what = "load the device filter";
    // union bpf_attr of BPF_PROG_LOAD: type | number of instructions, them, licence, log (3 words),
    // name (2 words), device | kind of attachment
    Argument.Pointer load =
        plan.words(
            number(BPF_PROG_TYPE_CGROUP_DEVICE | (long) (program.length / 8) << 32),
            plan.bytes(program),
            plan.string(""),
            number(0),
            number(0),
            number(0),
            number(0),
            number(0),
            number((long) BPF_CGROUP_DEVICE << 32));
    Argument filter =
        plan.call(what, Syscalls.BPF, number(BPF_PROG_LOAD), load, number(72)).result();
    Path folder = layout.unifiedFolder(group);
    Argument target =
        plan.call(
                "open the control group " + folder,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(folder.toString()),
                number(Fd.O_RDONLY | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                number(0))
            .result();
    // group | program, kind of attachment | flags, program to replace
    Argument.Pointer attach =
        plan.words(
            number(0), number(BPF_CGROUP_DEVICE | (long) BPF_F_ALLOW_MULTI << 32), number(0));
    plan.special(what, Special.STORE32, attach, target);
    plan.special(what, Special.STORE32, LaunchPlan.behind(attach, 4), filter);
    plan.call(
        "attach the device filter", Syscalls.BPF, number(BPF_PROG_ATTACH), attach, number(20));
    plan.call(what, Syscalls.CLOSE, target);
    plan.call(what, Syscalls.CLOSE, filter);
  }

  private static DeviceFilter.Rule rule(RuntimeSpec.DeviceRule rule) {
    String type = rule.type() == null ? "a" : rule.type();
    Long major = rule.major();
    Long minor = rule.minor();
    return new DeviceFilter.Rule(
        rule.allow(),
        switch (type) {
          case "a", "" -> DeviceFilter.Kind.ALL;
          case "b" -> DeviceFilter.Kind.BLOCK;
          case "c", "u" -> DeviceFilter.Kind.CHARACTER;
          default -> throw new Failure.InvalidRequest("unknown device type \"" + type + "\"");
        },
        major == null ? -1 : major,
        minor == null ? -1 : minor,
        access(rule));
  }

  private static int access(RuntimeSpec.DeviceRule rule) {
    String letters = rule.access() == null ? "" : rule.access();
    if (!letters.matches("[rwm]*")) {
      throw new Failure.InvalidRequest(
          "device access is made of r, w and m, not \"" + letters + "\"");
    }
    if (letters.isEmpty()) {
      return DeviceFilter.READ | DeviceFilter.WRITE | DeviceFilter.MKNOD;
    }
    return (letters.contains("r") ? DeviceFilter.READ : 0)
        | (letters.contains("w") ? DeviceFilter.WRITE : 0)
        | (letters.contains("m") ? DeviceFilter.MKNOD : 0);
  }

  private static String line(RuntimeSpec.DeviceRule rule) {
    String type = rule.type() == null ? "a" : rule.type();
    Long major = rule.major();
    Long minor = rule.minor();
    return type
        + " "
        + (major == null || major < 0 ? "*" : major)
        + ":"
        + (minor == null || minor < 0 ? "*" : minor)
        + " "
        + (rule.access() == null || rule.access().isEmpty() ? "rwm" : rule.access());
  }

  // ---- joining

  /// Opens the v1 groups' `tasks` files, to be written by whoever joins.
  List<Argument> openTasks() {
    List<Argument> files = new ArrayList<>();
    for (Path mount : layout.mounted().keySet()) {
      Path tasks =
          mount.resolve(Path.of("/" + group).normalize().toString().substring(1)).resolve("tasks");
      files.add(
          plan.call(
                  "open the control group " + tasks,
                  Syscalls.OPENAT,
                  number(Fd.AT_FDCWD),
                  plan.string(tasks.toString()),
                  number(Fd.O_WRONLY | Fd.O_CLOEXEC),
                  number(0))
              .result());
    }
    return files;
  }

  /// The calling process moves itself.
  void join(List<Argument> tasks) {
    for (Argument file : tasks) {
      plan.call("join the control group", Syscalls.WRITE, file, plan.string("0"), number(1));
      plan.call("join the control group", Syscalls.CLOSE, file);
    }
  }

  /// The v2 group as a descriptor for CLONE_INTO_CGROUP, where v2 has a say.
  Optional<Argument> openUnified() {
    if (layout.unified() == null
        || (!layout.hierarchies().isEmpty() && layout.unifiedControllers().isEmpty())) {
      return Optional.empty();
    }
    Path folder = layout.folders(group).getLast();
    return Optional.of(
        plan.call(
                "open the control group " + folder,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(folder.toString()),
                number(Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_CLOEXEC),
                number(0))
            .result());
  }
}
