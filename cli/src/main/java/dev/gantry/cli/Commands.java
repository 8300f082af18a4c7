package dev.gantry.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;

/// Finds the command that the words name, and tells about those that name none.
final class Commands {
  private Commands() {}

  private static Command rehearsal() {
    return Command.leading("", 0, (session, words) -> Rehearsal.run(given(session.global())))
        .named("__rehearse", "Run usual commands for the cache of the distribution");
  }

  private static List<String> given(Words global) {
    return global.list("host").stream().flatMap(host -> Stream.of("-H", host)).toList();
  }

  /// A command and how many words named it.
  record Found(Command command, int words) {}

  static Optional<Found> find(List<String> words) {
    if (words.isEmpty()) {
      return Optional.empty();
    }
    if (words.getFirst().equals("__complete")) {
      return Optional.of(new Found(Completion.command(), 1));
    }
    if (words.getFirst().equals("__rehearse")) {
      return Optional.of(new Found(rehearsal(), 1));
    }
    for (int count = Math.min(3, words.size()); count > 0; count--) {
      String name = String.join(" ", words.subList(0, count));
      Optional<Catalog.Entry> entry = Catalog.find(name);
      if (entry.isPresent()) {
        return Optional.of(new Found(made(entry.get(), name), count));
      }
    }
    return Optional.empty();
  }

  /// The command under the name it was called by.
  private static Command made(Catalog.Entry entry, String name) {
    String full = entry.fullName();
    String group = full.substring(0, Math.max(0, full.indexOf(' ')));
    String verb = full.substring(full.indexOf(' ') + 1);
    Command command =
        switch (group) {
          case "container" -> Containers.command(verb);
          case "image" -> Images.command(verb);
          case "manifest" -> Manifests.command(verb);
          case "network" -> Networks.command(verb);
          case "volume" -> Volumes.command(verb);
          case "context" -> Contexts.command(verb);
          case "builder" ->
              verb.startsWith("history ")
                  ? BuildHistory.command(verb.substring("history ".length()))
                  : Prunes.command("builder");
          case "checkpoint" -> Checkpoints.command(verb);
          default -> Systems.command(verb);
        };
    return command.named(name, entry.help());
  }

  static String helpText(Command command) {
    return command.helpText(
        Catalog.find(command.name()).map(Catalog.Entry::names).orElse(List.of()));
  }

  /// Words that may follow `before`.
  static List<String> next(List<String> before) {
    String prefix = before.isEmpty() ? "" : String.join(" ", before) + " ";
    TreeSet<String> words = new TreeSet<>();
    for (Catalog.Entry entry : Catalog.all()) {
      entry.names().stream()
          .filter(name -> name.startsWith(prefix))
          .forEach(name -> words.add(name.substring(prefix.length()).split(" ")[0]));
    }
    return new ArrayList<>(words);
  }

  /// `help`, a group without a command, or a word that is none; the exit code.
  static int withoutAction(Session session, List<String> words) {
    String first = words.getFirst();
    if (first.equals("help")) {
      List<String> rest = words.subList(1, words.size());
      Optional<Found> found = find(rest);
      boolean group = !rest.isEmpty() && Catalog.GROUPS.containsKey(rest.getFirst());
      session
          .out()
          .print(
              found.isPresent()
                  ? helpText(found.get().command())
                  : group ? groupHelp(rest.getFirst()) : overview());
      return 0;
    }
    if (!Catalog.GROUPS.containsKey(first)) {
      throw new Exit(
          1,
          "gantry: unknown command: gantry "
              + first
              + Likeness.hint("gantry ", first, next(List.of()))
              + "\n\nRun 'gantry --help' for more information");
    }
    boolean asked =
        words.size() > 1 && (words.get(1).equals("--help") || words.get(1).equals("-h"));
    if (asked) {
      session.out().print(groupHelp(first));
      return 0;
    }
    if (words.size() == 1 || words.size() == 2 && !next(words).isEmpty()) {
      session.err().print(groupHelp(String.join(" ", words)));
      return 0;
    }
    throw new Exit(
        1,
        "gantry: unknown command: gantry "
            + first
            + " "
            + words.get(1)
            + Likeness.hint("gantry " + first + " ", words.get(1), next(List.of(first)))
            + "\n\nUsage:  gantry "
            + first
            + " COMMAND\n\nRun 'gantry "
            + first
            + " --help' for more information");
  }

  private static String groupHelp(String group) {
    StringBuilder text =
        new StringBuilder(
            "Usage:  gantry "
                + group
                + " COMMAND\n\n"
                + Catalog.GROUPS.getOrDefault(group, "Builds, those under way and the last")
                + "\n\nCommands:\n");
    Catalog.all().stream()
        .filter(entry -> entry.fullName().startsWith(group + " "))
        .forEach(e -> text.append(line(e.fullName().substring(group.length() + 1), e.help())));
    return text.append(
            "\nRun 'gantry " + group + " COMMAND --help' for more information on a command.\n")
        .toString();
  }

  private static String line(String name, String help) {
    return "  " + name + " ".repeat(Math.max(1, 12 - name.length())) + help + "\n";
  }

  static String overview() {
    StringBuilder text =
        new StringBuilder(
            "Usage:  gantry [OPTIONS] COMMAND\n\n"
                + "Runs containers: an engine with Docker's API and Docker's command line\n\n"
                + "Management Commands:\n");
    Catalog.GROUPS.forEach((name, help) -> text.append(line(name, help)));
    text.append(line("registry", "A registry of our own, beside the engine"));
    text.append("\nCommands:\n");
    Catalog.all().stream()
        .filter(entry -> entry.shortName().isPresent())
        .sorted((a, b) -> a.shortName().orElseThrow().compareTo(b.shortName().orElseThrow()))
        .forEach(entry -> text.append(line(entry.shortName().orElseThrow(), entry.help())));
    text.append("\nGlobal Options:\n");
    for (Flag flag : Gantry.GLOBAL) {
      String left = flag.usage();
      text.append(left)
          .append(" ".repeat(28 - left.length()))
          .append(flag.explained())
          .append('\n');
    }
    return text.append("\nRun 'gantry COMMAND --help' for more information on a command.\n")
        .toString();
  }
}
