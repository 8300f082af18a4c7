package dev.gantry.conformance.rows;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// The files of `rows/`.
final class Table {
  private Table() {}

  static String text(String name) {
    try (InputStream in = Table.class.getResourceAsStream("/rows/" + name)) {
      if (in == null) {
        throw new AssertionError("no resource /rows/" + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The columns of each line that is no comment.
  static List<String[]> lines(String name, int columns) {
    return text(name)
        .lines()
        .filter(line -> !line.isBlank() && !line.startsWith("#"))
        .map(
            line -> {
              String[] cells = line.split("\t", -1);
              if (cells.length != columns) {
                throw new IllegalArgumentException(name + ": not " + columns + " columns: " + line);
              }
              return cells;
            })
        .toList();
  }
}
