package dev.gantry.conformance.commandline;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;

/// Runs command lines with one program as `docker` on the PATH, in an empty folder, with an empty
/// client configuration and no terminal.
final class Player implements AutoCloseable {
  private final Path folder;
  private final Path work;
  private final String socket;
  private final boolean ours;

  /// @param words the program and its first arguments
  Player(Path socket, boolean ours, List<String> words) {
    this.socket = "unix://" + socket;
    this.ours = ours;
    try {
      folder = Files.createTempDirectory("command-line");
      work = Files.createDirectories(folder.resolve("work"));
      Path program = Files.createDirectories(folder.resolve("bin")).resolve("docker");
      Files.writeString(program, "#!/bin/sh\nexec '" + String.join("' '", words) + "' \"$@\"\n");
      Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
      Path config = Files.createDirectories(folder.resolve("config"));
      Files.writeString(config.resolve("config.json"), "{}");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path work() {
    return work;
  }

  /// Runs a line of shell; our own command's name is put back to `docker`.
  Recording.Printed run(String line) {
    Outcome outcome =
        Command.of("bash", "-c", "cd '" + work + "'; exec 0</dev/null; " + line)
            .with("PATH", folder.resolve("bin") + ":" + System.getenv("PATH"))
            .with("DOCKER_HOST", socket)
            .with("DOCKER_CONFIG", folder.resolve("config").toString())
            .with("DOCKER_CLI_HINTS", "false")
            .with("HOME", work.toString())
            .with("LC_ALL", "C.UTF-8")
            .with("TZ", "UTC")
            .within(Duration.ofSeconds(60))
            .run();
    return new Recording.Printed(
        Integer.toString(outcome.code()), named(outcome.out()), named(outcome.err()));
  }

  private String named(String text) {
    return ours ? text.replaceAll("(?<![/\\w-])gantry(?![\\w-])", "docker") : text;
  }

  @Override
  public void close() {
    Command.of("rm", "-rf", folder.toString()).run();
  }
}
