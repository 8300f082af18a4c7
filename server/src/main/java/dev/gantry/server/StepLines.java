package dev.gantry.server;

import dev.gantry.build.BuildProgress;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// A build's progress for our own command line: each thing that happens when it happens, as one
/// object `step` with the number of the step.
final class StepLines implements BuildProgress {
  private final OutputStream out;
  private final Runnable gone;

  /// @param gone runs when the client cannot be told any more
  StepLines(OutputStream out, Runnable gone) {
    this.out = out;
    this.gone = gone;
  }

  @Override
  public void plan(List<Planned> all) {
    Json.JsonArray steps = Json.array();
    for (Planned p : all) {
      steps.add(
          Json.object()
              .put("Stage", p.stage())
              .put("Number", p.number())
              .put("Of", p.of())
              .put("Text", p.text()));
    }
    send(Json.object().put("plan", steps));
  }

  @Override
  public Step begin(int number) {
    return begin(number, "");
  }

  @Override
  public Step begin(int number, String text) {
    step(number, "began", text);
    return new Telling(number);
  }

  @Override
  public void warning(String text) {
    send(Json.object().put("warning", text));
  }

  private final class Telling implements Step {
    private final int number;

    Telling(int number) {
      this.number = number;
    }

    @Override
    public void cached() {
      step(number, "cached", "");
    }

    @Override
    public void running(String containerId) {
      step(number, "running", containerId);
    }

    @Override
    public void output(String stream, byte[] bytes) {
      step(number, stream, new String(bytes, StandardCharsets.UTF_8));
    }

    @Override
    public void done(String result) {
      step(number, "done", result);
    }

    @Override
    public void failed(String message) {
      step(number, "failed", message);
    }
  }

  private void step(int number, String what, String text) {
    send(
        Json.object()
            .put("step", Json.object().put("Number", number).put("What", what).put("Text", text)));
  }

  private synchronized void send(Json.JsonObject line) {
    try {
      ProgressLines.line(out, line);
    } catch (IOException e) {
      gone.run();
    }
  }
}
