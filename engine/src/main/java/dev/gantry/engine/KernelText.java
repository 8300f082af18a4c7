package dev.gantry.engine;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What the kernel writes into its small files: words and numbers between blanks, in lines. It is
/// read for each container each second, and so without decoders and expressions.
final class KernelText {
  static final KernelText NONE = new KernelText(new byte[0], 0);

  // the kernel writes a file's names in the same order each time: most are known already
  private static volatile String[] names = {};

  private final byte[] bytes;
  private final int end;
  private int at;

  /// @param end how many of `bytes` there are
  KernelText(byte[] bytes, int end) {
    this.bytes = bytes;
    this.end = end;
  }

  static KernelText of(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    return new KernelText(bytes, bytes.length);
  }

  /// Whether there is another line; the last one need not end in a newline.
  boolean hasMore() {
    return at < end;
  }

  /// Goes behind the present line.
  void endLine() {
    while (at < end && bytes[at++] != '\n') {
      continue;
    }
  }

  /// The next word of this line, which ends before a blank or `until`; empty at the line's end.
  String word(char until) {
    skipBlanks();
    int start = at;
    while (at < end && bytes[at] != ' ' && bytes[at] != '\n' && bytes[at] != until) {
      at++;
    }
    String word = new String(bytes, start, at - start, StandardCharsets.ISO_8859_1);
    if (at < end && bytes[at] == until) {
      at++;
    }
    return word;
  }

  /// The next number of this line; -1 where the line ends or the next word is none, or one of more
  /// than 63 bits. The text is then behind the word.
  long number() {
    skipBlanks();
    long value = 0;
    int start = at;
    boolean isNumber = true;
    while (at < end && bytes[at] > ' ') {
      int digit = bytes[at++] - '0';
      isNumber &= digit >= 0 && digit <= 9 && value <= (Long.MAX_VALUE - digit) / 10;
      value = isNumber ? value * 10 + digit : 0;
    }
    return isNumber && at > start ? value : -1;
  }

  private void skipBlanks() {
    while (at < end && (bytes[at] == ' ' || bytes[at] == '\t')) {
      at++;
    }
  }

  private boolean isNext(String word) {
    int after = at + word.length();
    if (after >= end || bytes[after] != ' ') {
      return false;
    }
    for (int i = 0; i < word.length(); i++) {
      if (bytes[at + i] != word.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /// The lines of one name and one number, in their order; others are passed over.
  Map<String, Long> fields() {
    Map<String, Long> fields = LinkedHashMap.newLinkedHashMap(64);
    String[] known = names;
    int index = 0;
    boolean news = false;
    for (; hasMore(); index++) {
      String name;
      if (index < known.length && isNext(known[index])) {
        name = known[index];
        at += name.length();
      } else {
        name = word(' ');
        news = true;
      }
      long value = number();
      if (value >= 0 && !name.isEmpty()) {
        fields.put(name, value);
      }
      endLine();
    }
    if (news && index > known.length) {
      names = fields.keySet().toArray(String[]::new);
    }
    return fields;
  }

  /// All numbers of the first line.
  List<Long> numbers() {
    List<Long> numbers = new java.util.ArrayList<>();
    for (long number = number(); number >= 0; number = number()) {
      numbers.add(number);
    }
    return numbers;
  }
}
