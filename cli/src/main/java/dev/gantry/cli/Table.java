package dev.gantry.cli;

import java.util.ArrayList;
import java.util.List;

/// Columns aligned as Docker's are: at least ten wide, three spaces between.
final class Table {
  private final List<List<String>> rows = new ArrayList<>();

  Table(String... headers) {
    rows.add(List.of(headers));
  }

  Table row(List<String> cells) {
    rows.add(List.copyOf(cells));
    return this;
  }

  String text() {
    int columns = rows.getFirst().size();
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int i = 0; i < columns; i++) {
        widths[i] =
            Math.max(
                widths[i], Math.max(10 - 3, row.get(i).codePointCount(0, row.get(i).length())));
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      for (int i = 0; i < columns; i++) {
        String cell = row.get(i);
        text.append(cell);
        if (i + 1 < columns) {
          text.append(" ".repeat(widths[i] + 3 - cell.codePointCount(0, cell.length())));
        }
      }
      text.append('\n');
    }
    return text.toString();
  }
}
