package dev.gantry.kernel;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Where this machine's cgroup controllers are (cgroups(7)): each in a hierarchy of its own (v1),
/// all in one tree (v2), or some here and some there (hybrid).
///
/// @param hierarchies v1 mount points by controller; controllers that are mounted together share
///   one
/// @param unified the v2 tree, where there is one
/// @param unifiedControllers what the v2 tree controls; empty on most hybrid machines
public record CgroupLayout(
    Map<String, Path> hierarchies, @Nullable Path unified, Set<String> unifiedControllers) {

  private static final int REMOVEDIR = 0x200;
  private static final long FREEZE_LIMIT = 10_000_000_000L;

  public CgroupLayout {
    hierarchies = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(hierarchies));
    unifiedControllers = Set.copyOf(unifiedControllers);
  }

  private static final class Detected {
    static final CgroupLayout INSTANCE = detect(Path.of("/proc/self/mountinfo"));
  }

  /// The layout of this machine, read once.
  public static CgroupLayout detected() {
    return Detected.INSTANCE;
  }

  static CgroupLayout detect(Path mountInfo) {
    Map<String, Path> hierarchies = new LinkedHashMap<>();
    Path unified = null;
    Set<String> controllers = new HashSet<>();
    try {
      for (String line : Files.readAllLines(mountInfo)) {
        String[] halves = line.split(" - ", 2);
        if (halves.length < 2) {
          continue;
        }
        Path point = Path.of(halves[0].split(" ")[4].replace("\\040", " "));
        String[] tail = halves[1].split(" ");
        if (tail[0].equals("cgroup2") && unified == null) {
          unified = point;
          Path file = point.resolve("cgroup.controllers");
          if (Files.isReadable(file)) {
            controllers.addAll(words(Files.readString(file)));
          }
        } else if (tail[0].equals("cgroup") && tail.length > 2) {
          for (String option : tail[2].split(",")) {
            if (!option.equals("rw")
                && !option.equals("ro")
                && !option.startsWith("clone_")
                && !option.startsWith("xattr")
                && !option.startsWith("release_agent")) {
              hierarchies.putIfAbsent(option, point);
            }
          }
        }
      }
    } catch (IOException e) {
      throw new dev.gantry.base.Failure.Internal("could not read the mounts of this machine", e);
    }
    return new CgroupLayout(hierarchies, unified, controllers);
  }

  private static List<String> words(String text) {
    return text.isBlank() ? List.of() : List.of(text.trim().split("\\s+"));
  }

  /// True if the v2 tree controls memory: the machine is managed in the new way.
  public boolean isUnified() {
    return hierarchies.isEmpty() && unified != null;
  }

  /// The v1 hierarchies, each mount point once, with the controllers in it.
  public Map<Path, List<String>> mounted() {
    Map<Path, List<String>> byPoint = new LinkedHashMap<>();
    hierarchies.forEach(
        (controller, point) ->
            byPoint.computeIfAbsent(point, p -> new ArrayList<>()).add(controller));
    return byPoint;
  }

  /// The folder of group `group` (a path such as `/gantry/ID`) for `controller`; empty if nothing
  /// controls that here.
  public Optional<Path> folder(String controller, String group) {
    Path point = hierarchies.get(controller);
    if (point == null && unifiedControllers.contains(controller)) {
      point = unified;
    }
    return Optional.ofNullable(point).map(p -> p.resolve(relative(group)));
  }

  /// All folders of group `group`, in every hierarchy.
  public List<Path> folders(String group) {
    List<Path> folders = new ArrayList<>();
    String path = relative(group);
    new LinkedHashSet<>(hierarchies.values()).forEach(point -> folders.add(point.resolve(path)));
    if (unified != null && (hierarchies.isEmpty() || !unifiedControllers.isEmpty())) {
      folders.add(unified.resolve(path));
    }
    return folders;
  }

  /// The folder of group `group` in the v2 tree.
  public Path unifiedFolder(String group) {
    Path top = unified;
    if (top == null) {
      throw new dev.gantry.base.Failure.Unsupported("this machine has no cgroup v2");
    }
    return top.resolve(relative(group));
  }

  private static String relative(String group) {
    Path path = Path.of("/" + group).normalize();
    return path.toString().substring(1);
  }

  /// Removes the group everywhere, its own sub-groups first; a group that is not there is no error.
  /// Returns false if something still lives in it.
  public boolean remove(String group) {
    boolean all = true;
    for (Path folder : folders(group)) {
      all &= removeTree(folder);
    }
    return all;
  }

  /// Removes the group wherever nothing is in it, neither a process nor a sub-group.
  public void removeEmpty(String group) {
    for (Path folder : folders(group)) {
      boolean ignored = removeFolder(folder);
    }
  }

  private static boolean removeTree(Path folder) {
    if (removeFolder(folder)) {
      return true;
    }
    try (var children = Files.list(folder)) {
      children.filter(Files::isDirectory).forEach(CgroupLayout::removeTree);
    } catch (IOException | java.io.UncheckedIOException e) {
      return !Files.exists(folder);
    }
    return removeFolder(folder);
  }

  /// True if the folder is no more. One call: a group has a dozen folders, and its end is on the
  /// path of every run.
  private static boolean removeFolder(Path folder) {
    try (Arena arena = Arena.ofConfined()) {
      long path = Native.string(arena, folder.toString()).address();
      long result = Native.raw(Syscalls.UNLINKAT, Fd.AT_FDCWD, path, REMOVEDIR, 0, 0, 0);
      return result == 0 || result == -Errno.ENOENT;
    } catch (Errno e) {
      return false; // no such name
    }
  }

  /// How many processes of the group the kernel has killed for lack of memory.
  public long oomKills(String group) {
    return folder("memory", group)
        .map(
            folder ->
                field(
                    folder.resolve(
                        hierarchies.containsKey("memory") ? "memory.oom_control" : "memory.events"),
                    "oom_kill"))
        .orElse(0L);
  }

  private static long field(Path file, String name) {
    try {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith(name + " ")) {
          return Long.parseLong(line.substring(name.length() + 1).trim());
        }
      }
    } catch (IOException e) {
      return 0; // the other version's file, or the group has gone
    }
    return 0;
  }

  /// The processes in the group and the groups below it, as this process's pid namespace numbers
  /// them.
  public List<Integer> processes(String group) {
    for (Path folder : folders(group)) {
      if (Files.isDirectory(folder)) {
        List<Integer> found = new ArrayList<>();
        collect(folder, found);
        return List.copyOf(found);
      }
    }
    return List.of();
  }

  private static void collect(Path folder, List<Integer> found) {
    try {
      words(Files.readString(folder.resolve("cgroup.procs"))).stream()
          .map(Integer::valueOf)
          .forEach(found::add);
      try (var below = Files.newDirectoryStream(folder, Files::isDirectory)) {
        below.forEach(f -> collect(f, found));
      }
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      return; // the group has gone meanwhile
    }
  }

  /// Stops or continues all processes of the group; returns when the kernel says that they are. A
  /// group that does not stop in ten seconds is let go on.
  public void freeze(String group, boolean frozen) throws IOException {
    Path freezer = hierarchies.get("freezer");
    if (freezer != null) {
      Path state = freezer.resolve(relative(group)).resolve("freezer.state");
      // a process that forks while the state is FREEZING keeps it there: ask again
      String wanted = frozen ? "FROZEN" : "THAWED";
      await(
          group,
          frozen,
          () -> {
            Files.writeString(state, wanted);
            return Files.readString(state).trim().equals(wanted);
          });
    } else if (unified != null) {
      Path folder = unifiedFolder(group);
      Files.writeString(folder.resolve("cgroup.freeze"), frozen ? "1" : "0");
      await(
          group,
          frozen,
          () -> field(folder.resolve("cgroup.events"), "frozen") == (frozen ? 1 : 0));
    } else {
      throw new IOException("this machine has no cgroup freezer");
    }
  }

  /// Whether the group's processes are stopped by [#freeze].
  public boolean isFrozen(String group) {
    Path freezer = hierarchies.get("freezer");
    try {
      if (freezer != null) {
        String state = Files.readString(freezer.resolve(relative(group)).resolve("freezer.state"));
        return !state.startsWith("THAWED");
      }
      return unified != null && field(unifiedFolder(group).resolve("cgroup.events"), "frozen") == 1;
    } catch (IOException e) {
      return false; // the group has gone
    }
  }

  private interface Check {
    boolean holds() throws IOException;
  }

  private void await(String group, boolean frozen, Check check) throws IOException {
    long end = System.nanoTime() + FREEZE_LIMIT;
    while (!check.holds()) {
      if (System.nanoTime() > end) {
        if (frozen) {
          freeze(group, false);
        }
        throw new IOException(
            "the processes of "
                + group
                + (frozen ? " did not stop" : " did not continue")
                + " within ten seconds");
      }
      java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
    }
  }
}
