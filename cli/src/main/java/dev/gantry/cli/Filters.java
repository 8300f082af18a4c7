package dev.gantry.cli;

import dev.gantry.json.Json;
import java.util.List;
import java.util.Locale;

/// The `filters` parameter of the API: keys with lists of values.
final class Filters {
  private Filters() {}

  static String of(Words words) {
    return of(words.list("filter"));
  }

  /// @param filters texts such as `label=a=b`
  static String of(List<String> filters) {
    Json.JsonObject all = Json.object();
    for (String filter : filters) {
      int equals = filter.indexOf('=');
      String key = filter.substring(0, equals).strip().toLowerCase(Locale.ROOT);
      Json.JsonArray values = all.get(key) instanceof Json.JsonArray array ? array : Json.array();
      all.put(key, values.add(filter.substring(equals + 1).strip()));
    }
    return all.isEmpty() ? "" : all.text();
  }
}
