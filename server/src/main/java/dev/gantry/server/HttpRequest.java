package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.http.Request;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.json.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// A request of the Docker API.
///
/// @param path decoded, without the query
/// @param headers by lower-case name
/// @param version the API version of the path, or the newest
public record HttpRequest(
    String method,
    String path,
    Map<String, List<String>> query,
    Map<String, String> headers,
    InputStream body,
    boolean hasBody,
    ApiVersion version) {
  /// No request has that many; more would take much of the engine's heap.
  private static final int MAX_VALUES = 100_000;

  HttpRequest at(String newPath, ApiVersion newVersion) {
    return new HttpRequest(method, newPath, query, headers, body, hasBody, newVersion);
  }

  static HttpRequest of(Request wire) {
    return new HttpRequest(
        wire.method(),
        wire.path(),
        wire.query(),
        wire.headers(),
        wire.body(),
        wire.hasBody(),
        ApiVersion.NEWEST);
  }

  public Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name.toLowerCase(Locale.ROOT)));
  }

  /// The first value of a query parameter; empty text where it is absent.
  public String text(String key) {
    List<String> values = query.get(key);
    return values == null ? "" : values.getFirst();
  }

  public List<String> texts(String key) {
    return query.getOrDefault(key, List.of());
  }

  public boolean has(String key) {
    return query.containsKey(key);
  }

  /// As Docker's daemon reads booleans: everything but these is true.
  public boolean flag(String key) {
    String value = text(key).trim().toLowerCase(Locale.ROOT);
    return !(value.isEmpty()
        || value.equals("0")
        || value.equals("no")
        || value.equals("false")
        || value.equals("none"));
  }

  /// An integer parameter; refused with Go's text, which Docker's daemon shows (with status 500).
  public Optional<Integer> integer(String key) {
    String value = text(key);
    return value.isEmpty() ? Optional.empty() : Optional.of(number(value));
  }

  static int number(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      boolean digits = text.matches("[+-]?[0-9]+");
      throw new Failure.InvalidRequest(
          "strconv.Atoi: parsing "
              + Json.of(text).text()
              + (digits ? ": value out of range" : ": invalid syntax"),
          null,
          e);
    }
  }

  /// The body as a JSON object; one that must be there.
  public Json.JsonObject json() {
    if (!hasBody) {
      throw new Failure.InvalidRequest("invalid JSON: got EOF while reading request body");
    }
    return parseBody()
        .orElseThrow(
            () -> new Failure.InvalidRequest("invalid JSON: got EOF while reading request body"));
  }

  /// The body as a JSON object; an empty one where there is no body.
  public Json.JsonObject jsonOrEmpty() {
    return hasBody ? parseBody().orElseGet(Json::object) : Json.object();
  }

  private Optional<Json.JsonObject> parseBody() {
    String type = header("Content-Type").orElse("");
    String plain = type.split(";")[0].trim();
    if (plain.isEmpty()) {
      if (whole(String::isEmpty)) {
        return Optional.empty();
      }
      throw new Failure.InvalidRequest("malformed Content-Type header (): mime: no media type");
    }
    if (type.matches(".*;\\s*(;.*|[^=;]*)")) {
      throw new Failure.InvalidRequest(
          "malformed Content-Type header (" + type + "): mime: invalid media parameter");
    }
    if (!plain.equals("application/json")) {
      throw new Failure.InvalidRequest(
          "unsupported Content-Type header (" + type + "): must be 'application/json'");
    }
    return whole(HttpRequest::parsed);
  }

  private static Optional<Json.JsonObject> parsed(String text) {
    if (text.isBlank()) {
      return Optional.empty();
    }
    try {
      JsonParser parser = new JsonParser(text, MAX_VALUES);
      Json value = parser.parseNext();
      if (!parser.atEnd()) {
        throw new Failure.InvalidRequest("unexpected content after JSON");
      }
      return switch (value) {
        case Json.JsonObject o -> Optional.of(o);
        case Json.JsonNull n -> Optional.of(Json.object());
        default ->
            throw new Failure.InvalidRequest(
                "invalid JSON: json: cannot unmarshal " + value.kind() + " into Go value");
      };
    } catch (JsonException e) {
      String message =
          e.text().equals("unexpected end of JSON input") ? "unexpected EOF" : e.text();
      throw new Failure.InvalidRequest("invalid JSON: " + message, null, e);
    }
  }

  private <T> T whole(Function<String, T> use) {
    try {
      return WholeBody.read(body, use);
    } catch (IOException e) {
      throw new Failure.InvalidRequest(
          "could not read the request body: " + e.getMessage(), null, e);
    }
  }
}
