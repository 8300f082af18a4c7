package dev.gantry.cli;

import java.io.ByteArrayOutputStream;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Finds the keys that detach in what is typed. Keys of a begun sequence are held back until it is
/// clear that they are not meant.
final class DetachKeys {
  static final String STANDARD = "ctrl-p,ctrl-q";
  private static final Map<String, Integer> NAMED =
      Map.of(
          "ctrl-@", 0, "ctrl-[", 27, "ctrl-\\", 28, "ctrl-]", 29, "ctrl-^", 30, "ctrl-_", 31, "del",
          127);

  private final byte[] keys;
  private int matched;
  private boolean complete;

  private DetachKeys(byte[] keys) {
    this.keys = keys;
  }

  /// `ctrl-p,ctrl-q`, `ctrl-x,x`, …; empty if it is no list of keys.
  static Optional<DetachKeys> parse(String text) {
    String[] names = text.split(",", -1);
    byte[] keys = new byte[names.length];
    for (int i = 0; i < names.length; i++) {
      String name = names[i];
      Integer named = NAMED.get(name.toLowerCase(Locale.ROOT));
      if (name.length() == 1) {
        keys[i] = (byte) name.charAt(0);
      } else if (name.toLowerCase(Locale.ROOT).matches("ctrl-[a-z]")) {
        keys[i] = (byte) (Character.toLowerCase(name.charAt(5)) - 'a' + 1);
      } else if (named != null) {
        keys[i] = named.byteValue();
      } else {
        return Optional.empty();
      }
    }
    return Optional.of(new DetachKeys(keys));
  }

  /// What is to be passed on of `length` typed bytes. What follows a complete sequence is dropped.
  byte[] typed(byte[] buffer, int length) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(length + keys.length);
    for (int i = 0; i < length && !complete; i++) {
      if (buffer[i] != keys[matched]) {
        out.write(keys, 0, matched);
        matched = 0;
        if (buffer[i] != keys[0]) {
          out.write(buffer[i]);
          continue;
        }
      }
      complete = ++matched == keys.length;
    }
    return out.toByteArray();
  }

  /// True once the sequence was typed.
  boolean complete() {
    return complete;
  }
}
