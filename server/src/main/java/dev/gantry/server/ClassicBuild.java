package dev.gantry.server;

import dev.gantry.build.BuildProgress;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;

/// A build's progress as `POST /build` tells it: the steps one after the other, as if none ran
/// beside another. What a later step has to say waits until it is its turn.
final class ClassicBuild implements BuildProgress {
  private static final String RED = "\u001b[91m";
  private static final String PLAIN = "\u001b[0m";
  private static final int MOST_WAITING = 4 << 20;

  /// What a step has said and whether it has ended.
  private static final class Said {
    private final Queue<Json.JsonObject> lines = new ArrayDeque<>();
    private int characters;
    private boolean ended;
    private String container = "";
  }

  private final OutputStream out;
  private final Runnable gone;
  private final List<Said> steps = new ArrayList<>();
  private List<Planned> plan = List.of();
  private int current;
  private boolean failed;
  private String warning = "";

  /// @param gone runs when the client cannot be told any more
  ClassicBuild(OutputStream out, Runnable gone) {
    this.out = out;
    this.gone = gone;
  }

  @Override
  public synchronized void plan(List<Planned> all) {
    plan = List.copyOf(all);
    plan.forEach(p -> steps.add(new Said()));
  }

  @Override
  public synchronized Step begin(int number) {
    say(number, "Step " + (number + 1) + "/" + plan.size() + " : " + plan.get(number).text());
    say(number, "\n");
    return new Telling(number);
  }

  @Override
  public synchronized void warning(String text) {
    warning += (warning.isEmpty() ? "" : "\n[Warning] ") + text;
  }

  synchronized String warning() {
    return warning;
  }

  private final class Telling implements Step {
    private final int number;

    Telling(int number) {
      this.number = number;
    }

    @Override
    public void cached() {
      say(number, " ---> Using cache\n");
    }

    @Override
    public void running(String containerId) {
      steps.get(number).container = containerId.substring(0, 12);
      say(number, " ---> Running in " + steps.get(number).container + "\n");
    }

    @Override
    public void output(String stream, byte[] bytes) {
      String text = new String(bytes, StandardCharsets.UTF_8);
      say(number, stream.equals("stderr") ? RED + text + PLAIN : text);
    }

    @Override
    public void done(String result) {
      String container = steps.get(number).container;
      if (!container.isEmpty()) {
        say(number, " ---> Removed intermediate container " + container + "\n");
      }
      say(number, " ---> " + result + "\n");
      end(number);
    }

    @Override
    public void failed(String message) {
      fail(number);
    }
  }

  private synchronized void say(int number, String text) {
    Json.JsonObject line = Json.object().put("stream", text);
    Said said = steps.get(number);
    if (number == current) {
      send(line);
    } else if (said.characters < MOST_WAITING) {
      said.characters += text.length();
      said.lines.add(line);
    }
  }

  /// What the step that has failed had to say is told though those before have not ended: they
  /// never will. Those that end after it were given up.
  private synchronized void fail(int number) {
    if (!failed && number > current) {
      steps.get(number).lines.forEach(this::send);
      steps.get(number).lines.clear();
    }
    failed = true;
    end(number);
  }

  private synchronized void end(int number) {
    steps.get(number).ended = true;
    while (current < steps.size() && steps.get(current).ended) {
      current++;
      if (current < steps.size()) {
        Said next = steps.get(current);
        next.lines.forEach(this::send);
        next.lines.clear();
      }
    }
  }

  private void send(Json.JsonObject line) {
    try {
      ProgressLines.line(out, line);
    } catch (IOException e) {
      gone.run();
    }
  }
}
