package dev.gantry.engine;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The last events in a file of the exec root, a JSON object a line, so that they outlive an engine
/// that is killed. It goes with the machine's power, as the containers do. Not thread-safe; what
/// the file cannot take is not kept, and nobody's verb fails for it.
final class EventFile {
  private final Path file;
  private final int mostLines;
  private @Nullable OutputStream out;
  private int lines;

  /// @param mostLines how long the file may grow before only the newest are written anew
  EventFile(Path file, int mostLines) {
    this.file = file;
    this.mostLines = mostLines;
  }

  /// The last events that the engine before wrote, the oldest first; a line that its end cut off is
  /// left out. From now on events are added behind them.
  List<Events.Event> open(int most) {
    List<Events.Event> all = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(file)) {
        all.add(read(Json.parseObject(line)));
      }
    } catch (IOException | JsonException | DateTimeException e) {
      // there is none, or it ends here
    }
    List<Events.Event> last = all.subList(Math.max(0, all.size() - most), all.size());
    rewrite(last);
    return last;
  }

  /// Adds `event`, the last of `kept`.
  void add(Events.Event event, Collection<Events.Event> kept) {
    if (lines >= mostLines) {
      rewrite(kept);
    } else {
      write(List.of(event));
    }
  }

  private void rewrite(Collection<Events.Event> events) {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    close();
    try {
      lines = 0;
      // a stream, not a channel: an interrupt of whoever publishes would close that
      out = new FileOutputStream(fresh.toFile());
      write(events);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      close();
    }
  }

  private void write(Collection<Events.Event> events) {
    OutputStream open = out;
    if (open == null) {
      return;
    }
    StringBuilder text = new StringBuilder();
    events.forEach(event -> text.append(record(event).text()).append('\n'));
    try {
      open.write(text.toString().getBytes(StandardCharsets.UTF_8));
      lines += events.size();
    } catch (IOException e) {
      close();
    }
  }

  void close() {
    OutputStream open = out;
    out = null;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        lines = 0; // nothing was buffered
      }
    }
  }

  private static Json.JsonObject record(Events.Event event) {
    return Json.object()
        .put("Time", event.time().toString())
        .put("Type", event.type())
        .put("Action", event.action())
        .put("Id", event.id())
        .put("Attributes", Json.strings(event.attributes()));
  }

  private static Events.Event read(Json.JsonObject line) {
    return new Events.Event(
        line.string("Type", ""),
        line.string("Action", ""),
        line.string("Id", ""),
        line.stringMap("Attributes"),
        Instant.parse(line.string("Time", "")));
  }
}
