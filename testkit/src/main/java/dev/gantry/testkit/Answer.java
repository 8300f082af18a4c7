package dev.gantry.testkit;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/// An HTTP answer: status, headers (names in lower case) and body.
public record Answer(int status, Map<String, String> headers, byte[] body) {
  public String text() {
    return new String(body, StandardCharsets.UTF_8);
  }

  /// This, if it has that status; fails with the body otherwise.
  public Answer expect(int expected) {
    if (status != expected) {
      throw new AssertionError("expected status " + expected + ", got " + status + ": " + text());
    }
    return this;
  }
}
