package dev.gantry.build;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A file behind an HTTP URL, as builds fetch it: redirects followed, a limit of size and time.
public final class RemoteFile {
  private static final long MOST = 8L << 30;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /// What came back.
  ///
  /// @param type the media type in lower case; empty if none was said
  /// @param modified when it was last changed, if the server said so
  public record Answer(String type, Optional<Instant> modified) {}

  /// The server has answered with another status than 200.
  public static final class Refused extends IOException {
    private static final long serialVersionUID = 1L;
    private final int status;

    Refused(String url, int status) {
      super("invalid response status " + status + " from " + url);
      this.status = status;
    }

    public int status() {
      return status;
    }
  }

  private RemoteFile() {}

  static boolean isUrl(String source) {
    return source.startsWith("http://") || source.startsWith("https://");
  }

  /// Fetches `url` into the file `to`, which is overwritten.
  ///
  /// @param headers to send with it
  /// @throws IllegalArgumentException if it is no URL
  /// @throws Refused if the server's status is not 200
  public static Answer fetch(String url, Map<String, String> headers, Path to)
      throws IOException, InterruptedException {
    URI uri = URI.create(url);
    if (uri.getHost() == null) {
      throw new IllegalArgumentException("it names no host");
    }
    HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(PATIENCE).GET();
    headers.forEach(request::header);
    try (HttpClient client =
        HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NORMAL)
            .connectTimeout(PATIENCE)
            .build()) {
      HttpResponse<InputStream> answer =
          client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream body = answer.body()) {
        if (answer.statusCode() != 200) {
          throw new Refused(url, answer.statusCode());
        }
        save(body, to, url);
      }
      String type = answer.headers().firstValue("Content-Type").orElse("");
      return new Answer(type.toLowerCase(Locale.ROOT), modified(answer.headers()));
    }
  }

  private static void save(InputStream body, Path file, String url) throws IOException {
    byte[] buffer = new byte[128 * 1024];
    long left = MOST;
    try (OutputStream out = Files.newOutputStream(file)) {
      for (int n = body.read(buffer); n > 0; n = body.read(buffer)) {
        left -= n;
        if (left < 0) {
          throw new IOException(url + " is larger than " + (MOST >> 30) + " GiB");
        }
        out.write(buffer, 0, n);
      }
    }
  }

  private static Optional<Instant> modified(HttpHeaders headers) {
    try {
      return headers
          .firstValue("Last-Modified")
          .map(t -> ZonedDateTime.parse(t, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
    } catch (DateTimeParseException e) {
      return Optional.empty(); // it says nothing that can be read
    }
  }
}
