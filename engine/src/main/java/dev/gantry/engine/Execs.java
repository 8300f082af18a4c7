package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.ExecLaunch;
import dev.gantry.runtime.LaunchFailure;
import dev.gantry.runtime.RunningProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Runs further processes in containers.
public final class Execs {
  private final Engine engine;

  Execs(Engine engine) {
    this.engine = engine;
  }

  /// Prepares an exec and answers it; its user must exist in the container.
  public Exec create(String ref, Exec.Spec spec) {
    Container c = engine.require(ref);
    int pid = live(c, ref).pid();
    if (spec.command().isEmpty()) {
      throw new Failure.InvalidRequest("No exec command specified");
    }
    String user = spec.user().isEmpty() ? c.spec().user() : spec.user();
    Users.Found found =
        new Users(List.of(Path.of("/proc/" + pid + "/root")))
            .find(user, spec.user().isEmpty() ? c.spec().additionalGroups() : List.of());
    Exec exec = new Exec(Ids.next(), c, spec, found.user());
    engine.add(exec);
    engine.publish(c, "exec_create: " + text(spec), Map.of("execID", exec.id()));
    return exec;
  }

  /// The command, a blank and its arguments: the blank is there without arguments too.
  private static String text(Exec.Spec spec) {
    List<String> words = spec.command();
    return words.getFirst() + " " + String.join(" ", words.subList(1, words.size()));
  }

  /// @param ref as the client named it
  private static ContainerState.Live live(Container c, String ref) {
    Engine.refuseRestarting(c);
    return switch (c.state()) {
      case ContainerState.Running running -> running;
      case ContainerState.Paused p ->
          throw new Failure.Conflict(
              "Container " + ref + " is paused, unpause the container before exec");
      default -> throw new Failure.Conflict("container " + c.id() + " is not running");
    };
  }

  /// Refuses what can be seen before the start: a container that is paused or has ended.
  public void checkStartable(Exec exec) {
    live(exec.container(), exec.container().id());
  }

  /// Starts `exec` and attaches to it. It is found again by the next engine if this one is killed.
  ///
  /// @param size rows and columns of its terminal, where known
  public Attach.Session start(Exec exec, Optional<RuntimeSpec.ConsoleSize> size) {
    return start(exec, size, true);
  }

  /// Starts one that only this engine asks for.
  Attach.Session startOwn(Exec exec) {
    return start(exec, Optional.empty(), false);
  }

  private Attach.Session start(Exec exec, Optional<RuntimeSpec.ConsoleSize> size, boolean lasting) {
    Container c = exec.container();
    live(c, c.id());
    if (!exec.begin()) {
      throw new Failure.Conflict(
          exec.isRunning()
              ? "exec command " + exec.id() + " is already running"
              : "exec command " + exec.id() + " has already run");
    }
    ContainerSpec spec = c.spec();
    RuntimeSpec.Process process =
        RuntimeSpecs.execProcess(
            c, exec.spec(), exec.user(), exec.user().uid() == 0 ? "/root" : "/");
    List<String> capabilities = RuntimeSpecs.capabilities(spec.security());
    engine.publish(c, "exec_start: " + text(exec.spec()), Map.of("execID", exec.id()));
    Path folder = lasting ? ExecFolders.make(engine, exec) : null;
    try {
      RunningProcess running =
          engine
              .runtime()
              .exec(
                  new ExecLaunch(
                      c.requireProcess().pidFd(),
                      withSize(process, size),
                      exec.spec().privileged()
                          ? null
                          : RuntimeSpecs.seccomp(spec.security(), capabilities),
                      engine.cgroup(c),
                      spec.modes().cgroup().equals("private")
                          ? java.util.Set.of("cgroup")
                          : java.util.Set.of(),
                      exec.spec().attachStdin(),
                      folder));
      Output output = new Output(running, StartContainer.streams(running), null, List.of());
      exec.run(running, output);
      Attach.Session session = new Attach.Session(output.listen(), exec.spec().tty());
      output.start();
      watch(exec, running, output, folder);
      return session;
    } catch (LaunchFailure e) {
      ExecFolders.remove(folder);
      exec.ended(e.kind() == LaunchFailure.Kind.COMMAND_NOT_FOUND ? 127 : 126);
      throw new Failure.InvalidRequest(
          "OCI runtime exec failed: exec failed: unable to start container process: " + e.text(),
          null,
          e);
    }
  }

  private static RuntimeSpec.Process withSize(
      RuntimeSpec.Process p, Optional<RuntimeSpec.ConsoleSize> size) {
    return p.with(
        p.terminal(), size.orElse(null), p.user(), p.args(), p.env(), p.cwd(), p.noNewPrivileges());
  }

  /// Takes up an exec that outlived the engine before. What it has printed meanwhile was for
  /// clients that are gone; what it prints now is read, so that it never waits for a reader.
  void resume(Exec exec, RunningProcess process, Path folder) {
    boolean ignored = exec.begin();
    Output output = new Output(process, StartContainer.streams(process), null, List.of());
    exec.run(process, output);
    engine.add(exec);
    output.start();
    watch(exec, process, output, folder);
  }

  /// Takes up one that has ended while there was no engine.
  void settle(Exec exec, int code, Path folder) {
    boolean ignored = exec.begin();
    exec.ended(code);
    engine.add(exec);
    ExecFolders.remove(folder);
    tellEnd(exec, code);
  }

  /// Says that the client of an exec has left it to itself.
  public void detached(Exec exec) {
    engine.publish(exec.container(), "exec_detach", Map.of("execID", exec.id()));
  }

  private void tellEnd(Exec exec, int code) {
    engine.publish(
        exec.container(),
        "exec_die",
        Map.of("execID", exec.id(), "exitCode", Integer.toString(code)));
  }

  private void watch(Exec exec, RunningProcess process, Output output, @Nullable Path folder) {
    Thread.ofVirtual()
        .name("exec-" + Ids.shorten(exec.id()))
        .start(
            () -> {
              try {
                int code = process.awaitExit().code();
                output.awaitEnd(2000);
                exec.ended(code);
                process.release();
                ExecFolders.remove(folder);
                tellEnd(exec, code);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  public void resize(Exec exec, int rows, int columns) {
    try {
      RunningProcess process =
          exec.process().orElseThrow(() -> new Failure.Conflict("exec process is not started"));
      process.resize(rows, columns);
    } catch (IOException e) {
      throw new Failure.Internal("could not resize exec " + exec.id() + ": " + e.getMessage(), e);
    }
  }
}
