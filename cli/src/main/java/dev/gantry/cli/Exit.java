package dev.gantry.cli;

/// Ends the program with a code; the message, if any, is printed as it is.
final class Exit extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int code;

  Exit(int code) {
    this(code, "");
  }

  Exit(int code, String message) {
    super(message, null, false, false);
    this.code = code;
  }

  int code() {
    return code;
  }

  String text() {
    return String.valueOf(getMessage());
  }
}
