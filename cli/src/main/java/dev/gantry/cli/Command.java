package dev.gantry.cli;

import java.util.List;

/// One command: what it takes and does.
///
/// @param name the words it was called by, such as `ps` or `image bootstrap`
/// @param usage what follows the name in its usage line
/// @param least,most how many arguments it takes; -1 for any number
/// @param interspersed flags may stand after arguments
record Command(
    String name,
    String usage,
    String help,
    List<Flag> flags,
    int least,
    int most,
    boolean interspersed,
    Action action) {
  /// What a command does; its exit code.
  @FunctionalInterface
  interface Action {
    int run(Session session, Words words) throws Exception;
  }

  /// One that is not yet named; [Commands] adds name and help.
  static Command of(String usage, int least, int most, Action action, Flag... flags) {
    return new Command("", usage, "", List.of(flags), least, most, true, action);
  }

  /// One whose arguments are another program's command line.
  static Command leading(String usage, int least, Action action, Flag... flags) {
    return new Command("", usage, "", List.of(flags), least, -1, false, action);
  }

  Command named(String words, String what) {
    return new Command(words, usage, what, flags, least, most, interspersed, action);
  }

  String usageLine() {
    return "Usage:  gantry " + name + (usage.isEmpty() ? "" : " " + usage);
  }

  String helpText(List<String> names) {
    StringBuilder text = new StringBuilder(usageLine()).append("\n\n").append(help).append('\n');
    if (names.size() > 1) {
      text.append("\nAliases:\n  ")
          .append(String.join(", ", names.stream().map(n -> "gantry " + n).toList()))
          .append('\n');
    }
    List<Flag> shown =
        flags.stream()
            .filter(f -> !f.hidden())
            .sorted((a, b) -> a.name().compareTo(b.name()))
            .toList();
    if (!shown.isEmpty()) {
      int width = shown.stream().mapToInt(f -> f.usage().length()).max().orElse(0) + 3;
      text.append("\nOptions:\n");
      for (Flag flag : shown) {
        String left = flag.usage();
        text.append(left)
            .append(" ".repeat(width - left.length()))
            .append(flag.explained())
            .append('\n');
      }
    }
    return text.toString();
  }

  /// Refuses a wrong number of arguments with Docker's words.
  void check(Words words) {
    int count = words.arguments().size();
    if (most == 0 && count > 0) {
      throw wrong("accepts no arguments", "Run");
    }
    if (count < least || most >= 0 && count > most) {
      String bound = least == most ? "" : count < least ? "at least " : "at most ";
      int limit = count < least ? least : most;
      throw wrong("requires " + bound + limit + (limit == 1 ? " argument" : " arguments"), "See");
    }
  }

  private Exit wrong(String what, String verb) {
    return new Exit(
        1,
        "gantry: 'gantry "
            + name
            + "' "
            + what
            + "\n\n"
            + usageLine()
            + "\n\n"
            + verb
            + " 'gantry "
            + name
            + " --help' for more information");
  }
}
