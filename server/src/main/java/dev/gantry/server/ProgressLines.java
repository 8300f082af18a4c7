package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/// The lines of pull, push, load and build: one JSON object a chunk, ended by CR LF.
final class ProgressLines {
  private static final int WIDTH = 50;
  private static final String[] UNITS = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};

  private ProgressLines() {}

  static void line(OutputStream out, Json json) throws IOException {
    out.write((json.text() + "\r\n").getBytes(StandardCharsets.UTF_8));
  }

  static void status(OutputStream out, String text) throws IOException {
    line(out, Json.object().put("status", text));
  }

  /// A step of one layer.
  static void step(OutputStream out, String status, String id) throws IOException {
    line(
        out,
        Json.object().put("status", status).put("progressDetail", Json.object()).put("id", id));
  }

  /// How far a layer has come; `total` 0 for not known.
  static void bar(OutputStream out, String status, String id, long current, long total)
      throws IOException {
    Json.JsonObject detail = Json.object().put("current", current);
    if (total > 0) {
      detail.put("total", total);
    }
    line(
        out,
        Json.object()
            .put("status", status)
            .put("progressDetail", detail)
            .put("progress", text(current, total))
            .put("id", id));
  }

  static void failure(OutputStream out, Failure e) throws IOException {
    line(
        out,
        Json.object()
            .put("errorDetail", Json.object().put("message", e.text()))
            .put("error", e.text()));
  }

  private static String text(long current, long total) {
    if (total <= 0 || current > total) {
      return String.format(Locale.ROOT, "%8s", size(current));
    }
    int done = (int) Math.min(WIDTH, current * 100 / total / 2);
    String bar =
        done < WIDTH ? "=".repeat(done) + ">" + " ".repeat(WIDTH - done) : "=".repeat(WIDTH) + ">";
    return "[" + bar + "] " + String.format(Locale.ROOT, "%8s/%s", size(current), size(total));
  }

  /// Four significant digits, as Go's units package has them.
  private static String size(long bytes) {
    double value = bytes;
    int unit = 0;
    while (value >= 1000 && unit < UNITS.length - 1) {
      value /= 1000;
      unit++;
    }
    java.math.BigDecimal rounded =
        new java.math.BigDecimal(value).round(new java.math.MathContext(4)).stripTrailingZeros();
    return rounded.toPlainString() + UNITS[unit];
  }
}
