package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;

/// A resident program of the command line in a folder of its own, which no other command meets. A
/// command that it does not take prints `cold` with the launcher's reason, and ends with 90.
public final class ResidentProgram implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(40);

  private final Path lib = Needs.distribution().resolve("lib").toAbsolutePath();
  private final Path folder;
  private final Path cold;

  /// Starts none yet.
  public ResidentProgram() {
    if (!Files.exists(lib.resolve("resident.args"))) {
      org.junit.jupiter.api.Assumptions.abort("needs the resident program: ./dev build");
    }
    try {
      folder =
          Files.createTempDirectory(
              Path.of("/tmp"), // a socket's name is short
              "resident-",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      cold =
          Files.writeString(
              folder.resolve("cold"), "#!/bin/sh\necho cold $GANTRY_RESIDENT_ANSWER\nexit 90\n");
      Files.setPosixFilePermissions(cold, PosixFilePermissions.fromString("rwxr-xr-x"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Starts one as the launcher does after a cold command, and waits until it answers.
  public ResidentProgram start() {
    Command.of(lib.resolve("gantry-launcher").toString(), "--start")
        .with("XDG_RUNTIME_DIR", folder.toString())
        .run()
        .succeeded();
    Eventually.within(PATIENCE, "no resident program answers", this::answers);
    return this;
  }

  public boolean answers() {
    return command("resident", "status").run().code() == 0;
  }

  /// `NAME=VALUE` that makes `./gantry` find this one.
  public String variable() {
    return "XDG_RUNTIME_DIR=" + folder;
  }

  /// The launcher with these words, not yet run.
  public Command command(String... words) {
    List<String> all =
        new ArrayList<>(List.of(lib.resolve("gantry-launcher").toString(), cold.toString()));
    all.addAll(List.of(words));
    return Command.of(all).with("XDG_RUNTIME_DIR", folder.toString());
  }

  /// The same on an engine.
  public Command on(Engine engine, String... words) {
    return command(words).with("DOCKER_HOST", "unix://" + engine.socket());
  }

  /// A launcher's words behind those of a program that changes itself first.
  public Outcome run(List<String> before, List<String> words) {
    List<String> all = new ArrayList<>(before);
    all.addAll(words);
    return Command.of(all).with("XDG_RUNTIME_DIR", folder.toString()).run();
  }

  /// What happens while others may look into the folder, as they never may.
  public Outcome openedToAll(Supplier<Outcome> what) {
    try {
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
      Outcome outcome = what.get();
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
      return outcome;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Runs one for the same socket, which ends at once if another is there.
  public Outcome second() {
    return Command.of(
            lib.resolve("../jdk/bin/java").toString(),
            "@" + lib.resolve("resident.args"),
            status().lines().toList().get(1))
        .run();
  }

  /// What `gantry resident status` says.
  public String status() {
    return command("resident", "status").run().succeeded().out();
  }

  public long pid() {
    return Long.parseLong(status().replaceFirst("(?s)^resident program (\\d+),.*", "$1"));
  }

  /// How many commands run, without the one that asks.
  public int running() {
    return Integer.parseInt(status().replaceFirst("(?s).* (\\d+) running,.*", "$1")) - 1;
  }

  /// Ends it; fails if it does not.
  @Override
  public void close() {
    try {
      if (answers()) {
        long pid = pid();
        command("resident", "stop").run().succeeded();
        Eventually.within(
            PATIENCE,
            "the resident program goes on",
            () -> ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty());
      }
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
