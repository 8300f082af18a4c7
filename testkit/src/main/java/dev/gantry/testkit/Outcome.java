package dev.gantry.testkit;

import java.nio.charset.StandardCharsets;
import java.util.List;

/// What a program printed and how it ended.
public record Outcome(List<String> command, int code, byte[] bytes, String err) {
  /// Standard output as text.
  public String out() {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /// Standard output without its last line end.
  public String line() {
    return out().stripTrailing();
  }

  /// This, if the program ended with 0; fails with everything it said otherwise.
  public Outcome succeeded() {
    return exited(0);
  }

  /// This, if the program ended with `expected`.
  public Outcome exited(int expected) {
    if (code != expected) {
      throw new AssertionError("expected exit code " + expected + ": " + this);
    }
    return this;
  }

  @Override
  public String toString() {
    return String.join(" ", command) + "\nexit code " + code + "\nout: " + out() + "\nerr: " + err;
  }
}
