package dev.gantry.server;

import dev.gantry.base.Failure;
import java.io.ByteArrayOutputStream;
import java.util.Base64;

/// Watches typed bytes for the sequence that detaches (`ctrl-p,ctrl-q` unless said otherwise).
/// Bytes of a sequence that is not completed are passed on late. Not thread-safe.
final class DetachKeys {
  /// What to pass on, and whether the sequence is complete.
  record Passed(byte[] bytes, boolean detached) {}

  private final byte[] sequence;
  private int matched;

  private DetachKeys(byte[] sequence) {
    this.sequence = sequence;
  }

  static DetachKeys parse(String text) {
    String keys = text.isEmpty() ? "ctrl-p,ctrl-q" : text;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (String key : keys.split(",", -1)) {
      if (key.length() == 1) {
        bytes.write(key.charAt(0));
      } else if (key.matches("(?i)ctrl-[a-z@\\[\\\\\\]^_]")) {
        bytes.write(Character.toUpperCase(key.charAt(5)) & 0x1f);
      } else if (key.equals("DEL")) {
        bytes.write(127);
      } else {
        throw new Failure.InvalidRequest("Invalid detach keys (" + text + ") provided");
      }
    }
    return new DetachKeys(bytes.toByteArray());
  }

  static boolean isValid(String text) {
    try {
      return parse(text).sequence.length > 0;
    } catch (Failure.InvalidRequest e) {
      return false;
    }
  }

  /// The bytes of the keys as inspect shows them; empty where none are given.
  static String base64(String text) {
    return text.isEmpty() ? "" : Base64.getEncoder().encodeToString(parse(text).sequence);
  }

  Passed pass(byte[] buffer, int length, boolean tty) {
    if (!tty) {
      return new Passed(java.util.Arrays.copyOf(buffer, length), false);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream(length);
    for (int i = 0; i < length; i++) {
      if (buffer[i] == sequence[matched]) {
        matched++;
        if (matched == sequence.length) {
          matched = 0;
          return new Passed(out.toByteArray(), true);
        }
      } else {
        out.write(sequence, 0, matched);
        matched = buffer[i] == sequence[0] ? 1 : 0;
        if (matched == 0) {
          out.write(buffer[i]);
        }
      }
    }
    return new Passed(out.toByteArray(), false);
  }
}
