package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.images.TransferProgress;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Writes the progress of a pull or push as the answer's lines. The answer begins with the first of
/// them, so that what fails before has a status of its own. A client that goes away cancels the
/// transfer by interrupting the thread that made this.
final class TransferLines implements TransferProgress, AutoCloseable {
  private static final long BAR_NANOS = 100_000_000;

  @FunctionalInterface
  private interface Line {
    void write(OutputStream out) throws IOException;
  }

  private final HttpResponse response;
  private final Thread owner = Thread.currentThread();
  private final Map<String, Long> lastBars = new HashMap<>();
  private @Nullable OutputStream out;
  private boolean gone;
  private boolean closed;

  TransferLines(HttpResponse response) {
    this.response = response;
  }

  private synchronized void write(Line line) {
    if (gone || closed) {
      return;
    }
    try {
      OutputStream stream = out;
      if (stream == null) {
        stream = response.stream(200, "application/json");
        out = stream;
      }
      line.write(stream);
    } catch (IOException e) {
      gone = true;
      owner.interrupt();
    }
  }

  synchronized boolean isStarted() {
    return out != null;
  }

  @Override
  public void line(String text) {
    write(o -> ProgressLines.status(o, text));
  }

  @Override
  public void line(String id, String text) {
    write(o -> ProgressLines.line(o, Json.object().put("status", text).put("id", id)));
  }

  @Override
  public void step(String id, String status) {
    write(o -> ProgressLines.step(o, status, id));
  }

  @Override
  public void bar(String id, String status, long current, long total) {
    synchronized (this) {
      long now = System.nanoTime();
      Long last = lastBars.get(id);
      if (last != null && now - last < BAR_NANOS && current != total) {
        return;
      }
      lastBars.put(id, now);
    }
    write(o -> ProgressLines.bar(o, status, id, current, total));
  }

  @Override
  public void pushed(String tag, String digest, long size) {
    Json.JsonObject aux = Json.object().put("Tag", tag).put("Digest", digest).put("Size", size);
    write(
        o ->
            ProgressLines.line(
                o, Json.object().put("progressDetail", Json.object()).put("aux", aux)));
  }

  /// Reports a failure: as a line if there are lines already, else it is thrown again.
  void failed(Failure e) {
    if (!isStarted()) {
      throw e;
    }
    write(o -> ProgressLines.failure(o, e));
  }

  @Override
  public void close() throws IOException {
    OutputStream stream;
    boolean lost;
    synchronized (this) {
      closed = true;
      stream = out;
      lost = gone;
    }
    Thread.interrupted(); // ours, from a client that has gone
    if (stream != null && !lost) {
      stream.close();
    }
  }
}
