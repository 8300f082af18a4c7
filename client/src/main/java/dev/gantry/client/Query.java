package dev.gantry.client;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/// A path with its query, escaped.
public final class Query {
  private final StringBuilder text;
  private char separator = '?';

  private Query(String path) {
    text = new StringBuilder(path);
  }

  /// Starts with a path of `parts`, each escaped, put in for `{}` in turn.
  public static Query of(String path, String... parts) {
    String filled = path;
    for (String part : parts) {
      int at = filled.indexOf("{}");
      filled = filled.substring(0, at) + escape(part) + filled.substring(at + 2);
    }
    return new Query(filled);
  }

  public Query with(String name, String value) {
    text.append(separator).append(name).append('=').append(escape(value));
    separator = '&';
    return this;
  }

  public Query with(String name, boolean value) {
    return value ? with(name, "1") : this;
  }

  /// Leaves an empty value out.
  public Query withText(String name, String value) {
    return value.isEmpty() ? this : with(name, value);
  }

  private static String escape(String part) {
    return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
