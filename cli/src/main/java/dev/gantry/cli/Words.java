package dev.gantry.cli;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A parsed command line: flags with their values, and the other words. Follows pflag's rules,
/// whose error texts scripts know.
final class Words {
  private final Map<String, List<String>> values = new LinkedHashMap<>();
  private final List<String> arguments = new ArrayList<>();

  /// @param interspersed flags may follow arguments; without, the first argument ends the flags
  static Words parse(List<Flag> flags, List<String> words, boolean interspersed) {
    Words parsed = new Words();
    int at = 0;
    while (at < words.size()) {
      String word = words.get(at++);
      if (word.equals("--")) {
        parsed.arguments.addAll(words.subList(at, words.size()));
        return parsed;
      }
      if (word.length() < 2 || word.charAt(0) != '-') {
        parsed.arguments.add(word);
        if (!interspersed) {
          parsed.arguments.addAll(words.subList(at, words.size()));
          return parsed;
        }
      } else if (word.startsWith("--")) {
        at = parsed.longFlag(flags, word, words, at);
      } else {
        at = parsed.letters(flags, word, words, at);
      }
    }
    return parsed;
  }

  private int longFlag(List<Flag> flags, String word, List<String> words, int at) {
    int equals = word.indexOf('=');
    String name = equals < 0 ? word.substring(2) : word.substring(2, equals);
    if (name.isEmpty() || name.startsWith("-") || name.startsWith("=")) {
      throw new UsageError(125, "bad flag syntax: " + word);
    }
    Flag flag =
        flags.stream()
            .filter(f -> f.name().equals(name))
            .findFirst()
            .orElseThrow(() -> unknown(name, "unknown flag: --" + name));
    if (equals >= 0) {
      add(flag, word.substring(equals + 1));
    } else if (flag.kind() == Flag.Kind.BOOL) {
      add(flag, "true");
    } else if (at < words.size()) {
      add(flag, words.get(at));
      return at + 1;
    } else {
      throw new UsageError(125, "flag needs an argument: --" + name);
    }
    return at;
  }

  private int letters(List<Flag> flags, String word, List<String> words, int at) {
    for (int i = 1; i < word.length(); i++) {
      char letter = word.charAt(i);
      Flag flag =
          flags.stream()
              .filter(f -> f.letter() == letter && letter != ' ')
              .findFirst()
              .orElseThrow(
                  () ->
                      unknown(
                          letter == 'h' ? "help" : "",
                          "unknown shorthand flag: '" + letter + "' in " + word));
      boolean last = i + 1 == word.length();
      if (!last && word.charAt(i + 1) == '=') {
        add(flag, word.substring(i + 2));
        return at;
      }
      if (flag.kind() == Flag.Kind.BOOL) {
        add(flag, "true");
      } else if (!last) {
        add(flag, word.substring(i + 1));
        return at;
      } else if (at < words.size()) {
        add(flag, words.get(at));
        return at + 1;
      } else {
        throw new UsageError(125, "flag needs an argument: '" + letter + "' in " + word);
      }
    }
    return at;
  }

  private static RuntimeException unknown(String name, String message) {
    return name.equals("help") ? new HelpAsked() : new UsageError(125, message);
  }

  private void add(Flag flag, String value) {
    String problem =
        switch (flag.kind()) {
          case BOOL -> bool(value) ? "" : parsing("ParseBool", value);
          case INT -> value.matches("[+-]?\\d{1,18}") ? "" : parsing("ParseInt", value);
          case DECIMAL ->
              value.matches("\\d*\\.?\\d+|\\d+\\.")
                  ? ""
                  : "failed to parse " + value + " as a rational number";
          case BYTES -> Humans.isSize(value) ? "" : "invalid size: '" + value + "'";
          case TEXT, LIST -> "";
        };
    if (!problem.isEmpty()) {
      throw new UsageError(
          125,
          "invalid argument \"" + value + "\" for \"" + flag.display() + "\" flag: " + problem);
    }
    List<String> list = values.computeIfAbsent(flag.name(), n -> new ArrayList<>());
    if (flag.kind() != Flag.Kind.LIST) {
      list.clear();
    }
    list.add(value);
  }

  private static String parsing(String function, String value) {
    return "strconv." + function + ": parsing \"" + value + "\": invalid syntax";
  }

  private static boolean bool(String value) {
    return List.of("1", "t", "true", "0", "f", "false").contains(value.toLowerCase(Locale.ROOT));
  }

  /// The words that are no flags.
  List<String> arguments() {
    return arguments;
  }

  String argument(int index) {
    return arguments.get(index);
  }

  boolean has(String flag) {
    return values.containsKey(flag);
  }

  boolean on(String flag) {
    return text(flag)
        .map(v -> List.of("1", "t", "true").contains(v.toLowerCase(Locale.ROOT)))
        .orElse(false);
  }

  Optional<String> text(String flag) {
    return Optional.ofNullable(values.get(flag)).map(List::getLast);
  }

  String text(String flag, String otherwise) {
    return text(flag).orElse(otherwise);
  }

  List<String> list(String flag) {
    return values.getOrDefault(flag, List.of());
  }

  long number(String flag, long otherwise) {
    return text(flag).map(Long::parseLong).orElse(otherwise);
  }

  /// A size such as `64m` in bytes.
  long bytes(String flag, long otherwise) {
    return text(flag).map(Humans::bytes).orElse(otherwise);
  }

  Optional<BigDecimal> decimal(String flag) {
    return text(flag).map(BigDecimal::new);
  }

  /// `--help` was among the flags.
  static final class HelpAsked extends RuntimeException {
    private static final long serialVersionUID = 1L;

    HelpAsked() {
      super(null, null, false, false);
    }
  }
}
