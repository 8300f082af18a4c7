package dev.gantry.build;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// A file behind an HTTP URL, as builds fetch it: redirects followed, a limit of size and time.
public final class RemoteFile {
  private static final long MOST = 8L << 30;
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration START = Duration.ofMinutes(5); // before the speed counts
  private static final long SLOWEST = 10_000; // bytes a second, all in all
  private static final int MOST_REDIRECTS = 10;
  private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);

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

  /// Fetches `url` into the file `to`, which is overwritten. A login goes to the URL's own host and
  /// to no other that it leads to.
  ///
  /// @param client whose secrets `HTTP_AUTH_HEADER_host` and `HTTP_AUTH_TOKEN_host` open the server
  /// @throws IllegalArgumentException if it is no URL
  /// @throws Refused if the server's status is not 200
  public static Answer fetch(String url, BuildClient client, Path to)
      throws IOException, InterruptedException {
    URI uri = URI.create(url);
    if (uri.getHost() == null) {
      throw new IllegalArgumentException("it names no host");
    }
    Optional<String> login = authorization(client, uri.getHost());
    URI at = uri;
    try (HttpClient http =
        HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(PATIENCE)
            .build()) {
      for (int i = 0; i < MOST_REDIRECTS; i++) {
        HttpRequest.Builder request = HttpRequest.newBuilder(at).timeout(PATIENCE).GET();
        if (login.isPresent() && sameServer(uri, at)) {
          request.header("Authorization", login.get());
        }
        HttpResponse<InputStream> answer = send(http, request.build());
        try (InputStream body = answer.body()) {
          Optional<URI> next = redirected(at, answer);
          if (next.isPresent()) {
            at = next.get();
            continue;
          }
          if (answer.statusCode() != 200) {
            throw new Refused(url, answer.statusCode());
          }
          save(body, to, url);
        }
        String type = answer.headers().firstValue("Content-Type").orElse("");
        return new Answer(type.toLowerCase(Locale.ROOT), modified(answer.headers()));
      }
    }
    throw new IOException(url + " leads from one address to another without an end");
  }

  private static HttpResponse<InputStream> send(HttpClient http, HttpRequest request)
      throws IOException, InterruptedException {
    try {
      return http.send(request, HttpResponse.BodyHandlers.ofInputStream());
    } catch (ConnectException e) { // which as a rule says nothing of its own
      // without the login that may stand before the host
      String authority = request.uri().getRawAuthority();
      throw new IOException(
          "nobody answers at " + authority.substring(authority.lastIndexOf('@') + 1), e);
    }
  }

  private static boolean sameServer(URI one, URI other) {
    return one.getScheme().equalsIgnoreCase(other.getScheme())
        && one.getRawAuthority().equalsIgnoreCase(other.getRawAuthority());
  }

  /// Where the answer sends us; never from https to http.
  private static Optional<URI> redirected(URI at, HttpResponse<?> answer) throws IOException {
    Optional<String> location = answer.headers().firstValue("Location");
    if (!REDIRECTS.contains(answer.statusCode()) || location.isEmpty()) {
      return Optional.empty();
    }
    URI next = at.resolve(location.get());
    boolean plain = "http".equalsIgnoreCase(next.getScheme()) && !isSecure(at);
    if (next.getHost() == null || !isSecure(next) && !plain) {
      throw new IOException(at + " leads to " + next + ", which is not followed");
    }
    return Optional.of(next);
  }

  private static boolean isSecure(URI uri) {
    return "https".equalsIgnoreCase(uri.getScheme());
  }

  private static Optional<String> authorization(BuildClient client, String host)
      throws IOException {
    Optional<byte[]> header = client.secret("HTTP_AUTH_HEADER_" + host);
    if (header.isPresent()) {
      return Optional.of(new String(header.get(), StandardCharsets.UTF_8).strip());
    }
    return client
        .secret("HTTP_AUTH_TOKEN_" + host)
        .map(token -> "Bearer " + new String(token, StandardCharsets.UTF_8).strip());
  }

  private static void save(InputStream body, Path file, String url) throws IOException {
    byte[] buffer = new byte[128 * 1024];
    long began = System.nanoTime();
    long length = 0;
    try (OutputStream out = Files.newOutputStream(file);
        Patience patience = new Patience(body)) {
      for (int n = patience.read(buffer); n > 0; n = patience.read(buffer)) {
        length += n;
        if (length > MOST) {
          throw new IOException(url + " is larger than " + (MOST >> 30) + " GiB");
        }
        long most = START.plusSeconds(length / SLOWEST).toNanos();
        if (System.nanoTime() - began > most) {
          throw new IOException(url + " comes with less than " + SLOWEST + " bytes a second");
        }
        out.write(buffer, 0, n);
      }
    }
  }

  /// Ends the reading of a body of which nothing comes any more.
  private static final class Patience implements AutoCloseable {
    private final InputStream body;
    private final Thread watch;
    private volatile long last = System.nanoTime();
    private volatile boolean over;

    Patience(InputStream body) {
      this.body = body;
      this.watch = Thread.ofVirtual().name("download").start(this::watch);
    }

    int read(byte[] buffer) throws IOException {
      try {
        int n = body.read(buffer);
        last = System.nanoTime();
        return n;
      } catch (IOException e) {
        throw over ? new IOException("nothing came for " + PATIENCE.toSeconds() + " s", e) : e;
      }
    }

    private void watch() {
      try {
        while (System.nanoTime() - last < PATIENCE.toNanos()) {
          Thread.sleep(1000);
        }
        over = true;
        body.close();
      } catch (InterruptedException e) {
        return; // all of it has come
      } catch (IOException e) {
        System.getLogger("gantryd").log(System.Logger.Level.DEBUG, "could not close", e);
      }
    }

    @Override
    public void close() {
      watch.interrupt();
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
