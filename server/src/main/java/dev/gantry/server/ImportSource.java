package dev.gantry.server;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// Where the files of an imported image come from: the request's body, or an address that the
/// engine asks itself.
///
/// @param bytes a tar stream, packed or not
record ImportSource(InputStream bytes, @Nullable HttpClient client) implements AutoCloseable {
  private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(60);

  /// Opens what the request's `fromSrc` names: `-`, or a URL whose scheme may be left out.
  ///
  /// @throws Failure.InvalidRequest if there is nothing to be had
  static ImportSource open(HttpRequest q) {
    String source = q.text("fromSrc");
    return source.equals("-") ? new ImportSource(q.body(), null) : fetch(source);
  }

  private static ImportSource fetch(String source) {
    String address = source.contains("://") ? source : "http://" + source;
    String asked = "Get \"" + address + "\": ";
    URI uri;
    try {
      uri = URI.create(address);
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest(asked + "invalid URL", null, e);
    }
    if (uri.getHost() == null) {
      throw new Failure.InvalidRequest(asked + "http: no Host in request URL");
    }
    if (!"http".equals(uri.getScheme()) && !"https".equals(uri.getScheme())) {
      throw new Failure.InvalidRequest(
          asked + "unsupported protocol scheme \"" + uri.getScheme() + "\"");
    }
    HttpClient client =
        HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NORMAL)
            .connectTimeout(ANSWERS_WITHIN)
            .build();
    try {
      HttpResponse<InputStream> answer =
          client.send(
              java.net.http.HttpRequest.newBuilder(uri).timeout(ANSWERS_WITHIN).build(),
              HttpResponse.BodyHandlers.ofInputStream());
      if (answer.statusCode() >= 400) {
        answer.body().close();
        throw new Failure.InvalidRequest("Got HTTP status code >= 400: " + answer.statusCode());
      }
      return new ImportSource(answer.body(), client);
    } catch (IOException e) {
      client.shutdownNow();
      throw new Failure.InvalidRequest(asked + why(e, uri), null, e);
    } catch (Failure e) {
      client.shutdownNow();
      throw e;
    } catch (InterruptedException e) {
      client.shutdownNow();
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while fetching " + address);
    }
  }

  private static String why(IOException e, URI uri) {
    if (!(e instanceof ConnectException)) {
      return String.valueOf(e.getMessage());
    }
    if (e.getCause() != null && e.getCause().getCause() instanceof UnresolvedAddressException) {
      return "dial tcp: lookup " + uri.getHost() + ": no such host";
    }
    int port = uri.getPort() > 0 ? uri.getPort() : uri.getScheme().equals("https") ? 443 : 80;
    return "dial tcp " + uri.getHost() + ":" + port + ": connect: connection refused";
  }

  @Override
  public void close() {
    if (client != null) {
      client.shutdownNow();
    }
  }
}
