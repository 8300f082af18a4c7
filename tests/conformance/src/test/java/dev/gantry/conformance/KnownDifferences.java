package dev.gantry.conformance;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The list of differences that are known, each with its reason: `differences.tsv`, columns kind,
/// scenario, record, path, reason. A `*` in the three middle columns stands for any text.
///
/// - `design`: ours differs on purpose; the line must match something, or it is outdated.
/// - `set-up`: the test's images, addresses or machine differ from the recorded ones; likewise.
/// - `missing`: ours cannot do it yet; the line may go when it can.
/// - `timing`: what the recording itself caught depends on the moment.
record KnownDifferences(List<Line> lines) {
  private static final List<String> KINDS = List.of("design", "set-up", "missing", "timing");

  record Line(String kind, String scenario, String record, String path, String reason) {
    boolean covers(Difference d) {
      return like(scenario, d.scenario()) && like(record, d.record()) && like(path, d.path());
    }

    /// True if it is a mistake that nothing matches it.
    boolean mustOccur() {
      return kind.equals("design") || kind.equals("set-up");
    }

    /// True if it speaks of one of these scenarios alone.
    boolean within(List<String> scenarios) {
      return scenarios.contains(scenario);
    }

    private static boolean like(String pattern, String text) {
      String regex =
          java.util.Arrays.stream(pattern.split("\\*", -1))
              .map(Pattern::quote)
              .collect(Collectors.joining(".*"));
      return text.matches("(?s)" + regex);
    }

    @Override
    public String toString() {
      return String.join("\t", kind, scenario, record, path, reason);
    }
  }

  static KnownDifferences read(Path file) throws IOException {
    List<Line> lines = new ArrayList<>();
    for (String text : Files.readAllLines(file, StandardCharsets.UTF_8)) {
      if (text.isBlank() || text.startsWith("#")) {
        continue;
      }
      String[] columns = text.split("\t", -1);
      if (columns.length != 5 || !KINDS.contains(columns[0]) || columns[4].isBlank()) {
        throw new IOException(file + ": not kind, scenario, record, path, reason: " + text);
      }
      lines.add(new Line(columns[0], columns[1], columns[2], columns[3], columns[4]));
    }
    return new KnownDifferences(List.copyOf(lines));
  }

  boolean covers(Difference difference) {
    return lines.stream().anyMatch(line -> line.covers(difference));
  }
}
