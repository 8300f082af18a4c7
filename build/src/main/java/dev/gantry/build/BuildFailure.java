package dev.gantry.build;

import dev.gantry.dockerfile.Origin;
import org.jspecify.annotations.Nullable;

/// A build that cannot go on.
public final class BuildFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final int code;
  private final transient @Nullable Origin origin;

  /// @param code exit code of the program that failed; 1 for any other failure
  /// @param origin the instruction that failed
  BuildFailure(String message, int code, @Nullable Origin origin) {
    super(message);
    this.code = code;
    this.origin = origin;
  }

  BuildFailure(String message, @Nullable Origin origin) {
    this(message, 1, origin);
  }

  public int code() {
    return code;
  }

  /// The instruction that failed; null if it was none.
  public @Nullable Origin origin() {
    return origin;
  }

  public String text() {
    String message = getMessage();
    return message == null ? "" : message;
  }
}
