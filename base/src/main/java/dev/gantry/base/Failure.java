package dev.gantry.base;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Everything that can go wrong in a way a user may see, as one closed family.
///
/// The message is a sentence with the object, the offending value and the limit. Texts that Docker
/// clients match on are contract and stay verbatim; what to do next goes into [#hint()], never into
/// the message. Each face maps the family once: `server` to an HTTP status, `cli` to an exit code.
public abstract sealed class Failure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient @Nullable String hint;

  private Failure(String message, @Nullable String hint, @Nullable Throwable cause) {
    super(message, cause);
    this.hint = hint;
  }

  /// What the user can do next, where there is something better to say than the message itself.
  public Optional<String> hint() {
    return Optional.ofNullable(hint);
  }

  /// The message as a text that is never null.
  public String text() {
    String message = getMessage();
    return message == null ? getClass().getSimpleName() : message;
  }

  /// What was asked makes no sense, whatever the state of the engine.
  public static final class InvalidRequest extends Failure {
    private static final long serialVersionUID = 1L;

    public InvalidRequest(String message) {
      super(message, null, null);
    }

    public InvalidRequest(String message, @Nullable String hint, @Nullable Throwable cause) {
      super(message, hint, cause);
    }
  }

  /// Who asks is not known.
  public static final class Unauthorized extends Failure {
    private static final long serialVersionUID = 1L;

    public Unauthorized(String message) {
      super(message, null, null);
    }
  }

  /// Who asks is known and may not, or the object is protected.
  public static final class Forbidden extends Failure {
    private static final long serialVersionUID = 1L;

    public Forbidden(String message) {
      super(message, null, null);
    }
  }

  /// The named object does not exist.
  public static final class NotFound extends Failure {
    private static final long serialVersionUID = 1L;

    public NotFound(String message) {
      super(message, null, null);
    }

    public NotFound(String message, @Nullable String hint, @Nullable Throwable cause) {
      super(message, hint, cause);
    }
  }

  /// The object's state, or another object, stands against it.
  public static final class Conflict extends Failure {
    private static final long serialVersionUID = 1L;

    public Conflict(String message) {
      super(message, null, null);
    }

    public Conflict(String message, @Nullable String hint, @Nullable Throwable cause) {
      super(message, hint, cause);
    }
  }

  /// Already as wished: start of a running container, stop of a stopped one.
  public static final class NotModified extends Failure {
    private static final long serialVersionUID = 1L;

    public NotModified(String message) {
      super(message, null, null);
    }
  }

  /// An input passed its bound.
  public static final class TooLarge extends Failure {
    private static final long serialVersionUID = 1L;

    public TooLarge(String message) {
      super(message, null, null);
    }
  }

  /// The engine, the kernel or the set-up has no such feature.
  public static final class Unsupported extends Failure {
    private static final long serialVersionUID = 1L;

    public Unsupported(String message) {
      super(message, null, null);
    }

    public Unsupported(String message, @Nullable String hint, @Nullable Throwable cause) {
      super(message, hint, cause);
    }
  }

  /// A part that is needed does not answer now; a later try may succeed.
  public static final class Unavailable extends Failure {
    private static final long serialVersionUID = 1L;

    public Unavailable(String message) {
      super(message, null, null);
    }

    public Unavailable(String message, @Nullable Throwable cause) {
      super(message, null, cause);
    }
  }

  /// A deadline passed.
  public static final class TimedOut extends Failure {
    private static final long serialVersionUID = 1L;

    public TimedOut(String message) {
      super(message, null, null);
    }
  }

  /// Whoever asked does not want it any more.
  public static final class Cancelled extends Failure {
    private static final long serialVersionUID = 1L;

    public Cancelled(String message) {
      super(message, null, null);
    }
  }

  /// Content does not match its digest, or a state file cannot be what was written.
  public static final class Corrupted extends Failure {
    private static final long serialVersionUID = 1L;

    public Corrupted(String message) {
      super(message, null, null);
    }

    public Corrupted(String message, @Nullable Throwable cause) {
      super(message, null, cause);
    }
  }

  /// The engine or the kernel failed at something that was rightly asked.
  public static final class Internal extends Failure {
    private static final long serialVersionUID = 1L;

    public Internal(String message) {
      super(message, null, null);
    }

    public Internal(String message, @Nullable Throwable cause) {
      super(message, null, cause);
    }
  }
}
