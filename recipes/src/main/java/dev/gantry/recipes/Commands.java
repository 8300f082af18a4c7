package dev.gantry.recipes;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Commands as people write them into a `Procfile` or a script of Node, made fit for being the
/// first process: no shell stays between it and the signals that end it.
final class Commands {
  private static final Pattern PLAIN = Pattern.compile("[\\w./@:=,+-]+(?: [\\w./@:=,+-]+)*");
  private static final Pattern SIMPLE =
      Pattern.compile("(?s)((?:[A-Za-z_]\\w*=[\\w./@:,+-]* +)*)([^;|&<>(){}`\\\\\\r\\n]+)");

  /// What is longer is somebody's program, left to the shell.
  private static final int LONGEST = 1000;

  private Commands() {}

  /// The words that start it: its own where it is plain, else a shell that becomes it.
  static List<String> words(String command) {
    String line = command.strip();
    if (line.length() > LONGEST) {
      return List.of("sh", "-c", line);
    }
    String first = line.split(" ", 2)[0];
    if (PLAIN.matcher(line).matches() && !first.contains("=")) {
      return List.of(line.split(" "));
    }
    return List.of("sh", "-c", becoming(line));
  }

  /// With `exec` before the last of simple commands joined by `&&`; as it is where it says more.
  private static String becoming(String line) {
    boolean quotes = line.contains("\"") || line.contains("'");
    int last = quotes ? -1 : line.lastIndexOf("&&");
    String before = last < 0 ? "" : line.substring(0, last + 2) + " ";
    Matcher simple = SIMPLE.matcher(last < 0 ? line : line.substring(last + 2).strip());
    return simple.matches() && !simple.group(2).matches("(cd|exec|set|export|source|\\.) .*")
        ? before + simple.group(1) + "exec " + simple.group(2)
        : line;
  }
}
