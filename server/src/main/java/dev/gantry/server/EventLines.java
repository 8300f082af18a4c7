package dev.gantry.server;

import dev.gantry.engine.Events;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/// How the events of a stream are written: what is between them, as the client's `Accept` says, and
/// whether they repeat themselves in the fields of API versions before 1.52.
///
/// @param type the content type
/// @param sequence whether each is a record of RFC 7464
/// @param old whether `status`, `id` and `from` are there
record EventLines(String type, boolean sequence, boolean old) {
  private static final String SEQUENCE = "application/json-seq";
  private static final byte RECORD_SEPARATOR = 0x1e;
  private static final List<String> OFFERED =
      List.of("application/jsonl", "application/x-ndjson", SEQUENCE);

  static EventLines asked(HttpRequest q) {
    String type = q.version().atLeast(52) ? negotiated(q) : "application/json";
    return new EventLines(type, type.equals(SEQUENCE), !q.version().atLeast(52));
  }

  /// The first media type of the header that is offered, whatever its quality; one that excludes
  /// all of them gets what clients got before there was a choice.
  private static String negotiated(HttpRequest q) {
    for (String range : q.header("Accept").orElse("").split(",")) {
      String type = range.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
      if (OFFERED.contains(type) && !range.replace(" ", "").matches(".*;q=0(\\.0*)?")) {
        return type;
      }
    }
    return "application/json";
  }

  void write(OutputStream out, Events.Event e) throws IOException {
    Json.JsonObject json = Json.object();
    if (old) {
      repeated(json, e);
    }
    json.put("Type", e.type())
        .put("Action", e.action())
        .put(
            "Actor",
            Json.object().put("ID", e.id()).put("Attributes", Json.strings(e.attributes())))
        .put("scope", "local")
        .put("time", e.time().getEpochSecond())
        .put("timeNano", e.time().getEpochSecond() * 1_000_000_000L + e.time().getNano());
    byte[] text = (json.text() + "\n").getBytes(StandardCharsets.UTF_8);
    if (sequence) {
      byte[] record = new byte[text.length + 1];
      record[0] = RECORD_SEPARATOR;
      System.arraycopy(text, 0, record, 1, text.length);
      text = record;
    }
    out.write(text);
  }

  private static void repeated(Json.JsonObject json, Events.Event e) {
    if (e.type().equals("container")) {
      json.put("status", e.action()).put("id", e.id());
      String image = e.attributes().get("image");
      if (image != null) {
        json.put("from", image);
      }
    } else if (e.type().equals("image")) {
      json.put("status", e.action()).put("id", e.id());
    }
  }
}
