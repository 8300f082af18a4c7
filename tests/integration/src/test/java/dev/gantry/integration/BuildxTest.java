package dev.gantry.integration;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;

/// What tests with the real Buildx share beside what all of builds do.
abstract class BuildxTest extends BuildTest {
  @BeforeEach
  void needsBuildx(Engine engine) {
    assumeTrue(
        docker(engine, "buildx", "version").run().code() == 0,
        "needs Docker's Buildx: tools/real-clients");
  }

  final Command docker(Engine engine, String... words) {
    return engine
        .dockerCommand(words)
        .with("BUILDX_CONFIG", folder.resolve("buildx").toString())
        .with("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
  }

  /// `docker buildx build WORDS CONTEXT`.
  @Override
  final Command command(Engine engine, String... words) {
    return plain(engine, withContext(List.of(), words));
  }

  /// `docker buildx build WORDS`.
  final Command plain(Engine engine, String... words) {
    List<String> all = new ArrayList<>(List.of("buildx", "build", "--progress", "plain"));
    all.addAll(List.of(words));
    return docker(engine, all.toArray(String[]::new));
  }
}
