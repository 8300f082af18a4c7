package dev.gantry.cli;

import java.util.ArrayList;
import java.util.List;

/// Columns aligned as Docker's are: at least ten wide, three blanks between; the last is not
/// padded.
final class Table {
  private static final int GAP = 3;
  private final List<List<String>> rows = new ArrayList<>();
  private final int least;

  Table(List<String> headers) {
    this(10, headers);
  }

  /// @param least how wide a column is at least, with the gap
  Table(int least, List<String> headers) {
    this.least = least;
    rows.add(List.copyOf(headers));
  }

  Table row(List<String> cells) {
    rows.add(List.copyOf(cells));
    return this;
  }

  private static int width(String cell) {
    return cell.codePointCount(0, cell.length());
  }

  String text() {
    return text(false);
  }

  /// @param coloured with a terminal's codes for headings and for states in a column STATUS
  String text(boolean coloured) {
    int columns = rows.stream().mapToInt(List::size).max().orElse(0);
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int i = 0; i + 1 < row.size(); i++) {
        widths[i] = Math.max(widths[i], Math.max(least - GAP, width(row.get(i))));
      }
    }
    StringBuilder text = new StringBuilder();
    int status = coloured ? rows.getFirst().indexOf("STATUS") : -1;
    for (int line = 0; line < rows.size(); line++) {
      List<String> row = rows.get(line);
      for (int i = 0; i < row.size(); i++) {
        String cell = row.get(i);
        boolean heading = coloured && line == 0;
        text.append(heading ? Colours.heading(cell) : i == status ? Colours.state(cell) : cell);
        if (i + 1 < row.size()) {
          text.append(" ".repeat(widths[i] + GAP - width(cell)));
        }
      }
      text.append('\n');
    }
    return text.toString();
  }
}
