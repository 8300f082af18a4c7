package dev.gantry.cli;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/// Finds what was probably meant.
final class Likeness {
  private Likeness() {}

  /// A line to put under an error; empty if nothing is near.
  static String hint(String prefix, String word, Collection<String> known) {
    List<String> near = near(word, known);
    return near.isEmpty()
        ? ""
        : "\n\nDid you mean "
            + String.join(" or ", near.stream().map(n -> "'" + prefix + n + "'").toList())
            + "?";
  }

  /// The names that differ from `word` by at most a third of its letters, nearest first.
  static List<String> near(String word, Collection<String> known) {
    int limit = Math.max(1, word.length() / 3);
    return known.stream()
        .distinct()
        .filter(name -> distance(word, name) <= limit || word.length() > 2 && name.startsWith(word))
        .sorted(Comparator.<String>comparingInt(name -> distance(word, name)))
        .limit(3)
        .toList();
  }

  /// Damerau's distance: letters added, dropped, changed, or two neighbours swapped.
  static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          d[i][j] = i + j;
          continue;
        }
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        d[i][j] = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + change);
        boolean swapped =
            i > 1
                && j > 1
                && a.charAt(i - 1) == b.charAt(j - 2)
                && a.charAt(i - 2) == b.charAt(j - 1);
        if (swapped) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
