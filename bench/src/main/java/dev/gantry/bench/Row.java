package dev.gantry.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// One line of the table: the same work done by several candidates, the first of them ours.
final class Row {
  /// One run of the work.
  @FunctionalInterface
  interface Work {
    void run() throws Exception;
  }

  private final String title;
  private final String budget;
  private final Map<String, Work> candidates = new LinkedHashMap<>();
  private final Map<String, Samples> samples = new LinkedHashMap<>();
  private final Map<String, String> dropped = new LinkedHashMap<>();

  Row(String title, String budget) {
    this.title = title;
    this.budget = budget;
  }

  Row candidate(String name, Work work) {
    candidates.put(name, work);
    return this;
  }

  /// Records a value that was measured elsewhere.
  Row value(String name, double value) {
    samples.computeIfAbsent(name, n -> new Samples()).add(value);
    return this;
  }

  /// Gives `name` the next line, whenever its values come.
  void in(String name) {
    samples.computeIfAbsent(name, n -> new Samples());
  }

  double median(String name) {
    return samples.getOrDefault(name, new Samples()).median();
  }

  double fastest(String name) {
    return samples.getOrDefault(name, new Samples()).quantile(0);
  }

  /// Runs each candidate `rounds` times in turn after `warmUp` rounds; one that fails is left out.
  void measure(int warmUp, int rounds) {
    for (int round = -warmUp; round < rounds; round++) {
      for (Map.Entry<String, Work> candidate : List.copyOf(candidates.entrySet())) {
        String name = candidate.getKey();
        try {
          long start = System.nanoTime();
          candidate.getValue().run();
          long nanos = System.nanoTime() - start;
          if (round >= 0) {
            value(name, nanos / 1e6);
          }
          // what a run leaves to be done behind it is not to be paid by the next one
          Thread.sleep(nanos / 1_000_000);
        } catch (Exception | AssertionError e) {
          candidates.remove(name);
          samples.remove(name);
          dropped.put(name, lastLine(String.valueOf(e.getMessage())));
        }
      }
    }
  }

  /// A failed command's text ends with what it said itself.
  private static String lastLine(String text) {
    return text.lines().filter(line -> !line.isBlank()).reduce("", (first, last) -> last);
  }

  /// Lines for a terminal: median, 90th percentile and how many times better ours is, which is less
  /// of a time or of memory and more of a rate.
  List<String> lines(String unit) {
    List<String> lines = new ArrayList<>();
    lines.add(title + (budget.isEmpty() ? "" : "   [budget: " + budget + "]"));
    double ours = 0;
    for (Map.Entry<String, Samples> entry : samples.entrySet()) {
      double median = entry.getValue().median();
      double times = unit.endsWith("/s") ? ours / median : median / ours;
      String ratio = ours == 0 ? "" : String.format(Locale.ROOT, "%8.1fx", times);
      ours = ours == 0 ? median : ours;
      lines.add(
          String.format(
              Locale.ROOT,
              "    %-34s %9.2f %s   p90 %9.2f %s",
              entry.getKey(),
              median,
              unit,
              entry.getValue().quantile(0.9),
              ratio));
    }
    dropped.forEach(
        (name, why) -> lines.add(String.format("    %-34s not measured: %s", name, why)));
    return lines;
  }
}
