package dev.gantry.cli;

/// The command line makes no sense: ends with `code`, and what is right is said below the message.
final class UsageError extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int code;

  UsageError(int code, String message) {
    super(message);
    this.code = code;
  }

  int code() {
    return code;
  }

  String text() {
    return String.valueOf(getMessage());
  }
}
