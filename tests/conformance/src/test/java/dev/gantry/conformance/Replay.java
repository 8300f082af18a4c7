package dev.gantry.conformance;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/// Plays recorded scenarios against an engine and a registry of its own, with the recorder that
/// recorded the real daemon. A scenario removes whatever its engine holds, first and last; the
/// registry, which is also the engine's mirror of the Hub, is put back before each play.
final class Replay implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(4);

  private final Path seed;
  private final Path data;
  private final RegistryServer registry;
  private final Engine engine;
  private final Path recorder;
  private final String bridge;
  private final String pool;
  private int played;

  /// @param recorder the folder of recorder.py, fixtures.py and the scenarios
  Replay(Path recorder) {
    this.recorder = recorder;
    Path folder = RegistryServer.folder();
    registry = RegistryServer.gantry(folder);
    Engine started;
    try {
      started = Engine.startWithPool("--registry-mirror", "http://" + registry.address());
    } catch (AssertionError e) {
      registry.close();
      throw e;
    }
    engine = started;
    bridge = engine.bridgeAddress();
    pool = engine.pool();
    run("fixtures.py", engine.socket().toString());
    seed = folder.resolve("seed");
    data = folder.resolve("data");
    registry.stop();
    Command.of("cp", "-a", data.toString(), seed.toString()).run().succeeded();
    registry.restart();
  }

  /// What earlier plays have pushed is no longer there.
  private void resetRegistry() {
    registry.stop();
    Command.of("rm", "-rf", data.toString()).run().succeeded();
    Command.of("cp", "-a", seed.toString(), data.toString()).run().succeeded();
    registry.restart();
  }

  /// What `scenario` makes of this engine.
  Recording play(String scenario) {
    try {
      if (played > 0) {
        resetRegistry();
      }
      Path out = Files.createDirectories(engine.folder().resolve("replay" + played++));
      run(
          "recorder.py",
          engine.socket().toString(),
          out.toString(),
          recorder.resolve("scenarios/" + scenario + ".py").toString());
      return Recording.read(scenario, out.resolve(scenario + ".jsonl"));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void run(String program, String... words) {
    String[] all = new String[words.length + 2];
    all[0] = "python3";
    all[1] = recorder.resolve(program).toString();
    System.arraycopy(words, 0, all, 2, words.length);
    Command.of(all)
        .with("BRIDGE", bridge)
        .with("POOL", pool)
        .with("PLAIN", "/v1.51")
        .with("PYTHONDONTWRITEBYTECODE", "1")
        .with("REGISTRY", registry.address())
        .with(
            "PLACEHOLDERS",
            engine.folder().resolve("data")
                + "=><data-root>;"
                + engine.folder().resolve("run")
                + "=><exec-root>;"
                + registry.address()
                + "=>127.0.0.1:5000;"
                + engine.name()
                + "=>docker0;"
                + System.getProperty("os.version")
                + "=><host:kernel>")
        .within(LIMIT)
        .run()
        .succeeded();
  }

  @Override
  public void close() {
    try {
      engine.close();
      engine.assertSpecification();
    } finally {
      registry.close();
    }
  }
}
