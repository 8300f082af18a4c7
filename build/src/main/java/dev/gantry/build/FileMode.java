package dev.gantry.build;

import dev.gantry.dockerfile.ParseFailure;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The value of `--chmod`: octal, or symbolic as chmod(1) has it (`u+x,go-w`).
final class FileMode {
  private static final Pattern CHANGE = Pattern.compile("([ugoa]*)([-+=])([rwxXst]*|[ugo])");

  private record Change(String who, char how, String what) {}

  private final String text;
  private final int octal;
  private final List<Change> changes;

  private FileMode(String text, int octal, List<Change> changes) {
    this.text = text;
    this.octal = octal;
    this.changes = changes;
  }

  static FileMode parse(String text) throws ParseFailure {
    if (text.matches("0*[0-7]{1,4}")) {
      return new FileMode(text, Integer.parseInt(text, 8), List.of());
    }
    if (text.matches("[0-9].*")) {
      throw new ParseFailure(
          0,
          "invalid chmod parameter: '"
              + text
              + "'. it should be octal string and between 0 and 07777");
    }
    List<Change> changes = new ArrayList<>();
    for (String part : text.split(",")) {
      Matcher m = CHANGE.matcher(part);
      if (!m.matches()) {
        throw new ParseFailure(0, "invalid chmod parameter: '" + text + "'");
      }
      changes.add(new Change(m.group(1), m.group(2).charAt(0), m.group(3)));
    }
    return new FileMode(text, -1, changes);
  }

  /// The mode of a folder made on the way, with the usual mask.
  int folder(int standard) {
    return octal >= 0 ? (standard & 0170000) | (octal & 0755) : standard;
  }

  /// The new mode of a file with the mode `mode`, its kind kept.
  int apply(int mode) {
    if (octal >= 0) {
      return (mode & 0170000) | octal;
    }
    int bits = mode & 07777;
    for (Change c : changes) {
      String who = c.who().isEmpty() || c.who().contains("a") ? "ugo" : c.who();
      int mask = 0;
      int set = 0;
      for (char w : who.toCharArray()) {
        int shift = w == 'u' ? 6 : w == 'g' ? 3 : 0;
        mask |= 7 << shift;
        for (char p : c.what().toCharArray()) {
          boolean folder = (mode & 0170000) == 0040000;
          set |=
              switch (p) {
                case 'u' -> (bits >> 6 & 7) << shift;
                case 'g' -> (bits >> 3 & 7) << shift;
                case 'o' -> (bits & 7) << shift;
                case 'r' -> 4 << shift;
                case 'w' -> 2 << shift;
                case 'x' -> 1 << shift;
                case 'X' -> folder || (bits & 0111) != 0 ? 1 << shift : 0;
                case 's' -> w == 'u' ? 04000 : w == 'g' ? 02000 : 0;
                default -> 01000;
              };
        }
      }
      bits =
          switch (c.how()) {
            case '+' -> bits | set;
            case '-' -> bits & ~set;
            default -> (bits & ~mask) | set;
          };
    }
    return (mode & 0170000) | bits;
  }

  @Override
  public String toString() {
    return text;
  }
}
