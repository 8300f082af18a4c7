package dev.gantry.cli;

/// What the user asks for makes no sense, found before the engine is asked: `run` ends with 125 and
/// points to its help, other commands with 1.
final class Refused extends RuntimeException {
  private static final long serialVersionUID = 1L;

  Refused(String message) {
    super(message, null, false, false);
  }

  String text() {
    return String.valueOf(getMessage());
  }
}
