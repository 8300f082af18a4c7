package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.engine.logs.LogIntake;
import dev.gantry.network.Networks;
import dev.gantry.oci.ImageReference;
import dev.gantry.runtime.ExitStatus;
import dev.gantry.runtime.RunningProcess;
import dev.gantry.store.Journal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The engine's start: takes up the containers that outlived the engine before, learns how the
/// others ended, and removes what was left half-made. The engine before may have been killed at any
/// moment; see docs/flows/restore.md for the cases.
final class RestoreContainers {
  private static final String ID = "[0-9a-f]{64}";

  private final Engine engine;
  private final Journal journal;
  private final Path runFolders;
  private final Path dataFolders;

  RestoreContainers(Engine engine, Journal journal) {
    this.engine = engine;
    this.journal = journal;
    this.runFolders = engine.options().execRoot().resolve("containers");
    this.dataFolders = engine.options().dataRoot().resolve("containers");
  }

  void restore() {
    List<Container> all = read();
    Set<String> traces = traces();
    Map<Container, RunningProcess> running = reattach(all, traces);
    engine.networks().restore(attachments(running));
    Untold untold = new Untold(engine, engine.events().past());
    for (Container c : all) {
      RunningProcess process = running.get(c);
      if (process != null) {
        resume(c, process, untold);
      } else {
        settle(c, traces.contains(c.id()), untold);
      }
    }
    untold.removed(all.stream().map(Container::id).collect(Collectors.toSet()));
    ExecFolders.restore(
        engine, running.keySet().stream().collect(Collectors.toMap(Container::id, c -> c)));
    engine.volumes().settle();
    sweep(all, traces);
    StartOrder.of(all.stream().filter(RestartPolicy::atEngineStart).toList()).forEach(this::start);
    builtInImage();
  }

  private List<Container> read() {
    List<Container> all = new ArrayList<>();
    journal
        .table(Engine.TABLE)
        .forEach((id, json) -> all.add(Container.read(id, json, dataFolders.resolve(id))));
    all.forEach(engine.containers()::add);
    return all;
  }

  /// Ids of containers of which there is something outside their own folders: run-time files or
  /// control groups. Most containers have ended, and nothing needs to be looked for.
  private Set<String> traces() {
    Set<String> ids = new TreeSet<>(names(runFolders));
    for (Path group : engine.cgroups().folders(engine.options().cgroupParent())) {
      ids.addAll(names(group));
    }
    return ids;
  }

  private static Set<String> names(Path folder) {
    try (Stream<Path> children = Files.list(folder)) {
      return children
          .map(p -> p.getFileName().toString())
          .filter(name -> name.matches(ID))
          .collect(Collectors.toSet());
    } catch (IOException e) {
      return Set.of(); // not made yet
    }
  }

  // ---- what still has its monitor

  private Map<Container, RunningProcess> reattach(List<Container> all, Set<String> traces) {
    Map<Container, RunningProcess> running = new LinkedHashMap<>();
    for (Container c : all) {
      if (!traces.contains(c.id())) {
        continue;
      }
      Optional<RunningProcess> process = engine.runtime().reattach(engine.stateDirectory(c.id()));
      if (process.isPresent() && c.state() instanceof ContainerState.Live) {
        running.put(c, process.get());
      } else if (process.isPresent()) {
        dismiss(process.get());
      }
    }
    return running;
  }

