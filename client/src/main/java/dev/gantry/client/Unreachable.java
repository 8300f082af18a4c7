package dev.gantry.client;

import org.jspecify.annotations.Nullable;

/// No engine answers at the address.
public final class Unreachable extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean absent;

  Unreachable(String address, Throwable cause) {
    this(
        "Cannot connect to the Docker daemon at " + address + ". Is the docker daemon running?",
        true,
        cause);
  }

  private Unreachable(String message, boolean absent, Throwable cause) {
    super(message, cause);
    this.absent = absent;
  }

  /// The socket is there, but only for others.
  static Unreachable forbidden(String address, Throwable cause) {
    return new Unreachable(
        "permission denied while trying to connect to the Docker daemon socket at " + address,
        false,
        cause);
  }

  /// True if there may be no engine at all.
  public boolean isAbsent() {
    return absent;
  }

  /// Someone answers, but is not to be trusted or does not trust us.
  Unreachable(String address, @Nullable String why, Throwable cause) {
    this("error during connect: " + address + ": " + why, false, cause);
  }
}
