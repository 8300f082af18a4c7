package dev.gantry.conformance.commandline;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/// Puts placeholders where two runs may differ: ids, times, ages, sizes, addresses, the padding of
/// columns. Both sides of a comparison go through it.
final class Normaliser {
  private static final String ID = "<id>";
  private static final String SHORT = "<short>";
  private static final String TIME = "<time>";
  private static final String ADDRESS = "<address>";
  private static final String SIZE = "<size>";
  private static final Map<Pattern, String> RULES = new LinkedHashMap<>();

  static {
    rule("<(container|image|network)[^<> ]*/short>|<short:\\d+>", SHORT);
    rule("<(container|image|digest|hex|network|overlay|volume)[^<> ]*>", ID);
    rule("<time(-s)?:\\d+>", TIME);
    rule("\\b[0-9a-f]{64}\\b", ID);
    rule("\\b[0-9a-f]{12}\\b", SHORT);
    rule("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)", TIME);
    rule("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(\\.\\d+)? [+-]\\d{4} \\w+", TIME);
    rule(
        "About an? (hour|minute)|Less than a second|\\b\\d+ (second|minute|hour|day|week|month)s?\\b",
        "<age>");
    rule("\\b\\d+(\\.\\d+)?(B|kB|MB|GB|TB|KiB|MiB|GiB)\\b", SIZE);
    rule("\\b\\d+(\\.\\d+)?%", "<percent>");
    // those of the test's own commands are the same on both sides and may become one too
    rule("<(bridge-ip|pool-ip|pool-gateway|host-dns)(:\\d+)?>", ADDRESS);
    rule("\\b(10|172|192)(\\.\\d{1,3}){3}\\b", ADDRESS);
    rule("(\"IPPrefixLen\": ?)\\d+", "$1<number>");
    rule("<mac:\\d+>|\\b([0-9a-f]{2}:){5}[0-9a-f]{2}\\b", "<mac>");
    rule("(\"(Pid|time|timeNano)\": ?)\\d+", "$1<number>");
    rule("\\b\\d{6,}\\b", "<number>");
    rule("\"Id\":\"[0-9a-f]{13,63}$", "\"Id\":\"" + ID);
    // a container that starts again and again is seen at any point of it
    rule("(?m)^(.*)(Restarting \\(1\\) <age> ago|Up <age>)(.*looping.*)$", "$1<looping>$3");
    rule("(?m)^(.*looping.*)(Restarting \\(1\\) <age> ago|Up <age>)", "$1<looping>");
    rule("(?m)^(.*looping.*)(\\b(running|restarting)\\b)", "$1<looping>");
    rule("[ \\t\\r]+(?=\\n|\\z)", "");
    rule("(?<=\\S) {2,}", "  ");
  }

  private static void rule(String pattern, String replacement) {
    RULES.put(Pattern.compile(pattern), replacement);
  }

  private final Map<String, String> literals;

  /// @param literals texts of this run, such as the work folder, and what stands for them
  Normaliser(Map<String, String> literals) {
    this.literals = literals;
  }

  String normalise(String text) {
    String result = text;
    for (Map.Entry<String, String> literal : literals.entrySet()) {
      result = result.replace(literal.getKey(), literal.getValue());
    }
    for (Map.Entry<Pattern, String> rule : RULES.entrySet()) {
      result = rule.getKey().matcher(result).replaceAll(rule.getValue());
    }
    return result;
  }

  /// Of a step: process numbers in `top`, and the rows of lists whose order is left open.
  Recording.Printed normalise(Recording.Step step, Recording.Printed printed) {
    String out = normalise(printed.out());
    if (step.command().startsWith("docker top")) {
      out =
          out.replaceAll("<pid>|(?<![:\\d.])\\b\\d{1,7}\\b(?![:\\d])", "<pid>")
              .replaceAll("\\d\\d:\\d\\d(?!:)", "<clock>");
    }
    if (step.command().contains(".State.Pid")) {
      out = out.replaceAll("\\d+", "<pid>");
    }
    if (step.command().matches("docker (images|image ls|stats|system df -v).*")) {
      out = String.join("\n", out.lines().sorted().toList()) + "\n";
    }
    if (step.command().startsWith("docker stats")) {
      // a health probe counts as long as it runs
      out =
          out.replaceAll("(?m)^.*looping.*\n", "")
              .replaceAll("(?m)^(healthy|sick) \\d+$", "$1 <number>");
    }
    return new Recording.Printed(printed.exit(), ended(out), ended(normalise(printed.err())));
  }

  /// Whether the last line has an end is not compared.
  private static String ended(String text) {
    String whole = text.stripTrailing();
    return whole.isEmpty() ? "" : whole + "\n";
  }
}
