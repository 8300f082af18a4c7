package dev.gantry.registry;

import dev.gantry.http.Request;
import dev.gantry.http.Response;
import dev.gantry.json.Json;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// A request at work: what came, what goes back, who asks.
record Call(Request request, Response response, Identity identity) {
  private static final int MOST_PER_PAGE = 10_000;

  /// The page that the client wants: `n` entries after `last`.
  record Page(int size, String after) {}

  Page page(int size) {
    Optional<String> n = request.parameter("n");
    int wanted = size;
    if (n.isPresent()) {
      if (!n.get().matches("[0-9]{1,9}")) {
        throw new RegistryError(
            ErrorCode.PAGINATION_NUMBER_INVALID, "n is not a number of entries: " + n.get());
      }
      wanted = Math.min(Integer.parseInt(n.get()), MOST_PER_PAGE);
    }
    return new Page(wanted, request.parameter("last").orElse(""));
  }

  /// Says where the next page is (RFC 8288).
  void linkNext(String path, int size, String last) {
    String parameters = "n=" + size + "&last=" + URLEncoder.encode(last, StandardCharsets.UTF_8);
    response.header("Link", "<" + path + "?" + parameters + ">; rel=\"next\"");
  }

  void json(int status, String type, Json value) throws IOException {
    response.header("Content-Type", type);
    response.send(status, value.text().getBytes(StandardCharsets.UTF_8));
  }

  void json(int status, Json value) throws IOException {
    json(status, "application/json", value);
  }

  /// True where the client has this content already.
  boolean isCached(ContentDigest digest) {
    String tags = request.header("If-None-Match").orElse("");
    return tags.contains("\"" + digest + "\"") || tags.strip().equals(digest.toString());
  }

  boolean isGet() {
    return !response.isHead();
  }
}
