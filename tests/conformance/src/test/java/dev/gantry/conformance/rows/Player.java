package dev.gantry.conformance.rows;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.PlainHttp;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Holds a conversation with an engine, and notes what it has shown.
final class Player {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  /// What comes after so many faults tells nothing more.
  private static final int MOST = 8;

  private final Engine engine;
  private final Map<String, byte[]> kept = new HashMap<>();
  private final Set<String> rows = new TreeSet<>();
  private final List<String> faults = new ArrayList<>();

  Player(Engine engine) {
    this.engine = engine;
  }

  /// Rows that were asked about, whether the answer was right or not.
  Set<String> rows() {
    return rows;
  }

  List<String> faults() {
    return faults;
  }

  void keep(String name, String text) {
    kept.put(name, text.getBytes(StandardCharsets.UTF_8));
  }

  void play(String name) {
    int before = faults.size();
    for (Exchange exchange : Exchange.parse(Table.text(name))) {
      if (faults.size() - before > MOST) {
        return;
      }
      try {
        play(name, exchange);
      } catch (RuntimeException | AssertionError e) {
        faults.add(name + ":" + exchange.line() + ": " + e);
      }
    }
  }

  private void play(String name, Exchange exchange) {
    List<String> found = new ArrayList<>();
    if (exchange.until()) {
      Eventually.within(
          LIMIT,
          () -> String.join("; ", found),
          () -> {
            found.clear();
            found.addAll(ask(exchange));
            return found.isEmpty();
          });
    } else {
      found.addAll(ask(exchange));
    }
    exchange.checks().stream()
        .map(Exchange.Check::row)
        .filter(r -> !r.isEmpty())
        .forEach(rows::add);
    found.forEach(fault -> faults.add(name + ":" + fault));
  }

  private Answer answer(Exchange exchange) {
    return exchange.keys().isEmpty() ? asked(exchange) : typed(exchange);
  }

  /// On a connection that is taken over until the engine ends it.
  private Answer typed(Exchange exchange) {
    byte[] body = body(exchange.body());
    String head =
        exchange.method()
            + " "
            + encoded(filled(exchange.target()))
            + " HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            + (body.length > 0 ? "Content-Type: application/json\r\n" : "")
            + "Content-Length: "
            + body.length
            + "\r\n\r\n";
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(engine.socket()))) {
      for (byte[] part :
          List.of(head.getBytes(StandardCharsets.UTF_8), body, bytes(exchange.keys()))) {
        ByteBuffer buffer = ByteBuffer.wrap(part);
        while (buffer.hasRemaining()) {
          int ignored = channel.write(buffer);
        }
      }
      String all =
          new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
      String[] parts = all.split("\r\n\r\n", 2);
      return new Answer(Integer.parseInt(parts[0].split(" ")[1]), Map.of(), bytes(parts[1]));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private Answer asked(Exchange exchange) {
    Map<String, String> headers = new HashMap<>();
    exchange
        .headers()
        .forEach(
            (name, value) ->
                headers.put(
                    name,
                    value.startsWith("{")
                        ? Base64.getEncoder()
                            .encodeToString(filled(value).getBytes(StandardCharsets.UTF_8))
                        : filled(value)));
    try {
      return PlainHttp.send(
          engine.socket(),
          exchange.method(),
          encoded(filled(exchange.target())),
          headers,
          body(exchange.body()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<String> ask(Exchange exchange) {
    Answer answer = answer(exchange);
    int status = answer.status();
    boolean good = exchange.status() == 0 ? status < 300 : status == exchange.status();
    if (!good) {
      return List.of(
          exchange.line()
              + ": "
              + exchange.method()
              + " "
              + exchange.target()
              + " answers "
              + status
              + " "
              + shortened(answer.text()));
    }
    Json json = json(answer, exchange.target().startsWith("/events"));
    List<String> found = new ArrayList<>();
    for (Exchange.Check check : exchange.checks()) {
      Expected expected =
          new Expected(filled(check.expected().path()), filled(check.expected().pattern()));
      Json at = json;
      if (expected.path().startsWith("head:")) {
        String value = answer.headers().get(expected.path().substring(5));
        expected = new Expected("", expected.pattern());
        at = value == null ? null : Json.of(value);
      }
      expected.fault(at).ifPresent(f -> found.add(check.line() + ": " + check.row() + ": " + f));
    }
    for (Exchange.Keep keep : exchange.keeps()) {
      Json value = keep.path().isEmpty() ? null : new Expected(keep.path(), "*").at(json);
      byte[] text =
          value instanceof Json.JsonString s
              ? s.value().getBytes(StandardCharsets.UTF_8)
              : value == null ? answer.body() : value.text().getBytes(StandardCharsets.UTF_8);
      kept.put(keep.name(), text);
    }
    return found;
  }

  /// An answer as JSON: objects of a stream as a list, other texts as a text.
  ///
  /// @param stream whether even one object is a list
  private static @Nullable Json json(Answer answer, boolean stream) {
    String text = answer.text();
    if (!answer.headers().getOrDefault("content-type", "").contains("json")) {
      return Json.of(text);
    }
    try {
      return stream ? lines(text) : Json.parse(text);
    } catch (JsonException e) {
      return lines(text);
    }
  }

  private static Json lines(String text) {
    Json.JsonArray lines = Json.array();
    text.lines().filter(l -> !l.isBlank()).forEach(l -> lines.add(Json.parse(l)));
    return lines;
  }

  private byte[] body(String text) {
    if (text.startsWith("@tar")) {
      return Tar.of(Json.parseObject(filled(text.substring(4))).members());
    }
    if (text.startsWith("@")) {
      byte[] bytes = kept.get(text.substring(1));
      if (bytes == null) {
        throw new IllegalArgumentException("nothing kept as " + text);
      }
      return bytes;
    }
    return filled(text).getBytes(StandardCharsets.UTF_8);
  }

  /// `${NAME}` replaced by what was kept, `${NOW}` by this second.
  String filled(String text) {
    String filled = text;
    for (Map.Entry<String, byte[]> entry : kept.entrySet()) {
      String name = "${" + entry.getKey() + "}";
      if (filled.contains(name)) {
        filled = filled.replace(name, new String(entry.getValue(), StandardCharsets.UTF_8));
      }
    }
    return filled.replace("${NOW}", Long.toString(System.currentTimeMillis() / 1000));
  }

  /// A target with what does not belong into a request line in percent signs.
  static String encoded(String target) {
    StringBuilder text = new StringBuilder();
    for (byte b : target.getBytes(StandardCharsets.UTF_8)) {
      text.append(
          b > ' ' && "\"<>[]^`{|}".indexOf(b) < 0
              ? String.valueOf((char) b)
              : String.format(Locale.ROOT, "%%%02X", b));
    }
    return text.toString();
  }

  private static String shortened(String text) {
    return text.substring(0, Math.min(text.length(), 300));
  }
}
