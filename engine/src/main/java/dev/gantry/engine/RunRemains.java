package dev.gantry.engine;

import dev.gantry.base.Ids;
import dev.gantry.kernel.PidFd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// What a run leaves behind outside the container's own folders.
final class RunRemains {
  private final Engine engine;

  RunRemains(Engine engine) {
    this.engine = engine;
  }

  /// Kills what still lives in the container's control group.
  void killProcesses(Container c) {
    // without a pid namespace of its own the first process's end does not end the others
    for (int attempt = 0; attempt < 50; attempt++) {
      List<Integer> rest = engine.cgroups().processes(engine.cgroup(c));
      if (rest.isEmpty()) {
        return;
      }
      for (int pid : rest) {
        try (var p = PidFd.open(pid)) {
          p.signal(9);
        } catch (IOException e) {
          continue; // it has gone by itself
        }
      }
      sleep(attempt < 5 ? 1 : 20);
    }
  }

  /// Removes its control group and its folder of the run.
  void remove(Container c) {
    String group = engine.cgroup(c);
    if (!engine.cgroups().remove(group)) {
      Thread.ofVirtual()
          .name("cgroup-" + Ids.shorten(c.id()))
          .start(
              () -> {
                for (int i = 0; i < 100 && !engine.cgroups().remove(group); i++) {
                  sleep(20);
                }
              });
    }
    Path state = engine.stateDirectory(c.id());
    try (var files = Files.list(state)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(state);
    } catch (IOException e) {
      return; // there is none
    }
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
