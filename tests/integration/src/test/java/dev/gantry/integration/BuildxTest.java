package dev.gantry.integration;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// What tests with the real Buildx share: an engine with busybox, a context, and how to build it.
@ExtendWith(EngineExtension.class)
abstract class BuildxTest {
  @TempDir Path folder;
  Path context = Path.of("/");

  @BeforeEach
  void prepare(Engine engine) throws IOException {
    engine.busybox();
    context = Files.createDirectory(folder.resolve("context"));
    assumeTrue(
        docker(engine, "buildx", "version").run().code() == 0,
        "needs Docker's Buildx: tools/real-clients");
  }

  final void file(String name, String content) throws IOException {
    Path file = context.resolve(name);
    Files.createDirectories(file.resolveSibling("."));
    Files.writeString(file, content);
  }

  final Command docker(Engine engine, String... words) {
    return engine
        .dockerCommand(words)
        .with("BUILDX_CONFIG", folder.resolve("buildx").toString())
        .with("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
  }

  /// `docker buildx build WORDS CONTEXT`.
  final Command command(Engine engine, String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.add(context.toString());
    return plain(engine, all.toArray(String[]::new));
  }

  /// `docker buildx build WORDS`.
  final Command plain(Engine engine, String... words) {
    List<String> all = new ArrayList<>(List.of("buildx", "build", "--progress", "plain"));
    all.addAll(List.of(words));
    return docker(engine, all.toArray(String[]::new));
  }

  final Outcome build(Engine engine, String... words) {
    return command(engine, words).run();
  }

  static String sh(Engine engine, String image, String script) {
    return engine.docker("run", "--rm", image, "sh", "-c", script).succeeded().out();
  }
}