  /// A process that is not on record as running: either its end is on record already and only the
  /// clean-up was cut off, or its start was cut off before anybody was told of it.
  private static void dismiss(RunningProcess process) {
    try {
      boolean ignored = process.signal(9);
      var end = process.awaitExit(10, TimeUnit.SECONDS);
      if (end.isEmpty()) {
        throw new Failure.Internal("process " + process.pid() + " does not end");
      }
    } catch (IOException e) {
      throw new Failure.Internal("could not end process " + process.pid(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while ending process " + process.pid());
    } finally {
      process.release();
    }
  }

  private static List<Networks.Live> attachments(Map<Container, RunningProcess> running) {
    List<Networks.Live> live = new ArrayList<>();
    running.forEach(
        (c, process) ->
            c.attachment().ifPresent(a -> live.add(new Networks.Live(a, process.pid()))));
    return live;
  }

  private void resume(Container c, RunningProcess process, Untold untold) {
    Instant startedAt = c.state() instanceof ContainerState.Live l ? l.startedAt() : Instant.now();
    // a pause or its end may have been cut off between the deed and its record
    boolean paused = engine.cgroups().isFrozen(engine.cgroup(c));
    untold.runs(c, startedAt, paused);
    c.become(
        paused
            ? new ContainerState.Paused(process.pid(), startedAt)
            : new ContainerState.Running(process.pid(), startedAt));
    engine.volumes().resume(c);
    Output output =
        new Output(process, StartContainer.streams(process), engine.intake(c), List.of());
    c.run(process, output);
    output.start();
    Shipping.goOn(c);
    engine.watch(c, process, output);
    if (c.state() instanceof ContainerState.Running) {
      HealthMonitor.start(engine, c, false);
    }
  }

  // ---- what has none

  private void settle(Container c, boolean hasTraces, Untold untold) {
    boolean ran = c.state() instanceof ContainerState.Live;
    if (c.state() instanceof ContainerState.Live live) {
      // the group's figures go with what is in it
      EndOfRun end = new EndOfRun(engine, c);
      Optional<ExitStatus> exit = engine.runtime().exitRecord(engine.stateDirectory(c.id()));
      c.died(EndOfRun.judged(c, end.death(exit, live.startedAt(), hasTraces)));
      end.unhealthy();
    }
    if (hasTraces || ran) {
      // a monitor that was killed has left its container's processes
      new RunRemains(engine).killProcesses(c);
    }
    c.attached(null);
    if (c.state() instanceof ContainerState.Live live) {
      recordEnd(c, live);
    }
    untold.ended(c, ran);
    if (hasTraces) {
      new RunRemains(engine).remove(c);
    }
    if (c.state() instanceof ContainerState.Removing) {
      new RemoveContainer(engine).discard(c, false);
    } else if (c.spec().autoRemove() && c.state() instanceof ContainerState.Exited) {
      new RemoveContainer(engine).afterItsRun(c);
    } else {
      Shipping.goOn(c);
    }
  }

  /// The exit is in the record that the monitor left, or unknown; and so is the last of its log.
  private void recordEnd(Container c, ContainerState.Live live) {
    LogIntake left = engine.intake(c);
    if (left != null) {
      left.salvage();
    }
    Death death = c.death().orElseThrow();
    c.become(
        new ContainerState.Exited(
            death.exitCode(),
            live.startedAt(),
            Instant.parse(death.endedAt()),
            death.oomKills() > 0,
            ""));
    engine.note(c);
  }

  private void start(Container c) {
    if (c.state() instanceof ContainerState.Restarting restarting) {
      new EndOfRun(engine, c).restartNow(restarting);
      return;
    }
    c.verbs.lock();
    try {
      c.stopping(false);
      c.countRestart(0, 0); // its policy has all its tries again
      new StartContainer(engine).start(c);
    } catch (Failure e) {
      // the container's record says why; the others are started all the same
      engine.note(c);
    } finally {
      c.verbs.unlock();
    }
  }

  // ---- what belongs to nobody

  private void sweep(List<Container> all, Set<String> traces) {
    Set<String> known = all.stream().map(Container::id).collect(Collectors.toSet());
    engine.images().sweep(known);
    engine.volumes().sweep();
    names(dataFolders).stream()
        .filter(id -> !known.contains(id))
        .forEach(id -> Engine.deleteFolder(dataFolders.resolve(id)));
    for (String id : traces) {
      if (!known.contains(id)) {
        Engine.deleteFolder(runFolders.resolve(id));
        String group = engine.options().cgroupParent() + "/" + id;
        if (!engine.cgroups().remove(group)) {
          System.err.println("the control group of " + Ids.shorten(id) + " is still in use");
        }
      }
    }
  }

  private void builtInImage() {
    Path program = engine.options().hello();
    if (engine.images().find("hello-world").isEmpty() && Files.exists(program)) {
      engine.images().builtIn(program, ImageReference.parse("hello-world:latest"));
    }
  }
}
