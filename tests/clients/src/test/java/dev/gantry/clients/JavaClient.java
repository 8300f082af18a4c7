package dev.gantry.clients;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Runs a program of this folder in a JVM of its own, whose environment leads to an engine: that is
/// how users of these libraries say which engine they mean, and the libraries keep it for good.
final class JavaClient {
  private JavaClient() {}

  /// The program's output; fails with what it said if it did not end well.
  static String run(Engine engine, Class<?> program, String... arguments) {
    String path =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    List<String> words =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-Duser.home=" + home(engine),
                program.getName(),
                engine.busybox()));
    words.addAll(List.of(arguments));
    return Command.of(words)
        .with("CLASSPATH", path)
        .with("DOCKER_HOST", "unix://" + engine.socket())
        .with("TESTCONTAINERS_RYUK_DISABLED", "true")
        .with("TESTCONTAINERS_REUSE_ENABLE", "true")
        .within(Duration.ofMinutes(4))
        .run()
        .succeeded()
        .out();
  }

  /// The libraries' settings of whoever runs the tests are not looked at.
  private static Path home(Engine engine) {
    try {
      return Files.createDirectories(engine.folder().resolve("home"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
