package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// What tests of builds share: an engine with busybox, a context, and how to build it; with `gantry
/// build` where the class names no other command.
@ExtendWith(EngineExtension.class)
abstract class BuildTest {
  @TempDir Path folder;
  Path context = Path.of("/");

  @BeforeEach
  void context(Engine engine) throws IOException {
    engine.busybox();
    context = Files.createDirectory(folder.resolve("context"));
  }

  /// Puts a file into the context.
  final void file(String name, String content) throws IOException {
    Path file = context.resolve(name);
    Files.createDirectories(file.resolveSibling("."));
    Files.writeString(file, content);
  }

  /// `gantry build WORDS CONTEXT`.
  Command command(Engine engine, String... words) {
    return engine.gantryCommand(withContext(List.of("build"), words));
  }

  final String[] withContext(List<String> verb, String... words) {
    List<String> all = new ArrayList<>(verb);
    all.addAll(List.of(words));
    all.add(context.toString());
    return all.toArray(String[]::new);
  }

  final Outcome build(Engine engine, String... words) {
    return command(engine, words).run();
  }

  static String sh(Engine engine, String image, String script) {
    return engine.docker("run", "--rm", image, "sh", "-c", script).succeeded().out();
  }

  /// Waits until a step has come to its `sleep 1000`.
  static void awaitSleep(Engine engine) {
    Eventually.within(
        Duration.ofMinutes(2),
        () -> "no step sleeps",
        () -> {
          String id = engine.docker("ps", "-q").out().lines().findFirst().orElse("none");
          return engine.docker("top", id).out().contains("sleep 1000");
        });
  }

  static void has(String text, String part) {
    assertTrue(text.contains(part), () -> part + " in " + text);
  }

  /// Whether either stream of what ran has the part.
  static void has(Outcome outcome, String part) {
    assertTrue((outcome.out() + outcome.err()).contains(part), () -> part + " in " + outcome);
  }
}
