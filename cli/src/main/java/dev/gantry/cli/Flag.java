package dev.gantry.cli;

/// One flag of a command.
///
/// @param letter its one-letter form, or a space
/// @param help what it does; a word in back quotes names the value in help texts
record Flag(String name, char letter, Kind kind, String help) {
  enum Kind {
    BOOL(""),
    TEXT("string"),
    LIST("list"),
    INT("int"),
    DECIMAL("decimal"),
    BYTES("bytes");

    final String typeName;

    Kind(String typeName) {
      this.typeName = typeName;
    }
  }

  static Flag bool(String name, char letter, String help) {
    return new Flag(name, letter, Kind.BOOL, help);
  }

  static Flag text(String name, char letter, String help) {
    return new Flag(name, letter, Kind.TEXT, help);
  }

  static Flag list(String name, char letter, String help) {
    return new Flag(name, letter, Kind.LIST, help);
  }

  static Flag integer(String name, char letter, String help) {
    return new Flag(name, letter, Kind.INT, help);
  }

  static Flag bytes(String name, char letter, String help) {
    return new Flag(name, letter, Kind.BYTES, help);
  }

  static Flag decimal(String name, char letter, String help) {
    return new Flag(name, letter, Kind.DECIMAL, help);
  }

  /// How errors name it: `-t, --time`.
  String display() {
    return letter == ' ' ? "--" + name : "-" + letter + ", --" + name;
  }

  /// Its line of a help text, the value's name in place of the back quotes.
  String usage(int width) {
    int open = help.indexOf('`');
    int close = help.indexOf('`', open + 1);
    String value = open >= 0 && close > open ? help.substring(open + 1, close) : kind.typeName;
    String left =
        (letter == ' ' ? "      " : "  -" + letter + ", ")
            + "--"
            + name
            + (value.isEmpty() ? "" : " " + value);
    return left + " ".repeat(Math.max(3, width - left.length())) + help.replace("`", "");
  }
}
