package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Completion for shells: a short script that asks `gantry __complete`, which knows the table of
/// commands and the engine's containers and images.
final class Completion {
  private Completion() {}

  static String script(String shell) {
    return switch (shell) {
      case "bash" ->
          """
          _gantry() {
            local IFS=$'\\n'
            COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
          }
          complete -o default -F _gantry gantry
          """;
      case "zsh" ->
          """
          #compdef gantry
          _gantry() {
            compadd -- ${(f)"$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"}
          }
          compdef _gantry gantry
          """;
      case "fish" ->
          "complete -c gantry -f -a '(gantry __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'\n";
      default ->
          throw new Exit(
              1, "no completion for the shell \"" + shell + "\": there is bash, zsh and fish");
    };
  }

  /// What may stand in place of the last word.
  static List<String> candidates(Session session, List<String> words) {
    List<String> before = words.isEmpty() ? List.of() : words.subList(0, words.size() - 1);
    String last = words.isEmpty() ? "" : words.getLast();
    Optional<Command> command = Commands.find(before);
    if (command.isEmpty()) {
      return Commands.next(before);
    }
    if (last.startsWith("-")) {
      return command.get().flags().stream().map(f -> "--" + f.name()).toList();
    }
    String usage = command.get().usage();
    List<String> names = new ArrayList<>();
    if (usage.contains("CONTAINER")) {
      Session.items(session.engine().get(Query.of("/containers/json").with("all", true)))
          .forEach(c -> Session.object(c).strings("Names").forEach(n -> names.add(n.substring(1))));
    }
    if (usage.contains("IMAGE")) {
      for (Json image : Session.items(session.engine().get(Query.of("/images/json")))) {
        names.addAll(Session.object(image).strings("RepoTags"));
      }
    }
    return names;
  }
}
