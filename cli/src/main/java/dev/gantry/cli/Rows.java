package dev.gantry.cli;

import dev.gantry.cli.template.Scope;
import dev.gantry.cli.template.Template;
import dev.gantry.cli.template.TemplateException;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// A list that is printed as a table, or through `--format`: a template for each row, `json`, or
/// `table` with a template whose fields give the headings.
final class Rows {
  /// What template errors call a row, e.g. `*formatter.ContainerContext`.
  private final String type;

  private final List<String> columns = new ArrayList<>();
  private final Map<String, String> headings = new LinkedHashMap<>();
  private final List<Json.JsonObject> rows = new ArrayList<>();
  private final List<Map<String, String>> labels = new ArrayList<>();

  Rows(String type) {
    this.type = type;
  }

  /// A column of the default table.
  Rows column(String heading, String field) {
    columns.add(field);
    return heading(heading, field);
  }

  /// The heading of a field that the default table does not show.
  Rows heading(String heading, String field) {
    headings.put(field, heading);
    return this;
  }

  Rows add(Json.JsonObject row) {
    return add(row, Map.of());
  }

  /// @param named what `.Label "name"` gives
  Rows add(Json.JsonObject row, Map<String, String> named) {
    rows.add(row);
    labels.add(named);
    return this;
  }

  void printField(Session session, String field) {
    rows.forEach(row -> session.out().println(row.string(field, "")));
  }

  void print(Session session, String format) {
    boolean plain = format.isEmpty() || format.equals("table");
    session.out().print(plain ? table(Colours.wanted()) : text(format));
  }

  String text(String format) {
    return switch (format) {
      case "", "table" -> table(false);
      case "json" -> templated("{{json .}}");
      default ->
          format.startsWith("table ") || format.startsWith("table\t")
              ? tableOf(format.substring(6))
              : templated(escapes(format));
    };
  }

  /// All rows as one list.
  Json.JsonArray json() {
    Json.JsonArray all = Json.array();
    rows.forEach(row -> all.add(sorted(row)));
    return all;
  }

  private String table(boolean coloured) {
    Table table = new Table(columns.stream().map(c -> headings.getOrDefault(c, c)).toList());
    rows.forEach(row -> table.row(columns.stream().map(c -> row.string(c, "")).toList()));
    return table.text(coloured);
  }

  private String templated(String format) {
    Template template = parse(format);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows.size(); i++) {
      text.append(apply(template, rows.get(i), scope(rows.get(i), labels.get(i)))).append('\n');
    }
    return text.toString();
  }

  private String tableOf(String format) {
    Template template = parse(escapes(format.strip()));
    Json.JsonObject header = Json.object();
    rows.stream().findFirst().ifPresent(r -> r.members().keySet().forEach(k -> header.put(k, k)));
    headings.forEach((field, heading) -> header.put(field, heading));
    List<String> lines = new ArrayList<>();
    lines.add(apply(template, header, headerScope(header)));
    for (int i = 0; i < rows.size(); i++) {
      lines.add(apply(template, rows.get(i), scope(rows.get(i), labels.get(i))));
    }
    List<List<String>> cells = lines.stream().map(l -> List.of(l.split("\t", -1))).toList();
    Table table = new Table(cells.getFirst());
    cells.stream().skip(1).forEach(table::row);
    return table.text();
  }

  /// In a format, `\t` and `\n` mean what they do in a text of Go.
  static String escapes(String format) {
    return format.replace("\\t", "\t").replace("\\n", "\n");
  }

  private static Template parse(String format) {
    try {
      return Template.parse("", format);
    } catch (TemplateException e) {
      throw new Exit(1, "failed to parse template: " + e.text());
    }
  }

  private static String apply(Template template, Json.JsonObject row, Scope scope) {
    try {
      return template.apply(row, scope);
    } catch (TemplateException e) {
      throw new Exit(1, "failed to execute template: " + e.text());
    }
  }

  private Scope scope(Json.JsonObject row, Map<String, String> named) {
    return new RowScope(type, row) {
      @Override
      public Optional<Json> call(String name, List<Json> arguments) {
        return name.equals("Label") && arguments.size() == 1
            ? Optional.of(Json.of(named.getOrDefault(Template.text(arguments.getFirst()), "")))
            : Optional.empty();
      }
    };
  }

  private Scope headerScope(Json.JsonObject header) {
    return new RowScope(type, header) {
      @Override
      public Optional<Json> call(String name, List<Json> arguments) {
        return name.equals("Label") && arguments.size() == 1
            ? Optional.of(arguments.getFirst())
            : Optional.empty();
      }
    };
  }

  /// A row is written as JSON with sorted keys.
  private abstract static class RowScope implements Scope {
    private final String type;
    private final Json.JsonObject row;

    RowScope(String type, Json.JsonObject row) {
      this.type = type;
      this.row = row;
    }

    @Override
    public Optional<Json> missing(String holder, String name) {
      return Optional.empty();
    }

    @Override
    public String refusal(String name) {
      return "can't evaluate field " + name + " in type " + type;
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // the row itself
    public String json(Json value) {
      if (value != row) {
        return Scope.super.json(value);
      }
      return sorted(row).text();
    }
  }

  private static Json.JsonObject sorted(Json.JsonObject row) {
    Json.JsonObject sorted = Json.object();
    new TreeMap<>(row.members()).forEach(sorted::put);
    return sorted;
  }
}
