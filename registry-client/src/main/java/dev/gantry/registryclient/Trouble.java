package dev.gantry.registryclient;

import dev.gantry.base.Failure;
import java.time.Duration;

/// Why a request to one endpoint failed, and whether trying again, or elsewhere, may help. Stays
/// inside this package: callers get its [#failure()].
final class Trouble extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// What may help.
  enum Cure {
    /// Nothing: this is the answer.
    NONE,
    /// The same a little later.
    LATER,
    /// There is no connection: later, or elsewhere.
    RECONNECT,
    /// Another endpoint; trying this one again is of no use now.
    ELSEWHERE
  }

  private final Cure cure;
  private final boolean answered;
  private final transient Duration after;

  private Trouble(Failure failure, Cure cure, Duration after, boolean answered) {
    super(failure.getMessage(), failure);
    this.cure = cure;
    this.after = after;
    this.answered = answered;
  }

  Trouble(Failure failure, Cure cure) {
    this(failure, cure, Duration.ZERO, false);
  }

  /// Trouble that a registry's answer is.
  static Trouble answer(Failure failure, Cure cure, Duration after) {
    return new Trouble(failure, cure, after, true);
  }

  /// True if a registry did answer: it speaks what it was spoken to in.
  boolean answered() {
    return answered;
  }

  Failure failure() {
    return getCause() instanceof Failure f ? f : new Failure.Internal(String.valueOf(getMessage()));
  }

  Cure cure() {
    return cure;
  }

  /// How long the registry wants to be left alone; zero where it did not say.
  Duration after() {
    return after;
  }
}
