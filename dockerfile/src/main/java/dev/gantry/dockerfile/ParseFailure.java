package dev.gantry.dockerfile;

/// A Dockerfile that cannot be understood. The message is Docker's, without its head.
public final class ParseFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final int line;
  private final int last;
  private final boolean headed;

  /// A failure that Docker tells without a head: what an instruction's form is like, or what its
  /// values come to.
  ///
  /// @param line from 1; 0 for the file as a whole
  public ParseFailure(int line, String message) {
    this(line, line, false, message);
  }

  /// @param headed whether Docker's text begins with the line's number: for what the words of an
  ///   instruction say
  ParseFailure(int first, int last, boolean headed, String message) {
    super(message);
    this.line = first;
    this.last = last;
    this.headed = headed;
  }

  /// The line that is wrong, from 1; 0 if it is the file as a whole.
  public int line() {
    return line;
  }

  /// The last of the lines that are wrong.
  public int last() {
    return last;
  }

  /// Whether it is of the meaning of an instruction's words, not of their form.
  boolean isOfMeaning() {
    return headed;
  }

  /// With Docker's head: `dockerfile parse error on line 2: unknown instruction: FOO`.
  public String text() {
    return headed ? "dockerfile parse error on line " + line + ": " + message() : message();
  }

  private String message() {
    String message = getMessage();
    return message == null ? "" : message;
  }
}
