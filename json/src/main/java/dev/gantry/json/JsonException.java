package dev.gantry.json;

/// Text that is not JSON, or a value of another type than asked for. The message is Go's where Go
/// has one, since Docker's clients show it.
public final class JsonException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public JsonException(String message) {
    super(message);
  }

  /// The message, never null.
  public String text() {
    String message = getMessage();
    return message == null ? "invalid JSON" : message;
  }
}
