package dev.gantry.cli;

import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Shows how a build goes: `plain` each line when it comes, with the number of its step; `tty` as a
/// picture that is drawn again and again; `rawjson` as objects, in Docker's words; `auto` as `tty`
/// on a terminal, and otherwise as the engine tells it, one step after the other.
final class BuildScreen implements AutoCloseable {
  private record Step(String head, long began) {}

  private final Session session;
  private final String kind;
  private final RawSteps raw;
  private final List<String> heads = new ArrayList<>();
  private final Map<Integer, Step> steps = new HashMap<>();
  private Json.JsonObject result = Json.object();
  private Json.JsonObject answer = Json.object();
  private boolean failed;
  private @Nullable BuildTerminal terminal;

  BuildScreen(Session session, String kind) {
    if (!List.of("auto", "plain", "tty", "rawjson", "quiet").contains(kind)) {
      throw new Exit(1, "invalid progress " + kind + ": it is auto, plain, tty or rawjson");
    }
    this.session = session;
    this.raw = new RawSteps(session.out());
    this.kind = kind.equals("auto") && Streams.outputIsTerminal() ? "tty" : kind;
  }

  /// Nothing more will be shown.
  @Override
  public void close() {
    if (terminal != null) {
      terminal.close();
    }
  }

  boolean wantsSteps() {
    return !kind.equals("auto") && !kind.equals("quiet");
  }

  /// Whether what was shown makes the command fail: build checks have found something.
  boolean failed() {
    return failed;
  }

  /// What the engine said of the result; empty if it said nothing.
  Json.JsonObject result() {
    return result;
  }

  /// What the engine answered instead of building; empty if it built.
  Json.JsonObject answer() {
    return answer;
  }

  /// The images' ids by platform.
  ///
  /// @param only id of the image if the engine named no platforms
  Map<String, String> platforms(String only) {
    Map<String, String> all = new LinkedHashMap<>(result.stringMap("Platforms"));
    if (all.isEmpty()) {
      all.put("", only);
    }
    return all;
  }

  /// Shows `message` if it is for us.
  boolean shows(Json.JsonObject message) {
    if (message.has("Answer")) {
      answer = message.object("Answer").orElse(answer);
      return true;
    }
    if (message.has("result")) {
      result = message.object("result").orElse(result);
      return true;
    }
    if (message.has("Warnings")) {
      checks(message.items("Warnings"), true);
      failed = !message.items("Warnings").isEmpty();
      return true;
    }
    if (message.has("plan")) {
      List<Json.JsonObject> planned =
          message.items("plan").stream()
              .filter(Json.JsonObject.class::isInstance)
              .map(Json.JsonObject.class::cast)
              .toList();
      boolean several = planned.stream().map(BuildScreen::stage).distinct().count() > 1;
      planned.forEach(s -> heads.add(head(s, several)));
      if (kind.equals("tty")) {
        terminal = new BuildTerminal(session.out(), Streams.columns());
        terminal.plan(heads);
      }
      return true;
    }
    if (message.has("warning")) {
      close();
      session.err().println("WARNING: " + message.string("warning", ""));
      return true;
    }
    if (message.has("checks")) {
      close();
      if (kind.equals("rawjson")) {
        raw.warnings(message.items("checks"));
      } else {
        checks(message.items("checks"), false);
      }
      return true;
    }
    var step = message.object("step");
    if (kind.equals("rawjson")) {
      step.ifPresent(s -> raw.step(s, heads.get((int) s.number("Number", 0))));
      return !message.has("errorDetail"); // what is said in words is no object
    }
    step.ifPresent(this::step);
    return step.isPresent();
  }

  /// A stage as `linux/arm64 NAME`, without the platform if there is but one.
  private static String platform(Json.JsonObject step) {
    String stage = step.string("Stage", "");
    return stage.substring(0, stage.indexOf(' ') + 1);
  }

  private static String stage(Json.JsonObject step) {
    return step.string("Stage", "").substring(platform(step).length());
  }

  /// As BuildKit's clients show a step: with the name of its stage if there are several.
  private static String head(Json.JsonObject step, boolean several) {
    String name = stage(step);
    String stage = (name.matches("[0-9]+") ? "stage-" : "") + name + " ";
    String of = Long.toString(step.number("Of", 0));
    String number = Long.toString(step.number("Number", 0));
    return "["
        + platform(step)
        + (several ? stage : "")
        + " ".repeat(of.length() - number.length())
        + number
        + "/"
        + of
        + "] "
        + step.string("Text", "");
  }

  private void step(Json.JsonObject s) {
    int number = (int) s.number("Number", 0);
    String text = s.string("Text", "");
    if (terminal != null) {
      draw(terminal, number, s.string("What", ""), text);
      return;
    }
    switch (s.string("What", "")) {
      case "began" -> {
        steps.put(number, new Step(heads.get(number), System.nanoTime()));
        line(number, heads.get(number));
      }
      case "cached" -> line(number, "CACHED");
      case "done" -> line(number, "DONE " + seconds(number, 1) + "s");
      case "failed" -> line(number, "ERROR: " + text);
      case "stdout", "stderr" ->
          text.lines().forEach(l -> line(number, seconds(number, 3) + " " + l));
      default -> {} // a container runs
    }
  }

  private static void draw(BuildTerminal terminal, int number, String what, String text) {
    switch (what) {
      case "began" -> terminal.began(number);
      case "cached" -> terminal.ended(number, "CACHED");
      case "done" -> terminal.ended(number, "");
      case "failed" -> terminal.ended(number, "ERROR");
      case "stdout", "stderr" -> terminal.said(number, text);
      default -> {} // a container runs
    }
  }

  private String seconds(int number, int digits) {
    Step step = steps.get(number);
    double seconds = step == null ? 0 : (System.nanoTime() - step.began()) / 1e9;
    return String.format(Locale.ROOT, "%." + digits + "f", seconds);
  }

  private void line(int number, String text) {
    session.out().println("#" + (number + 1) + " " + text);
    session.out().flush();
  }

  private void checks(List<Json> warnings, boolean whole) {
    if (whole) {
      session
          .out()
          .println(
              warnings.isEmpty()
                  ? "Check complete, no warnings found."
                  : "Check complete, "
                      + warnings.size()
                      + (warnings.size() == 1 ? " warning has" : " warnings have")
                      + " been found!");
    }
    for (Json item : warnings) {
      if (item instanceof Json.JsonObject w) {
        session
            .out()
            .print(
                "\nWARNING: "
                    + w.string("Rule", "")
                    + "\n"
                    + w.string("Description", "")
                    + "\n"
                    + w.string("Detail", "")
                    + "\n\n"
                    + w.string("Excerpt", ""));
      }
    }
    session.out().flush();
  }
}
