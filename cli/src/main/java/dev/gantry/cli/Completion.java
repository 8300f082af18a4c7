package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Completion for shells: a short script that asks `gantry __complete`, which knows the catalog of
/// commands and asks the engine for names.
final class Completion {
  private Completion() {}

  /// `completion SHELL`.
  static Command script() {
    return Command.of(
        "bash|zsh|fish|powershell",
        1,
        1,
        (session, words) -> {
          session.out().print(script(words.argument(0)));
          return 0;
        },
        Flag.bool("no-descriptions", ' ', "No effect: names come without descriptions").hide());
  }

  /// `__complete WORD...`, which the scripts call.
  static Command command() {
    return Command.leading(
            "",
            0,
            (session, words) -> {
              candidates(session, words.arguments()).forEach(session.out()::println);
              return 0;
            })
        .named("__complete", "What may stand in place of the last word");
  }

  private static String script(String shell) {
    return switch (shell) {
      case "bash" ->
          """
          # bash completion for gantry:  source <(gantry completion bash)
          _gantry() {
            local IFS=$'\\n'
            COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
          }
          complete -o default -F _gantry gantry
          """;
      case "zsh" ->
          """
          #compdef gantry
          # zsh completion for gantry:  source <(gantry completion zsh)
          _gantry() {
            compadd -- ${(f)"$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"}
          }
          compdef _gantry gantry
          """;
      case "fish" ->
          """
          # fish completion for gantry:  gantry completion fish | source
          complete -c gantry -f -a '(gantry __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
          """;
      case "powershell" ->
          """
          # PowerShell completion for gantry (7.3 or newer):  gantry completion powershell | Out-String | Invoke-Expression
          Register-ArgumentCompleter -Native -CommandName gantry -ScriptBlock {
            param($word, $line, $cursor)
            $words = @($line.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
            if ("$word" -eq "") { $words += "" }
            & gantry __complete -- @words 2>$null | Where-Object { $_.StartsWith("$word") }
          }
          """;
      default ->
          throw new Exit(
              1,
              "no completion for the shell \""
                  + shell
                  + "\": there is bash, zsh, fish and powershell");
    };
  }

  /// What may stand in place of the last word.
  static List<String> candidates(Session session, List<String> words) {
    List<String> all = new ArrayList<>(words);
    String last = all.isEmpty() ? "" : all.removeLast();
    Optional<Commands.Found> found = Commands.find(all);
    if (found.isEmpty()) {
      return last.startsWith("-")
          ? flags(Gantry.GLOBAL)
          : Commands.next(all.size() > 1 ? List.of("?") : all);
    }
    Command command = found.get().command();
    List<String> given = all.subList(found.get().words(), all.size());
    Optional<String> values = valuesOf(command, given);
    if (values.isPresent()) {
      return names(session, values.get());
    }
    if (last.startsWith("-")) {
      return flags(command.flags());
    }
    return names(session, argument(command, given));
  }

  private static List<String> flags(List<Flag> flags) {
    return flags.stream().filter(f -> !f.hidden()).map(f -> "--" + f.name()).toList();
  }

  /// What the value of the flag just before is, if that flag wants one.
  private static Optional<String> valuesOf(Command command, List<String> given) {
    if (given.isEmpty()) {
      return Optional.empty();
    }
    String before = given.getLast();
    return command.flags().stream()
        .filter(f -> before.equals("--" + f.name()) || before.equals("-" + f.letter()))
        .filter(f -> f.kind() != Flag.Kind.BOOL)
        .map(Flag::name)
        .findFirst();
  }

  /// The word of the usage line that the next argument stands for.
  private static String argument(Command command, List<String> given) {
    int count;
    try {
      count = Words.parse(command.flags(), given, command.interspersed()).arguments().size();
    } catch (RuntimeException e) {
      return "";
    }
    String usage = command.usage().lines().findFirst().orElse("").replace("[OPTIONS]", "").strip();
    List<String> places = List.of(usage.split(" +"));
    String place = count < places.size() ? places.get(count) : places.getLast();
    boolean more = count < places.size() || place.contains("...");
    return more ? place.replaceAll("[\\[\\].:]", " ").strip().toLowerCase(Locale.ROOT) : "";
  }

  private static List<String> names(Session session, String what) {
    return switch (what.split("[ |]")[0]) {
      case "container", "volumes-from" -> containers(session);
      case "name" -> {
        List<String> all = new ArrayList<>(containers(session));
        all.addAll(images(session));
        yield all;
      }
      case "image", "source_image", "repository" -> images(session);
      case "network" -> named(session, "/networks", "");
      case "volume" -> named(session, "/volumes", "Volumes");
      case "context" ->
          new ContextStore(session.config()).all().stream().map(c -> c.name()).toList();
      case "bash" -> List.of("bash", "zsh", "fish", "powershell");
      case "restart" -> List.of("no", "always", "unless-stopped", "on-failure");
      case "pull" -> List.of("always", "missing", "never");
      case "format" -> List.of("json", "table");
      case "signal" ->
          List.of("HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "STOP", "CONT");
      default -> List.of();
    };
  }

  private static List<String> containers(Session session) {
    List<String> names = new ArrayList<>();
    Json all = session.engine().get(Query.of("/containers/json").with("all", true));
    for (Json.JsonObject container : Session.objects(all)) {
      container.strings("Names").forEach(name -> names.add(name.replaceFirst("^/", "")));
    }
    return names;
  }

  private static List<String> images(Session session) {
    List<String> names = new ArrayList<>();
    for (Json.JsonObject image : Session.objects(session.engine().get(Query.of("/images/json")))) {
      names.addAll(image.strings("RepoTags"));
    }
    return names;
  }

  private static List<String> named(Session session, String path, String key) {
    Json answer = session.engine().get(Query.of(path));
    List<Json.JsonObject> all =
        key.isEmpty() ? Session.objects(answer) : Session.object(answer).objects(key);
    return all.stream().map(one -> one.string("Name", "")).toList();
  }
}
