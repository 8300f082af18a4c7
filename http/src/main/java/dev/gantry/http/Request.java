package dev.gantry.http;

import dev.gantry.base.Failure;
import java.io.InputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A request as it came.
///
/// @param target as the client wrote it
/// @param path decoded, without the query
/// @param query decoded, in the client's order
/// @param headers by lower-case name; several of one name are joined with commas
/// @param body ends where the request's body ends; reading it is what a waiting client is told to
///   send for (`Expect: 100-continue`)
/// @param hasBody false where the client announced none
/// @param peer the client's address, or `unix`
/// @param secure true over TLS
public record Request(
    String method,
    String target,
    String path,
    Map<String, List<String>> query,
    Map<String, String> headers,
    InputStream body,
    boolean hasBody,
    String peer,
    boolean secure) {

  /// Splits and decodes `a=1&b=2`.
  public static Map<String, List<String>> parseQuery(String text) {
    Map<String, List<String>> query = new LinkedHashMap<>();
    for (String pair : text.split("&")) {
      if (!pair.isEmpty()) {
        int equals = pair.indexOf('=');
        String key = decode(equals < 0 ? pair : pair.substring(0, equals));
        String value = equals < 0 ? "" : decode(pair.substring(equals + 1));
        query.computeIfAbsent(key, k -> new ArrayList<>()).add(value);
      }
    }
    return query;
  }

  /// Decodes `%41` and `+`; an escape of another form is [Failure.InvalidRequest].
  public static String decode(String text) {
    try {
      return URLDecoder.decode(text, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest("invalid URL escape in \"" + text + "\"", null, e);
    }
  }

  public Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name.toLowerCase(Locale.ROOT)));
  }

  /// The first value of a query parameter.
  public Optional<String> parameter(String key) {
    List<String> values = query.get(key);
    return values == null ? Optional.empty() : Optional.of(values.getFirst());
  }

  /// All values of a query parameter.
  public List<String> parameters(String key) {
    return query.getOrDefault(key, List.of());
  }
}
