package dev.gantry.registry;

import dev.gantry.json.Json;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/// One JSON object a line for each request, written behind the answers by one thread. A reader that
/// stands still holds no request up: what does not fit the queue is dropped and counted.
final class AccessLog implements AutoCloseable {
  private static final int WAITING = 8192;

  private final BlockingQueue<Json.JsonObject> queue = new ArrayBlockingQueue<>(WAITING);
  private final OutputStream out;
  private final Thread writer;
  private volatile boolean ended;
  private volatile long dropped;

  AccessLog(OutputStream out) {
    this.out = new BufferedOutputStream(out, 64 * 1024);
    this.writer = Thread.ofPlatform().daemon().name("access-log").start(this::write);
  }

  void add(Call call, int status, long nanos) {
    Json.JsonObject line =
        Json.object()
            .put("time", Instant.now().toString())
            .put("peer", call.request().peer())
            .put("user", call.identity().user())
            .put("method", call.request().method())
            .put("target", call.request().target())
            .put("status", status)
            .put("bytes", call.response().sent())
            .put("ms", nanos / 1_000_000)
            .put("agent", call.request().header("User-Agent").orElse(""));
    if (!queue.offer(line)) {
      dropped++;
    }
  }

  long dropped() {
    return dropped;
  }

  private void write() {
    List<Json.JsonObject> lines = new ArrayList<>();
    try {
      while (!ended || !queue.isEmpty()) {
        Json.JsonObject first = queue.poll(100, TimeUnit.MILLISECONDS);
        if (first == null) {
          continue;
        }
        lines.add(first);
        queue.drainTo(lines);
        for (Json.JsonObject line : lines) {
          out.write((line.text() + "\n").getBytes(StandardCharsets.UTF_8));
        }
        out.flush();
        lines.clear();
      }
    } catch (IOException e) {
      ended = true; // whoever read it has gone
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    ended = true;
    try {
      writer.join(2000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
