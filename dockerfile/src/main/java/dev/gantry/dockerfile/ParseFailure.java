package dev.gantry.dockerfile;

/// A Dockerfile that cannot be understood. The message is Docker's, without its head.
public final class ParseFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final int line;

  public ParseFailure(int line, String message) {
    super(message);
    this.line = line;
  }

  /// The line that is wrong, from 1; 0 if it is the file as a whole.
  public int line() {
    return line;
  }

  /// With Docker's head: `dockerfile parse error on line 2: unknown instruction: FOO`.
  public String text() {
    return line == 0 ? message() : "dockerfile parse error on line " + line + ": " + message();
  }

  private String message() {
    String message = getMessage();
    return message == null ? "" : message;
  }
}
