package dev.gantry.client;

/// No engine answers at the address.
public final class Unreachable extends RuntimeException {
  private static final long serialVersionUID = 1L;

  Unreachable(String address, Throwable cause) {
    super(
        "Cannot connect to the Docker daemon at " + address + ". Is the docker daemon running?",
        cause);
  }
}
