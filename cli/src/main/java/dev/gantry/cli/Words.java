package dev.gantry.cli;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A parsed command line: flags with their values, and the other words. Follows pflag's rules,
/// whose error texts scripts know.
final class Words {
  private static final List<String> BOOLS =
      List.of("1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False");
  private final Map<String, List<String>> values = new LinkedHashMap<>();
  private final List<String> arguments = new ArrayList<>();

  /// No word at all.
  static Words none() {
    return new Words();
  }

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
            .orElseThrow(() -> unknown(flags, name, "unknown flag: --" + name));
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
                          flags,
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

  private static RuntimeException unknown(List<Flag> flags, String name, String message) {
    if (name.equals("help")) {
      return new HelpAsked();
    }
    List<String> names = flags.stream().filter(f -> !f.hidden()).map(Flag::name).toList();
    return new UsageError(125, message + Likeness.hint("--", name, names));
  }

  private void add(Flag flag, String value) {
    Optional<String> problem =
        switch (flag.kind()) {
          case BOOL -> BOOLS.contains(value) ? Optional.empty() : parsing("ParseBool", value);
          case INT -> Numbers.problem(value, "ParseInt", Long.MIN_VALUE, Long.MAX_VALUE);
          case UINT16 -> Numbers.problem(value, "ParseUint", 0, 65_535);
          case DECIMAL ->
              value.matches("\\d*\\.?\\d+|\\d+\\.")
                  ? Optional.empty()
                  : Optional.of("failed to parse " + value + " as a rational number");
          case BYTES ->
              Humans.isSize(value)
                  ? Optional.empty()
                  : Optional.of("invalid size: '" + value + "'");
          case DURATION -> Durations.problem(value);
          case TEXT, LIST, MAP -> Optional.empty();
        };
    problem
        .or(() -> flag.check().apply(value))
        .ifPresent(
            why -> {
              throw new UsageError(
                  125,
                  "invalid argument \"" + value + "\" for \"" + flag.display() + "\" flag: " + why);
            });
    List<String> list = values.computeIfAbsent(flag.name(), n -> new ArrayList<>());
    if (!flag.kind().repeats()) {
      list.clear();
    }
    list.add(value);
  }

  private static Optional<String> parsing(String function, String value) {
    return Optional.of("strconv." + function + ": parsing \"" + value + "\": invalid syntax");
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
    return on(flag, false);
  }

  boolean on(String flag, boolean otherwise) {
    return text(flag).map(v -> BOOLS.indexOf(v) < 6).orElse(otherwise);
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
    return text(flag).map(Numbers::value).orElse(otherwise);
  }

  /// A duration such as `1m30s` in nanoseconds.
  long nanos(String flag) {
    return text(flag).map(Durations::nanos).orElse(0L);
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
