package dev.gantry.client;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Calls an engine. An answer of 400 and above is thrown as [ApiError], no engine as [Unreachable].
/// Thread-safe: each call has a connection of its own.
public final class EngineClient {
  private static final String VERSION = "1.51";

  private final Address address;
  private volatile @Nullable String version;

  public EngineClient(Address address) {
    this.address = address;
  }

  /// @param wanted the API version to speak without asking, e.g. `1.41`; empty to agree on one
  public EngineClient(Address address, String wanted) {
    this.address = address;
    this.version = wanted.isEmpty() ? null : wanted;
  }

  /// The newest version that this client knows.
  public static String newest() {
    return VERSION;
  }

  /// The version that is spoken.
  public String agreed() {
    try {
      return version();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Address address() {
    return address;
  }

  /// Sends `body` as JSON and reads the JSON that comes back; [Json#NULL] for an empty answer.
  public Json call(String method, Query query, @Nullable Json body) {
    try (InputStream in = open(method, query, body)) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return text.isBlank() ? Json.NULL : Json.parse(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// As above, with more headers.
  public Json call(String method, Query query, Map<String, String> headers, Json body) {
    StringBuilder lines = new StringBuilder("Content-Type: application/json\r\n");
    headers.forEach((name, value) -> lines.append(name + ": " + value + "\r\n"));
    lines.append("Connection: close\r\n");
    byte[] bytes = body.text().getBytes(StandardCharsets.UTF_8);
    try (InputStream in =
        checked(Http.send(address, method, target(query), lines.toString(), bytes))) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return text.isBlank() ? Json.NULL : Json.parse(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Json get(Query query) {
    return call("GET", query, null);
  }

  public Json post(Query query, @Nullable Json body) {
    return call("POST", query, body);
  }

  public Json delete(Query query) {
    return call("DELETE", query, null);
  }

  /// Sends it and gives the answer's body to be read as it comes.
  public InputStream open(String method, Query query, @Nullable Json body) {
    try {
      byte[] bytes =
          body == null
              ? method.equals("POST") ? new byte[0] : null
              : body.text().getBytes(StandardCharsets.UTF_8);
      String type = body == null ? "" : "Content-Type: application/json\r\n";
      return checked(
          Http.send(address, method, target(query), type + "Connection: close\r\n", bytes));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// An answer with its headers, whose names are in lower case.
  public record Reply(Map<String, String> headers, InputStream body) {}

  /// As [#open] without a body, with one more header sent unless its value is empty.
  public Reply reply(String method, Query query, String header, String value) {
    try {
      String extra = value.isEmpty() ? "" : header + ": " + value + "\r\n";
      byte[] bytes = method.equals("POST") ? new byte[0] : null;
      Http.Answer answer =
          Http.send(address, method, target(query), extra + "Connection: close\r\n", bytes);
      return new Reply(answer.headers(), checked(answer));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The headers that `HEAD` answers with; empty if there is no such thing.
  public Optional<Map<String, String>> head(Query query) {
    try {
      Http.Answer answer = Http.send(address, "HEAD", target(query), "Connection: close\r\n", null);
      answer.wire().close();
      if (answer.status() == 404) {
        return Optional.empty();
      }
      if (answer.status() >= 400) {
        throw new ApiError(answer.status(), message("", answer.status()));
      }
      return Optional.of(answer.headers());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Uploads an archive by `POST` and gives the answer's body.
  public InputStream upload(Query query, InputStream archive) {
    return upload("POST", query, archive);
  }

  public InputStream upload(String method, Query query, InputStream archive) {
    return upload(method, query, Map.of(), archive);
  }

  /// @param headers more headers to send
  public InputStream upload(
      String method, Query query, Map<String, String> headers, InputStream archive) {
    StringBuilder lines = new StringBuilder();
    headers.forEach((name, value) -> lines.append(name + ": " + value + "\r\n"));
    try {
      return checked(Http.upload(address, method, target(query), lines.toString(), archive));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Sends it and takes the connection over for a container's streams.
  public Hijacked hijack(Query query, @Nullable Json body) {
    try {
      byte[] bytes = body == null ? new byte[0] : body.text().getBytes(StandardCharsets.UTF_8);
      String headers = "Content-Type: application/json\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n";
      Http.Answer answer = Http.send(address, "POST", target(query), headers, bytes);
      if (answer.status() != 101 && answer.status() != 200) {
        checked(answer);
      }
      return new Hijacked(answer.wire(), answer.in());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Takes a connection over to speak HTTP/2 on it, as BuildKit's clients do.
  ///
  /// @param path `/grpc` to call the builder, `/session` to be called by it
  /// @param headers lines of more headers
  public Hijacked upgrade(String path, List<String> headers) {
    StringBuilder lines = new StringBuilder("Connection: Upgrade\r\nUpgrade: h2c\r\n");
    headers.forEach(line -> lines.append(line).append("\r\n"));
    try {
      Http.Answer answer = Http.send(address, "POST", path, lines.toString(), new byte[0]);
      if (answer.status() != 101) {
        checked(answer);
        throw new ApiError(answer.status(), "the engine does not offer " + path);
      }
      return new Hijacked(answer.wire(), answer.in());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Reads JSON values, one after the other as they come, until the end.
  public static void each(InputStream in, Consumer<Json.JsonObject> sink) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int b = in.read(); ; b = in.read()) {
      if (b >= 0 && b != '\n') {
        line.write(b);
        continue;
      }
      String text = line.toString(StandardCharsets.UTF_8).strip();
      line.reset();
      if (!text.isEmpty()) {
        sink.accept(Json.parseObject(text));
      }
      if (b < 0) {
        return;
      }
    }
  }

  private String target(Query query) throws IOException {
    return "/v" + version() + query;
  }

  /// The newest version that both sides speak.
  private String version() throws IOException {
    String known = version;
    if (known == null) {
      Http.Answer ping = Http.send(address, "GET", "/_ping", "Connection: close\r\n", null);
      String theirs = ping.headers().getOrDefault("api-version", VERSION);
      ping.wire().close();
      known = minor(theirs) < minor(VERSION) ? theirs : VERSION;
      version = known;
    }
    return known;
  }

  private static int minor(String version) {
    try {
      return Integer.parseInt(version.substring(version.indexOf('.') + 1));
    } catch (NumberFormatException e) {
      return Integer.MAX_VALUE;
    }
  }

  private static InputStream checked(Http.Answer answer) throws IOException {
    if (answer.status() < 400) {
      return answer.body();
    }
    try (InputStream in = answer.body()) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
      throw new ApiError(answer.status(), message(text, answer.status()));
    }
  }

  private static String message(String text, int status) {
    try {
      return Json.parseObject(text).string("message", text);
    } catch (JsonException e) {
      return text.isEmpty() ? "the engine answered with status " + status : text;
    }
  }
}
