package dev.gantry.dockerfile;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/// How near two names are.
public final class Similar {
  private Similar() {}

  /// The nearest of the names, if one is near.
  public static Optional<String> nearest(String name, Collection<String> known) {
    return known.stream()
        .filter(k -> distance(k, name) <= 2)
        .min(Comparator.comparingInt((String k) -> distance(k, name)).thenComparing(k -> k));
  }

  /// Letters to change, to add or to take away.
  static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
