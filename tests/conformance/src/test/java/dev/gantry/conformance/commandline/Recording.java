package dev.gantry.conformance.commandline;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The recorded commands of one group, in their order.
record Recording(String group, List<Step> steps) {
  /// Stands in a long recorded text for the rest of it.
  static final String CUT = "[... ";

  private static final String FOLDER = "/command-line/";

  /// One command; of a preparing one only the command counts.
  ///
  /// @param key the group and the command, with its number if the group has it more than once
  record Step(String key, String command, boolean prepares, Printed expected) {}

  /// What a command printed and how it ended.
  record Printed(String exit, String out, String err) {}

  static Recording read(String group) {
    List<Step> steps = new ArrayList<>();
    Map<String, Integer> times = new HashMap<>();
    for (String part : resource(group + ".txt").split("(?m)^(?=[$!] )")) {
      String command = part.lines().findFirst().orElse("");
      if (command.isEmpty()) {
        continue;
      }
      String line = command.substring(2);
      boolean prepares = command.startsWith("!");
      int time = prepares ? 0 : times.merge(line, 1, Integer::sum);
      String key = group + (time > 1 ? "(" + time + ")" : "") + ": " + line;
      steps.add(new Step(key, line, prepares, printed(part)));
    }
    return new Recording(group, steps);
  }

  private static Printed printed(String part) {
    String exit = "";
    StringBuilder out = new StringBuilder();
    StringBuilder err = new StringBuilder();
    StringBuilder target = out;
    boolean inText = false;
    for (String line : part.stripTrailing().lines().skip(1).toList()) {
      if (!inText && line.startsWith("# exit ")) {
        exit = line.substring(7);
      } else if (line.matches("# std(out|err)( \\(no newline at the end\\))?")) {
        target = line.startsWith("# stdout") ? out : err;
        inText = true;
      } else {
        target.append(line).append('\n');
      }
    }
    return new Printed(exit, out.toString(), err.toString());
  }

  static String resource(String name) {
    try (InputStream in = Recording.class.getResourceAsStream(FOLDER + name)) {
      if (in == null) {
        throw new AssertionError("no resource " + FOLDER + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
