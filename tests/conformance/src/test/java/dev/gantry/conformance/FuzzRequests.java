package dev.gantry.conformance;

import dev.gantry.json.Json;
import java.io.ByteArrayOutputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Makes requests that are wrong in one or several points: method, id, query, headers, body, size.
final class FuzzRequests {
  record Endpoint(String method, String path, List<String> parameters) {}

  /// The bytes of a whole request.
  record Sent(byte[] bytes) {
    @Override
    public String toString() {
      String text = new String(bytes, StandardCharsets.US_ASCII).replace('\0', '?');
      String shown = text.substring(0, Math.min(text.length(), 400));
      return shown.replace("\r\n", "\\r\\n") + (text.length() > 400 ? "…" : "");
    }
  }

  private static final List<String> TEXTS =
      List.of(
          "",
          " ",
          "x",
          "-1",
          "0",
          "1",
          "2",
          "true",
          "999999999999999999999",
          "1e400",
          "NaN",
          "null",
          "[]",
          "{}",
          "{\"a\":",
          "{\"label\":[\"a=b\"]}",
          "{\"until\":[\"x\"]}",
          "{\"name\":[\"[\"]}",
          "{\"foo\":{\"bar\":true}}",
          "{\"dangling\":[\"maybe\"]}",
          "../../etc/passwd",
          "/",
          "a/b",
          "%",
          "\u0000",
          "\n",
          "ä🐳",
          "sha256:abc",
          "fuzz-runs",
          "fuzz-made",
          "fuzz-volume",
          "fuzzed:1",
          "a:b:c:d",
          "::",
          "@",
          "A@sha256:00",
          "-h",
          "--",
          "*",
          "\\",
          "\"",
          "'");

  private static final List<String> IDS =
      List.of(
          "fuzz-runs",
          "fuzz-made",
          "fuzz-volume",
          "fuzzed:1",
          "bridge",
          "none",
          "nope",
          "..",
          ".",
          "%2e%2e",
          "%2F",
          "%00",
          "%",
          "%zz",
          "a%20b",
          "%F0%9F%90%B3",
          "-",
          "*",
          "json",
          "prune",
          "0000000000000000000000000000000000000000000000000000000000000000",
          "sha256:00",
          "A".repeat(300),
          "a/b/c");

  private static final List<String> HEADERS =
      List.of(
          "Content-Type: text/plain",
          "Content-Type: ",
          "Content-Type: application/json; charset",
          "Content-Type: application/x-tar",
          "X-Registry-Auth: !!!",
          "X-Registry-Config: bm90anNvbg==",
          "Accept: nothing/at-all",
          "Expect: 200-maybe",
          "Upgrade: h2c\r\nConnection: Upgrade",
          "Upgrade: websocket\r\nConnection: Upgrade",
          "Range: bytes=9-1",
          "If-None-Match: *",
          "Content-Encoding: gzip",
          "X-" + "y".repeat(3000) + ": z",
          "Accept-Encoding: \u00e4");

  private final Random random;
  private final Json.JsonObject bodies = Json.parseObject(FuzzIT.resource("/fuzz/bodies.json"));

  FuzzRequests(Random random) {
    this.random = random;
  }

  static List<Endpoint> endpoints() {
    return FuzzIT.resource("/fuzz/endpoints.tsv")
        .lines()
        .filter(line -> !line.startsWith("#"))
        .map(line -> line.split("\t", -1))
        .map(c -> new Endpoint(c[0], c[1], c[2].isEmpty() ? List.of() : List.of(c[2].split(","))))
        .toList();
  }

  Sent next(Endpoint endpoint) {
    String method =
        chance(20)
            ? any(List.of("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"))
            : endpoint.method();
    byte[] body = body(endpoint, method);
    StringBuilder head = new StringBuilder(method).append(' ').append(target(endpoint));
    head.append(" HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n");
    boolean typed = false;
    for (int i = random.nextInt(3); i > 0; i--) {
      String header = any(HEADERS);
      if (!typed || !header.startsWith("Content-Type")) {
        head.append(header).append("\r\n");
      }
      typed |= header.startsWith("Content-Type");
    }
    if (!typed && body.length > 0) {
      head.append("Content-Type: application/json\r\n");
    }
    return new Sent(whole(head, body));
  }

