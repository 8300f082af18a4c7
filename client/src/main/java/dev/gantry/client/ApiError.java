package dev.gantry.client;

/// The engine answered with an error; the message is its own sentence.
public final class ApiError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;

  ApiError(int status, String message) {
    super(message);
    this.status = status;
  }

  /// The HTTP status.
  public int status() {
    return status;
  }

  /// The engine's sentence.
  public String text() {
    return String.valueOf(getMessage());
  }
}
