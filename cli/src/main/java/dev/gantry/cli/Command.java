package dev.gantry.cli;

import java.util.List;

/// One command of the table.
///
/// @param name its words, such as `ps` or `image bootstrap`
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

  static Command of(
      String name,
      String usage,
      String help,
      List<Flag> flags,
      int least,
      int most,
      Action action) {
    return new Command(name, usage, help, flags, least, most, true, action);
  }

  /// One whose arguments are another program's command line.
  static Command leading(
      String name, String usage, String help, List<Flag> flags, int least, Action action) {
    return new Command(name, usage, help, flags, least, -1, false, action);
  }

  Command named(String other) {
    return new Command(other, usage, help, flags, least, most, interspersed, action);
  }

  String usageLine() {
    return "Usage:  gantry " + name + (usage.isEmpty() ? "" : " " + usage);
  }

  String helpText() {
    StringBuilder text = new StringBuilder(usageLine()).append("\n\n").append(help).append('\n');
    if (!flags.isEmpty()) {
      int width =
          flags.stream()
              .mapToInt(f -> f.usage(0).length() - f.help().replace("`", "").length())
              .max()
              .orElse(0);
      text.append("\nOptions:\n");
      flags.stream()
          .sorted((a, b) -> a.name().compareTo(b.name()))
          .forEach(flag -> text.append(flag.usage(width)).append('\n'));
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
