package dev.gantry.cli;

import dev.gantry.json.Json;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/// The steps of a build as JSON, an object on each line, as Docker's clients write them with
/// `rawjson`: vertexes, their logs, warnings.
final class RawSteps {
  private final PrintStream out;
  private final Map<Integer, Json.JsonObject> vertexes = new HashMap<>();

  RawSteps(PrintStream out) {
    this.out = out;
  }

  void step(Json.JsonObject step, String name) {
    int number = (int) step.number("Number", 0);
    Json.JsonObject vertex =
        vertexes.computeIfAbsent(
            number, n -> Json.object().put("digest", digest(n + " " + name)).put("name", name));
    String text = step.string("Text", "");
    switch (step.string("What", "")) {
      case "began" -> vertex(vertex.put("started", Instant.now().toString()));
      case "cached" -> vertex(vertex.put("cached", true));
      case "done" -> vertex(vertex.put("completed", Instant.now().toString()));
      case "failed" -> vertex(vertex.put("completed", Instant.now().toString()).put("error", text));
      case "stdout" -> log(vertex, 1, text);
      case "stderr" -> log(vertex, 2, text);
      default -> {} // a container runs
    }
  }

  private void vertex(Json.JsonObject vertex) {
    line(Json.object().put("vertexes", Json.array().add(vertex)));
  }

  private void log(Json.JsonObject vertex, int stream, String text) {
    line(
        Json.object()
            .put(
                "logs",
                Json.array()
                    .add(
                        Json.object()
                            .put("vertex", vertex.string("digest", ""))
                            .put("stream", stream)
                            .put("data", encoded(text))
                            .put("timestamp", Instant.now().toString()))));
  }

  void warnings(List<Json> checks) {
    Json.JsonArray all = Json.array();
    for (Json item : checks) {
      if (item instanceof Json.JsonObject w) {
        String said = w.string("Rule", "") + ": " + w.string("Detail", "");
        all.add(Json.object().put("level", 1).put("short", encoded(said)));
      }
    }
    if (all.size() > 0) {
      line(Json.object().put("warnings", all));
    }
  }

  private void line(Json.JsonObject json) {
    out.println(json.text());
    out.flush();
  }

  private static String encoded(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String digest(String text) {
    try {
      byte[] sum =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return "sha256:" + HexFormat.of().formatHex(sum);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
