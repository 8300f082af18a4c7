package dev.gantry.runtime;

import dev.gantry.base.Failure;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;

/// Lists of processors and memory nodes, such as `0-3,7`, as the kernel's bit masks.
final class Ranges {
  private static final int LIMIT = 8192;

  private Ranges() {}

  /// The mask in the kernel's form: 64-bit words, at least one.
  ///
  /// @param what names the list in the message about a bad one
  static byte[] mask(String text, String what) {
    BitSet bits = new BitSet();
    for (String part : text.split(",")) {
      String range = part.strip();
      if (range.isEmpty()) {
        continue;
      }
      int dash = range.indexOf('-');
      int first = number(dash < 0 ? range : range.substring(0, dash), text, what);
      int last = dash < 0 ? first : number(range.substring(dash + 1), text, what);
      if (last < first) {
        throw bad(text, what);
      }
      bits.set(first, last + 1);
    }
    if (bits.isEmpty()) {
      throw bad(text, what);
    }
    long[] words = bits.toLongArray();
    ByteBuffer mask = ByteBuffer.allocate(words.length * 8).order(ByteOrder.nativeOrder());
    for (long word : words) {
      mask.putLong(word);
    }
    return mask.array();
  }

  private static int number(String text, String list, String what) {
    String digits = text.strip();
    if (!digits.matches("[0-9]{1,4}")) {
      throw bad(list, what);
    }
    int value = Integer.parseInt(digits);
    if (value >= LIMIT) {
      throw bad(list, what);
    }
    return value;
  }

  private static Failure bad(String text, String what) {
    return new Failure.InvalidRequest(
        what + " \"" + text + "\" is no list such as 0-3,7 of numbers below " + LIMIT);
  }
}
