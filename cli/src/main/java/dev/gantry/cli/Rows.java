package dev.gantry.cli;

import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;

/// Prints a list as a table, as ids (`-q`) or through `--format`: a template, `json`, or `table`
/// with a template whose fields give the headers.
final class Rows {
  /// A column: header, and the field of the rows it shows.
  record Column(String header, String field) {}

  private Rows() {}

  static void print(
      Session session, List<Column> columns, List<Json.JsonObject> rows, String format) {
    if (format.equals("json")) {
      rows.forEach(row -> session.out().println(Template.parse("{{json .}}").apply(row)));
    } else if (format.isEmpty() || format.equals("table")) {
      Table table = new Table(columns.stream().map(Column::header).toArray(String[]::new));
      rows.forEach(row -> table.row(columns.stream().map(c -> row.string(c.field(), "")).toList()));
      session.out().print(table.text());
    } else if (format.startsWith("table ")) {
      String template = format.substring(6).replace("\\t", "\t");
      Json.JsonObject headers = Json.object();
      columns.forEach(c -> headers.put(c.field(), c.header()));
      List<Json.JsonObject> all = new ArrayList<>(List.of(headers));
      all.addAll(rows);
      Template parsed = Template.parse(template);
      List<List<String>> lines =
          all.stream().map(r -> List.of(parsed.apply(r).split("\t", -1))).toList();
      Table table = new Table(lines.getFirst().toArray(String[]::new));
      lines.stream().skip(1).forEach(table::row);
      session.out().print(table.text());
    } else {
      Template template = Template.parse(format);
      rows.forEach(row -> session.out().println(template.apply(row)));
    }
  }
}
