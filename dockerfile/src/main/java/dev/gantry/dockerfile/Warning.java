package dev.gantry.dockerfile;

/// What a build check has found.
///
/// @param rule its name, such as `UndefinedVar`
/// @param description what the rule is about
/// @param detail what is wrong here
/// @param line where, from 1
public record Warning(String rule, String description, String detail, int line) {
  /// As a line of a build's output.
  public String text() {
    return rule + ": " + detail + " (line " + line + ")";
  }
}
