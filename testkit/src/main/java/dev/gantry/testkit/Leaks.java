package dev.gantry.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// What an engine left on the machine: mounts, cgroups, links, processes, run-time files. Other
/// engines may run beside it, so only what bears its folder or its name counts.
public final class Leaks {
  private static final Path PROC = Path.of("/proc");
  private static final String MONITOR = "gantry-shim";
  private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

  /// A process that holds something of the engine's.
  record Process(long pid, String why) {}

  private Leaks() {}

  /// Waits a moment for what the kernel removes in the background, then fails naming what is left.
  /// To be called when all containers are removed and the engine has ended.
  public static void assertNone(Engine engine) {
    Eventually.within(
        Duration.ofSeconds(10),
        () -> "the engine left behind: " + find(engine) + "\nits log: " + engine.log(),
        () -> find(engine).isEmpty());
  }

  /// What is there now of the engine's containers; the engine's own process does not count.
  public static List<String> find(Engine engine) {
    List<String> found = new ArrayList<>();
    mounts(engine.folder()).forEach(mount -> found.add("mount " + mount));
    cgroups(engine.name()).stream()
        .filter(path -> !path.endsWith(engine.name()))
        .forEach(path -> found.add("cgroup " + path));
    processes(engine.folder(), engine.name()).stream()
        .filter(process -> process.pid() != engine.pid())
        .forEach(process -> found.add("process " + process));
    links(engine.name()).forEach(link -> found.add("link " + link));
    containerFiles(engine.folder()).forEach(file -> found.add("file " + file));
    return found;
  }

  /// Kills all processes of the engine's containers and their monitors, and removes their control
  /// groups.
  static void endAll(Path folder, String name) {
    Eventually.within(
        Duration.ofSeconds(30),
        () -> "still there: " + processes(folder, name) + cgroups(name),
        () -> {
          withMonitors(processes(folder, name)).forEach(ProcessHandle::destroyForcibly);
          cgroups(name).stream()
              .sorted(java.util.Comparator.reverseOrder())
              .forEach(group -> group.toFile().delete());
          return processes(folder, name).isEmpty() && cgroups(name).isEmpty();
        });
  }

  /// The monitors first, which nothing but their children tells from those of other engines.
  private static Set<ProcessHandle> withMonitors(List<Process> found) {
    List<ProcessHandle> handles =
        found.stream().flatMap(p -> ProcessHandle.of(p.pid()).stream()).toList();
    Set<ProcessHandle> all = new LinkedHashSet<>();
    for (ProcessHandle handle : handles) {
      handle
          .parent()
          .filter(p -> commandLine(PROC.resolve(Long.toString(p.pid()))).strip().equals(MONITOR))
          .ifPresent(all::add);
    }
    all.addAll(handles);
    return all;
  }

  static List<String> mounts(Path folder) {
    return lines(PROC.resolve("self/mountinfo"), line -> line.contains(folder.toString())).stream()
        .map(line -> line.split(" ")[4])
        .toList();
  }

  static List<Path> cgroups(String name) {
    try (Stream<Path> all = Files.find(CGROUPS, 8, (p, a) -> a.isDirectory())) {
      return all.filter(p -> ("/" + p + "/").contains("/" + name + "/")).toList();
    } catch (IOException e) {
      return List.of();
    } catch (java.io.UncheckedIOException e) {
      return cgroups(name); // one vanished while we looked
    }
  }

  /// Processes in the engine's cgroups, on its mounts, in its folder or with its files open.
  static List<Process> processes(Path folder, String name) {
    List<Process> found = new ArrayList<>();
    try (Stream<Path> all = Files.list(PROC)) {
      all.filter(p -> p.getFileName().toString().chars().allMatch(Character::isDigit))
          .forEach(
              p -> {
                long pid = Long.parseLong(p.getFileName().toString());
                String why = pid == ProcessHandle.current().pid() ? "" : hold(p, folder, name);
                if (!why.isEmpty()) {
                  found.add(new Process(pid, why + ": " + commandLine(p)));
                }
              });
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return found;
  }

  private static String hold(Path process, Path folder, String name) {
    String prefix = folder.toString();
    if (!lines(process.resolve("cgroup"), line -> (line + "/").contains("/" + name + "/"))
        .isEmpty()) {
      return "in its cgroup";
    }
    if (!sharesOurMounts(process)
        && !lines(process.resolve("mountinfo"), line -> line.contains(prefix)).isEmpty()) {
      return "on its mounts";
    }
    if (commandLine(process).contains(prefix)) {
      return "by its command line";
    }
    try (Stream<Path> fds = Files.list(process.resolve("fd"))) {
      return fds.anyMatch(fd -> target(fd).startsWith(prefix)) ? "with its files open" : "";
    } catch (IOException | java.io.UncheckedIOException e) {
      return "";
    }
  }

  private static boolean sharesOurMounts(Path process) {
    return target(process.resolve("ns/mnt")).equals(target(PROC.resolve("self/ns/mnt")));
  }

  private static String commandLine(Path process) {
    return String.join(" ", lines(process.resolve("cmdline"), line -> true)).replace('\0', ' ');
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return "";
    }
  }

  /// Links on the engine's bridges; these and the firewall table stay, for the next start.
  private static List<String> links(String name) {
    return NetworkLeftovers.bridges(name).stream()
        .flatMap(bridge -> NetworkLeftovers.members(bridge).stream())
        .toList();
  }

  /// Files of containers: whatever lies in a folder named by a container id.
  private static List<Path> containerFiles(Path folder) {
    Predicate<String> id = name -> name.matches("[0-9a-f]{64}");
    List<Path> found = new ArrayList<>();
    for (Path part : List.of(folder.resolve("run"), folder.resolve("data/containers"))) {
      try (Stream<Path> all = Files.find(part, 4, (p, a) -> id.test(p.getFileName().toString()))) {
        all.forEach(found::add);
      } catch (IOException | java.io.UncheckedIOException e) {
        // nothing there
      }
    }
    return found;
  }

  private static List<String> lines(Path file, Predicate<String> wanted) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)
          .lines()
          .filter(wanted)
          .toList();
    } catch (IOException e) {
      return List.of(); // the process has ended
    }
  }
}
