package dev.gantry.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// Measured values of one candidate in one row.
final class Samples {
  private final List<Double> values = new ArrayList<>();

  void add(double value) {
    values.add(value);
  }

  boolean isEmpty() {
    return values.isEmpty();
  }

  /// The value that `part` of all (0 to 1) do not exceed.
  double quantile(double part) {
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    return sorted.get((int) Math.round(part * (sorted.size() - 1)));
  }

  double median() {
    return quantile(0.5);
  }
}