  private byte[] whole(StringBuilder head, byte[] body) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    boolean chunked = chance(10);
    head.append(
        chunked
            ? "Transfer-Encoding: chunked\r\n\r\n"
            : "Content-Length: " + body.length + "\r\n\r\n");
    all.writeBytes(head.toString().getBytes(StandardCharsets.UTF_8));
    if (chunked && body.length > 0) {
      all.writeBytes((Integer.toHexString(body.length) + "\r\n").getBytes(StandardCharsets.UTF_8));
      all.writeBytes(body);
      all.writeBytes("\r\n".getBytes(StandardCharsets.UTF_8));
    } else if (!chunked) {
      all.writeBytes(body);
    }
    if (chunked) {
      all.writeBytes("0\r\n\r\n".getBytes(StandardCharsets.UTF_8));
    }
    return all.toByteArray();
  }

  private String target(Endpoint endpoint) {
    String version =
        chance(70) ? "/v1.56" : any(List.of("", "/v1.24", "/v1.41", "/v1.44", "/v1.47", "/v1.51"));
    String path = endpoint.path();
    while (path.contains("{")) {
      path =
          path.substring(0, path.indexOf('{')) + any(IDS) + path.substring(path.indexOf('}') + 1);
    }
    List<String> query = new ArrayList<>();
    for (String parameter : endpoint.parameters()) {
      if (chance(50) && !(parameter.equals("fromImage") || parameter.equals("remote"))) {
        query.add(parameter + "=" + URLEncoder.encode(value(), StandardCharsets.UTF_8));
      }
    }
    if (chance(5)) {
      query.add("%zz=%");
    }
    return version + path + (query.isEmpty() ? "" : "?" + String.join("&", query));
  }

  private String value() {
    return chance(3) ? "z".repeat(9000) : any(TEXTS);
  }

  // ---- bodies

  private byte[] body(Endpoint endpoint, String method) {
    if (method.equals("GET") || method.equals("HEAD") || chance(10)) {
      return new byte[0];
    }
    Json base = bodies.get(endpoint.path());
    if (base == null || chance(10)) {
      return rubbish();
    }
    Json body = base.copy();
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      body = changed(body, random.nextInt(4));
    }
    byte[] bytes = body.text().getBytes(StandardCharsets.UTF_8);
    return chance(10) ? java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
  }

  private byte[] rubbish() {
    return switch (random.nextInt(7)) {
      case 0 -> new byte[] {0, 1, 2, (byte) 0xff, (byte) 0xfe};
      case 1 -> "[".repeat(100_000).getBytes(StandardCharsets.UTF_8);
      case 2 -> "{\"a\":".repeat(20_000).getBytes(StandardCharsets.UTF_8);
      case 3 -> "[1,2,3]".getBytes(StandardCharsets.UTF_8);
      case 4 -> "{} {}".getBytes(StandardCharsets.UTF_8);
      case 5 -> ("\"" + "x".repeat(200_000) + "\"").getBytes(StandardCharsets.UTF_8);
      default -> "{\"\\ud800\":\"\\u0000\"}".getBytes(StandardCharsets.UTF_8);
    };
  }

  /// `json` with one value in it replaced, removed or added; `depth` steps down where there are
  /// any.
  private Json changed(Json json, int depth) {
    if (json instanceof Json.JsonObject object && !object.isEmpty()) {
      String key = any(List.copyOf(object.members().keySet()));
      Json.JsonObject copy = Json.object();
      for (var member : object.members().entrySet()) {
        if (!member.getKey().equals(key)) {
          copy.put(member.getKey(), member.getValue());
        } else if (depth > 0) {
          copy.put(key, changed(member.getValue(), depth - 1));
        } else if (!chance(20)) {
          copy.put(chance(10) ? any(TEXTS) : key, odd());
        }
      }
      return copy;
    }
    if (json instanceof Json.JsonArray array && depth > 0 && !array.items().isEmpty()) {
      Json.JsonArray copy = Json.array();
      int at = random.nextInt(array.items().size());
      for (int i = 0; i < array.items().size(); i++) {
        copy.add(i == at ? changed(array.items().get(i), depth - 1) : array.items().get(i));
      }
      return copy;
    }
    return odd();
  }

  private Json odd() {
    return switch (random.nextInt(9)) {
      case 0 -> Json.NULL;
      case 1 -> Json.of(-1L);
      case 2 -> Json.of(Long.MAX_VALUE);
      case 3 -> Json.array();
      case 4 -> Json.object();
      case 5 -> Json.array().add(any(TEXTS)).add(1).add(Json.NULL);
      case 6 -> Json.object().put(any(TEXTS), any(TEXTS));
      case 7 -> Json.of("z".repeat(5000));
      default -> Json.of(any(TEXTS));
    };
  }

  private boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  private <T> T any(List<T> list) {
    return list.get(random.nextInt(list.size()));
  }
}
