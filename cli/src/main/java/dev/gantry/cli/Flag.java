package dev.gantry.cli;

import java.util.Optional;
import java.util.function.Function;

/// One flag of a command.
///
/// @param letter its one-letter form, or a space
/// @param help what it does; a word in back quotes names the value in help texts
/// @param standard the value it has if it is not given, as help shows it; empty for none
/// @param check what is wrong with a value, in the words that follow `invalid argument`
/// @param hidden known, but not in help texts
record Flag(
    String name,
    char letter,
    Kind kind,
    String help,
    String standard,
    Function<String, Optional<String>> check,
    boolean hidden) {
  enum Kind {
    BOOL(""),
    TEXT("string"),
    LIST("list"),
    MAP("map"),
    INT("int"),
    UINT16("uint16"),
    DECIMAL("decimal"),
    BYTES("bytes"),
    DURATION("duration");

    final String typeName;

    Kind(String typeName) {
      this.typeName = typeName;
    }

    boolean repeats() {
      return this == LIST || this == MAP;
    }
  }

  private static Flag of(Kind kind, String name, char letter, String help) {
    return new Flag(name, letter, kind, help, "", value -> Optional.empty(), false);
  }

  static Flag bool(String name, char letter, String help) {
    return of(Kind.BOOL, name, letter, help);
  }

  static Flag text(String name, char letter, String help) {
    return of(Kind.TEXT, name, letter, help);
  }

  static Flag list(String name, char letter, String help) {
    return of(Kind.LIST, name, letter, help);
  }

  static Flag map(String name, char letter, String help) {
    return of(Kind.MAP, name, letter, help);
  }

  static Flag integer(String name, char letter, String help) {
    return of(Kind.INT, name, letter, help);
  }

  static Flag uint16(String name, char letter, String help) {
    return of(Kind.UINT16, name, letter, help);
  }

  static Flag bytes(String name, char letter, String help) {
    return of(Kind.BYTES, name, letter, help);
  }

  static Flag decimal(String name, char letter, String help) {
    return of(Kind.DECIMAL, name, letter, help);
  }

  static Flag duration(String name, char letter, String help) {
    return of(Kind.DURATION, name, letter, help);
  }

  /// `-f, --filter KEY=VALUE`, refused without an equals sign.
  static Flag filter(char letter) {
    return list("filter", letter, "Only what meets the condition `key=value`")
        .checked(
            value ->
                value.indexOf('=') < 0
                    ? Optional.of("bad format of filter (expected name=value)")
                    : Optional.empty());
  }

  static Flag format(char letter) {
    return text("format", letter, "Output as 'json', 'table', or by a Go template");
  }

  Flag checked(Function<String, Optional<String>> problem) {
    return new Flag(name, letter, kind, help, standard, problem, hidden);
  }

  Flag standard(String value) {
    return new Flag(name, letter, kind, help, value, check, hidden);
  }

  Flag hide() {
    return new Flag(name, letter, kind, help, standard, check, true);
  }

  /// How errors name it: `-t, --time`.
  String display() {
    return letter == ' ' ? "--" + name : "-" + letter + ", --" + name;
  }

  /// The left part of its line in a help text, the value's name in it.
  String usage() {
    int open = help.indexOf('`');
    int close = help.indexOf('`', open + 1);
    String value = open >= 0 && close > open ? help.substring(open + 1, close) : kind.typeName;
    return (letter == ' ' ? "      " : "  -" + letter + ", ")
        + "--"
        + name
        + (value.isEmpty() ? "" : " " + value);
  }

  /// The right part: what it does, and its value if none is given.
  String explained() {
    String value = kind == Kind.TEXT ? "\"" + standard + "\"" : standard;
    return help.replace("`", "") + (standard.isEmpty() ? "" : " (default " + value + ")");
  }
}
