package dev.gantry.conformance;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/// Plays recorded scenarios against an engine of its own, with the recorder that recorded the real
/// daemon. A scenario removes whatever its engine holds, first and last.
final class Replay implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(4);

  private final Engine engine;
  private final Path recorder;
  private final String bridge;
  private final String pool;
  private int played;

  /// @param recorder the folder of recorder.py, fixtures.py and the scenarios
  Replay(Path recorder) {
    this.recorder = recorder;
    engine = Engine.startWithPool();
    bridge = engine.bridgeAddress();
    pool = engine.pool();
    run("fixtures.py", engine.socket().toString());
  }

  /// What `scenario` makes of this engine.
  Recording play(String scenario) {
    try {
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

  /// Where the JSON answers stand as they came, one exchange a line.
  private Path raw() {
    return engine.folder().resolve("raw.jsonl");
  }

  /// All exchanges so far whose answer was JSON: method, path, status, body.
  List<Json.JsonObject> exchanges() {
    try (var lines = Files.lines(raw())) {
      return lines.map(Json::parseObject).toList();
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
        .with("PYTHONDONTWRITEBYTECODE", "1")
        .with("RAW", raw().toString())
        .with(
            "PLACEHOLDERS",
            engine.folder().resolve("data")
                + "=><data-root>;"
                + engine.folder().resolve("run")
                + "=><exec-root>;"
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
    engine.close();
  }
}
