package dev.gantry.cli;

import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.json.Json;
import java.io.BufferedOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// What a command works with: the engine, the user's configuration, the global flags and the three
/// streams.
record Session(
    EngineClient engine,
    Config config,
    Words global,
    InputStream in,
    OutputStream rawOut,
    PrintStream out,
    PrintStream err) {
  static Session on(EngineClient engine, Config config, Words global) {
    Surroundings ours = Surroundings.ours();
    OutputStream raw = ours.out(Surroundings.STDOUT);
    return new Session(
        engine,
        config,
        global,
        ours.in(),
        raw,
        new PrintStream(new BufferedOutputStream(raw), false, StandardCharsets.UTF_8),
        new PrintStream(ours.out(Surroundings.STDERR), true, StandardCharsets.UTF_8));
  }

  /// Does something for each name; failures are told one by one and make the exit code 1.
  int each(List<String> names, Each work) throws Exception {
    int code = 0;
    for (String name : names) {
      try {
        work.accept(name);
        out.flush();
      } catch (ApiError e) {
        out.flush();
        err.println("Error response from daemon: " + e.text());
        code = 1;
      }
    }
    return code;
  }

  /// Work with one named object.
  @FunctionalInterface
  interface Each {
    void accept(String name) throws Exception;
  }

  static Json.JsonObject object(Json value) {
    return value instanceof Json.JsonObject object ? object : Json.object();
  }

  static List<Json> items(Json value) {
    return value instanceof Json.JsonArray array ? array.items() : List.of();
  }

  static List<Json.JsonObject> objects(Json value) {
    return items(value).stream().map(Session::object).toList();
  }
}
