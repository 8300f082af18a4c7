package dev.gantry.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/// The table of all commands, under their short names and in their groups.
final class Commands {
  private static final Map<String, String> GROUPS = new LinkedHashMap<>();
  private static final Map<String, Command> ALL = new LinkedHashMap<>();

  static {
    GROUPS.put("container", "Manage containers");
    GROUPS.put("image", "Manage images");
    GROUPS.put("system", "Manage the engine");
    for (Command command : Containers.commands()) {
      add(command);
      add(command.named("container " + command.name()));
    }
    add(require("ps").named("container ls"));
    add(require("ps").named("container list"));
    for (Command command : Images.commands()) {
      add(command);
      if (command.name().indexOf(' ') < 0) {
        add(command.named("image " + command.name()));
      }
    }
    add(require("images").named("image ls"));
    add(require("images").named("image list"));
    add(require("rmi").named("image rm"));
    for (Command command : Systems.commands()) {
      add(command);
    }
    add(require("events").named("system events"));
    add(require("info").named("system info"));
    ALL.remove("image images");
    ALL.remove("image rmi");
    ALL.remove("container ps");
  }

  private Commands() {}

  private static void add(Command command) {
    ALL.put(command.name(), command);
  }

  private static Command require(String name) {
    return Optional.ofNullable(ALL.get(name)).orElseThrow();
  }

  /// The command that the first words name.
  static Optional<Command> find(List<String> words) {
    if (words.isEmpty()) {
      return Optional.empty();
    }
    Optional<Command> two =
        words.size() > 1
            ? Optional.ofNullable(ALL.get(words.get(0) + " " + words.get(1)))
            : Optional.empty();
    return two.or(() -> Optional.ofNullable(ALL.get(words.getFirst())));
  }

  /// Words that may follow `before`.
  static List<String> next(List<String> before) {
    String prefix = before.isEmpty() ? "" : String.join(" ", before) + " ";
    TreeSet<String> words = new TreeSet<>();
    ALL.keySet().stream()
        .filter(name -> name.startsWith(prefix) && !name.startsWith("__"))
        .forEach(name -> words.add(name.substring(prefix.length()).split(" ")[0]));
    return new ArrayList<>(words);
  }

  /// `help`, a group without a command, or a word that is none; the exit code.
  static int withoutAction(Session session, List<String> words) {
    String first = words.getFirst();
    if (first.equals("help")) {
      List<String> rest = words.subList(1, words.size());
      session.out().print(find(rest).map(Command::helpText).orElseGet(Commands::overview));
      return 0;
    }
    if (!GROUPS.containsKey(first)) {
      throw new Exit(
          1,
          "gantry: unknown command: gantry "
              + first
              + "\n\nRun 'gantry --help' for more information");
    }
    boolean asked = words.size() == 1 || words.get(1).equals("--help") || words.get(1).equals("-h");
    if (!asked) {
      throw new Exit(
          1,
          "gantry: unknown command: gantry "
              + first
              + " "
              + words.get(1)
              + "\n\nUsage:  gantry "
              + first
              + " COMMAND\n\nRun 'gantry "
              + first
              + " --help' for more information");
    }
    StringBuilder text =
        new StringBuilder(
            "Usage:  gantry " + first + " COMMAND\n\n" + GROUPS.get(first) + "\n\nCommands:\n");
    ALL.values().stream()
        .filter(c -> c.name().startsWith(first + " "))
        .forEach(c -> text.append(line(c.name().substring(first.length() + 1), c.help())));
    session
        .out()
        .print(
            text.append(
                "\nRun 'gantry "
                    + first
                    + " COMMAND --help' for more information on a command.\n"));
    return 0;
  }

  private static String line(String name, String help) {
    return "  " + name + " ".repeat(Math.max(1, 12 - name.length())) + help + "\n";
  }

  static String overview() {
    StringBuilder text =
        new StringBuilder(
            "Usage:  gantry [OPTIONS] COMMAND\n\nA container engine that speaks Docker's API\n\nManagement Commands:\n");
    GROUPS.forEach((name, help) -> text.append(line(name, help)));
    text.append("\nCommands:\n");
    ALL.values().stream()
        .filter(c -> c.name().indexOf(' ') < 0 && !c.name().startsWith("__"))
        .forEach(c -> text.append(line(c.name(), c.help())));
    return text.append(
            """

            Global Options:
                  --config string      Location of client config files
              -D, --debug              Enable debug mode
              -H, --host list          Daemon socket to connect to
              -v, --version            Print version information and quit

            Run 'gantry COMMAND --help' for more information on a command.
            """)
        .toString();
  }
}
