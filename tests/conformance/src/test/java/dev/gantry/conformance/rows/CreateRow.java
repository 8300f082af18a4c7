package dev.gantry.conformance.rows;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/// A field of a create request: what it is set to, where inspect shows it again, and what a command
/// in the container sees of it.
///
/// @param rows of the inventory
/// @param body what the request has beside an image and a command
/// @param command for a shell; empty where nothing in the container shows the field
/// @param output what it prints, with `\n` and `\t`; with a `~` before, a regular expression
record CreateRow(
    List<String> rows, Json.JsonObject body, Expected inspect, String command, String output) {

  /// @param filled puts values in the place of names
  static List<CreateRow> all(UnaryOperator<String> filled) {
    return Table.lines("create.tsv", 6).stream()
        .map(
            c ->
                new CreateRow(
                    List.of(c[0].split(",")),
                    Json.parseObject(filled.apply(c[1])),
                    new Expected(c[2], filled.apply(c[3])),
                    c[4],
                    c[5]))
        .toList();
  }

  List<String> faults(Engine engine) {
    Json.JsonObject whole =
        merged(
            Json.object()
                .put("Image", "busybox")
                .put("StopSignal", "KILL")
                .put(
                    "Cmd",
                    Json.array().add("sh").add("-c").add(command.isEmpty() ? "true" : command)),
            body);
    Answer created = engine.request("POST", "/containers/create", whole.text());
    if (created.status() != 201) {
      return List.of(rows + ": " + created.status() + " " + created.text());
    }
    String path = "/containers/" + Json.parseObject(created.text()).string("Id", "");
    List<String> faults = new ArrayList<>();
    try {
      inspect.fault(engine.json(path + "/json")).ifPresent(f -> faults.add(rows + ": " + f));
      if (!command.isEmpty()) {
        engine.request("POST", path + "/start", "").expect(204);
        engine.request("POST", path + "/wait", "").expect(200);
        String said = said(engine, path).strip().replace("\r", "");
        String wanted = output.replace("\\n", "\n").replace("\\t", "\t");
        boolean fits =
            wanted.startsWith("~") ? said.matches(wanted.substring(1)) : said.equals(wanted);
        if (!fits) {
          faults.add(rows + ": " + command + " says " + said + ", not " + output);
        }
      }
    } catch (AssertionError e) {
      faults.add(rows + ": " + e.getMessage());
    } finally {
      engine.request("DELETE", path + "?force=1&v=1", "");
    }
    return faults;
  }

  /// What it printed, without the heads of the frames.
  private static String said(Engine engine, String path) {
    Answer answer = engine.get(path + "/logs?stdout=1&stderr=1").expect(200);
    if (!answer.headers().getOrDefault("content-type", "").contains("multiplexed")) {
      return answer.text();
    }
    StringBuilder text = new StringBuilder();
    byte[] bytes = answer.body();
    for (int at = 0; at + 8 <= bytes.length; ) {
      int length = java.nio.ByteBuffer.wrap(bytes, at + 4, 4).getInt();
      text.append(new String(bytes, at + 8, length, java.nio.charset.StandardCharsets.UTF_8));
      at += 8 + length;
    }
    return text.toString();
  }

  private static Json.JsonObject merged(Json.JsonObject to, Json.JsonObject from) {
    for (Map.Entry<String, Json> member : from.members().entrySet()) {
      Json there = to.members().get(member.getKey());
      to.put(
          member.getKey(),
          there instanceof Json.JsonObject a && member.getValue() instanceof Json.JsonObject b
              ? merged(a, b)
              : member.getValue());
    }
    return to;
  }
}
