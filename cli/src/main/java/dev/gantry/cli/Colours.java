package dev.gantry.cli;

/// Colours of tables on a terminal: bold headings, states by what they mean. Never in a pipe, with
/// `NO_COLOR` (no-color.org) or on a dumb terminal.
final class Colours {
  private static final String PLAIN = "\u001b[0m";
  private static final String BOLD = "\u001b[1m";
  private static final String RED = "\u001b[31m";
  private static final String GREEN = "\u001b[32m";
  private static final String YELLOW = "\u001b[33m";

  private Colours() {}

  static boolean wanted() {
    boolean refused =
        !Surroundings.variable("NO_COLOR").isEmpty()
            || Surroundings.variable("TERM").equals("dumb");
    return !refused && Streams.outputIsTerminal();
  }

  static String heading(String text) {
    return text.isEmpty() ? text : BOLD + text + PLAIN;
  }

  /// A cell of the column STATUS or STATE; any other text stays as it is.
  static String state(String text) {
    String colour =
        text.contains("unhealthy") || text.startsWith("Dead")
            ? RED
            : text.startsWith("Up") && !text.contains("Paused") && !text.contains("starting")
                ? GREEN
                : text.startsWith("Exited (") && !text.startsWith("Exited (0)")
                    ? RED
                    : text.startsWith("Up") || text.startsWith("Restarting") ? YELLOW : "";
    return colour.isEmpty() ? text : colour + text + PLAIN;
  }
}
