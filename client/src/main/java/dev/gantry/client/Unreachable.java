package dev.gantry.client;

import org.jspecify.annotations.Nullable;

/// No engine answers at the address.
public final class Unreachable extends RuntimeException {
  private static final long serialVersionUID = 1L;

  Unreachable(String address, Throwable cause) {
    super(
        "Cannot connect to the Docker daemon at " + address + ". Is the docker daemon running?",
        cause);
  }

  /// Someone answers, but is not to be trusted or does not trust us.
  Unreachable(String address, @Nullable String why, Throwable cause) {
    super("error during connect: " + address + ": " + why, cause);
  }
}
