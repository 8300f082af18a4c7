package dev.gantry.cli;

import dev.gantry.client.EngineClient;
import dev.gantry.json.Json;
import dev.gantry.kernel.Terminals;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;

/// Shows a stream of progress messages: on a terminal a line for each layer, redrawn in place with
/// a bar; in a pipe a line for each change of state and no bars.
final class Progress {
  private static final int BAR = 50;
  private static final int NARROW = 110;

  private final PrintStream out;
  private final boolean terminal;
  private final int width;

  /// The lines of layers on the screen, by layer; the last printed is the lowest.
  private final Map<String, Integer> lines = new LinkedHashMap<>();

  Progress(PrintStream out, boolean terminal, int width) {
    this.out = out;
    this.terminal = terminal;
    this.width = width;
  }

  /// Shows all messages of the stream.
  ///
  /// @param quiet only an error counts
  /// @throws Exit with the error that a message tells
  static void show(InputStream messages, PrintStream out, int stream, boolean quiet)
      throws IOException {
    boolean terminal = Streams.isTerminal(stream);
    int columns = terminal ? Streams.size(stream).map(Terminals.Size::columns).orElse(0) : 0;
    Progress progress = new Progress(out, terminal, columns);
    try (messages) {
      EngineClient.each(
          messages,
          message -> {
            error(message);
            if (!quiet) {
              progress.message(message);
            }
          });
    }
    out.flush();
  }

  private static void error(Json.JsonObject message) {
    String detail = message.object("errorDetail").flatMap(d -> d.string("message")).orElse("");
    String text = detail.isEmpty() ? message.string("error", "") : detail;
    if (!text.isEmpty()) {
      throw new Exit(1, text);
    }
  }

  void message(Json.JsonObject message) {
    String stream = message.string("stream", "");
    if (!stream.isEmpty()) {
      lines.clear();
      out.print(stream);
      out.flush();
      return;
    }
    String status = message.string("status", "");
    String id = message.string("id", "");
    String bar = bar(message);
    if (status.isEmpty() && bar.isEmpty() || !terminal && !bar.isEmpty()) {
      return;
    }
    String text = (id.isEmpty() ? "" : id + ": ") + status + (bar.isEmpty() ? "" : " " + bar);
    if (!terminal || id.isEmpty()) {
      lines.clear();
      out.println(text);
    } else {
      redraw(id, text);
    }
    out.flush();
  }

  /// Goes up to the layer's line, writes it anew and comes back down; a new layer gets a line
  /// below.
  private void redraw(String id, String text) {
    Integer line = lines.get(id);
    if (line == null) {
      lines.put(id, lines.size());
      out.print("\r\u001b[2K" + text + "\n");
      return;
    }
    int up = lines.size() - line;
    out.print("\u001b[" + up + "A\u001b[2K\r" + text + "\n");
    if (up > 1) {
      out.print("\u001b[" + (up - 1) + "B");
    }
  }

  /// `[====> ] 1.2MB/7.5MB`; empty if the message counts nothing.
  private String bar(Json.JsonObject message) {
    Json.JsonObject detail = message.object("progressDetail").orElse(Json.object());
    long current = detail.number("current", 0);
    long total = detail.number("total", 0);
    if (current <= 0 && total <= 0) {
      return message.string("progress", "");
    }
    if (detail.string("units").isPresent()) {
      return current + (total > 0 ? "/" + total : "") + " " + detail.string("units", "");
    }
    String numbers = Humans.size(current, 4);
    if (total <= 0) {
      return numbers;
    }
    boolean over = current > total;
    String size = over ? numbers : numbers + "/" + Humans.size(total, 4);
    if (width > 0 && width <= NARROW) {
      return size;
    }
    int done = over ? BAR : (int) (current * BAR / total);
    String arrow = done < BAR ? ">" : "";
    return "[" + "=".repeat(done) + arrow + " ".repeat(BAR - done - arrow.length()) + "]  " + size;
  }
}
