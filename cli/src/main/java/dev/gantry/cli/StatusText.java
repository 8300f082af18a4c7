package dev.gantry.cli;

import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What a build said (`StatusResponse`s) as lines: `#5 0.123 text`. Steps have numbers in the order
/// in which they began.
final class StatusText {
  private static final class Step {
    private final int number;
    private String rest = ""; // of a line whose end has not come
    private boolean ended;

    Step(int number) {
      this.number = number;
    }
  }

  private final PrintStream out;
  private final Map<String, Step> steps = new LinkedHashMap<>();
  private final Map<String, Instant> began = new HashMap<>();

  StatusText(PrintStream out) {
    this.out = out;
  }

  void show(Message status) {
    try {
      for (Message vertex : status.messages(1)) {
        vertex(vertex);
      }
      for (Message log : status.messages(3)) {
        log(log);
      }
      for (Message warning : status.messages(4)) {
        out.println("WARNING: " + new String(warning.bytes(3), StandardCharsets.UTF_8));
      }
    } catch (GrpcException e) {
      throw new Exit(1, e.text());
    }
  }

  private void vertex(Message vertex) {
    Optional<Instant> started = BuildRecord.time(vertex, 5);
    Optional<Instant> completed = BuildRecord.time(vertex, 6);
    String digest = vertex.text(1);
    if (started.isEmpty()) {
      return;
    }
    began.putIfAbsent(digest, started.get());
    Step step = steps.get(digest);
    if (step == null) {
      step = new Step(steps.size() + 1);
      steps.put(digest, step);
      out.println((step.number > 1 ? "\n" : "") + "#" + step.number + " " + vertex.text(3));
    }
    if (completed.isEmpty() || step.ended) {
      return;
    }
    step.ended = true;
    if (!step.rest.isEmpty()) {
      out.println("#" + step.number + " " + step.rest);
    }
    String error = vertex.text(7);
    double seconds = Duration.between(started.get(), completed.get()).toMillis() / 1000.0;
    String end =
        error.endsWith("context canceled")
            ? "CANCELED"
            : !error.isEmpty()
                ? "ERROR: " + error
                : vertex.flag(4) ? "CACHED" : String.format(Locale.ROOT, "DONE %.1fs", seconds);
    out.println("#" + step.number + " " + end);
  }

  private void log(Message log) {
    Step step = steps.get(log.text(1));
    if (step == null) {
      return;
    }
    Instant start = began.getOrDefault(log.text(1), Instant.EPOCH);
    Instant when = BuildRecord.time(log, 2).orElse(start);
    String stamp =
        String.format(Locale.ROOT, "%.3f ", Duration.between(start, when).toMillis() / 1000.0);
    String text = new String(log.bytes(4), StandardCharsets.UTF_8);
    for (int at = 0; at < text.length(); ) {
      int end = text.indexOf('\n', at);
      String piece = text.substring(at, end < 0 ? text.length() : end);
      step.rest = (step.rest.isEmpty() ? stamp : step.rest) + piece;
      if (end < 0) {
        return;
      }
      out.println("#" + step.number + " " + step.rest);
      step.rest = "";
      at = end + 1;
    }
  }
}
