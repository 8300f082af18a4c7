package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.http.Handler;
import dev.gantry.http.Request;
import dev.gantry.http.Response;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.server.tracing.Tracing;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The table of routes, API versions in paths, and failures as statuses.
public final class Router implements Handler {
  /// Answers one route; `path` holds the parts that the pattern names.
  @FunctionalInterface
  public interface Route {
    void answer(HttpRequest request, HttpResponse response, Map<String, String> path)
        throws IOException;
  }

  private record Entry(
      String method, String text, Pattern pattern, List<String> names, Route route) {}

  private static final Pattern VERSION =
      Pattern.compile("^/v([0-9]{1,4})(?:\\.([0-9]{1,4}))?(?:\\.[0-9]+)?(/.*)$");
  private static final Pattern NAME = Pattern.compile("\\{([a-z]+)(:\\.\\*)?\\}");

  private final List<Entry> entries = new ArrayList<>();
  private final String server;
  private final Tracing tracing;

  Router(String engineVersion, Tracing tracing) {
    this.tracing = tracing;
    this.server = "Gantry/" + engineVersion + " (linux)";
  }

  /// Adds a route; `{name}` in the pattern is one part of the path, `{name:.*}` any rest.
  void on(String method, String pattern, Route route) {
    List<String> names = new ArrayList<>();
    Matcher m = NAME.matcher(pattern);
    StringBuilder regex = new StringBuilder("^");
    int at = 0;
    while (m.find()) {
      regex.append(Pattern.quote(pattern.substring(at, m.start())));
      regex.append(m.group(2) == null ? "([^/]+)" : "(.+)");
      names.add(m.group(1));
      at = m.end();
    }
    regex.append(Pattern.quote(pattern.substring(at))).append('$');
    entries.add(new Entry(method, pattern, Pattern.compile(regex.toString()), names, route));
  }

  @Override
  public void handle(Request request, Response response) throws IOException {
    Tracing.Span span = tracing.begin(request);
    try {
      handle(HttpRequest.of(request), new HttpResponse(response), span);
    } finally {
      span.end(response.status());
    }
  }

  private void handle(HttpRequest request, HttpResponse response, Tracing.Span span)
      throws IOException {
    if (request.path().contains("//") || request.path().contains("/../")) {
      response.header(
          "Location",
          java.nio.file.Path.of(request.path().replaceAll("/+", "/")).normalize().toString());
      response.empty(301);
      return;
    }
    response.header("Api-Version", ApiVersion.NEWEST.toString());
    response.header("Docker-Experimental", "false");
    response.header("Ostype", "linux");
    response.header("Server", server);
    if (request.method().equals("OPTIONS")) {
      response.empty(200);
      return;
    }
    HttpRequest at = request;
    Matcher version = VERSION.matcher(request.path());
    if (version.matches()) {
      String minor = version.group(2);
      ApiVersion asked =
          new ApiVersion(
              Integer.parseInt(version.group(1)), minor == null ? 0 : Integer.parseInt(minor));
      if (asked.compareTo(ApiVersion.OLDEST) < 0) {
        response.removeHeader("Docker-Experimental");
        response.header("X-Content-Type-Options", "nosniff");
        response.text(
            400,
            "text/plain; charset=utf-8",
            "client version "
                + (minor == null ? version.group(1) : asked)
                + " is too old. Minimum supported API version is "
                + ApiVersion.OLDEST
                + ", please upgrade your client to a newer version\n");
        return;
      }
      if (asked.compareTo(ApiVersion.NEWEST) > 0) {
        response.removeHeader("Docker-Experimental");
        error(
            response,
            400,
            "client version "
                + asked
                + " is too new. Maximum supported API version is "
                + ApiVersion.NEWEST);
        return;
      }
      at = request.at(version.group(3), asked);
    }
    route(at, response, span);
  }

  private void route(HttpRequest request, HttpResponse response, Tracing.Span span)
      throws IOException {
    for (Entry entry : entries) {
      if (!entry.method().equals(request.method())) {
        continue;
      }
      Matcher m = entry.pattern().matcher(request.path());
      if (m.matches()) {
        Map<String, String> path = new LinkedHashMap<>();
        for (int i = 0; i < entry.names().size(); i++) {
          path.put(entry.names().get(i), m.group(i + 1));
        }
        span.route(entry.text());
        answer(entry.route(), request, response, path);
        return;
      }
    }
    error(response.withoutVersion(), 404, "page not found");
  }

  private static void answer(
      Route route, HttpRequest request, HttpResponse response, Map<String, String> path)
      throws IOException {
    try {
      route.answer(request, response, path);
    } catch (Failure e) {
      if (!response.isStarted()) {
        fail(response, e);
      }
    } catch (JsonException e) {
      if (!response.isStarted()) {
        error(response, 400, "invalid JSON: " + e.text());
      }
    } catch (IOException e) {
      // as a rule the client has gone; if it has not, this tells why it got no answer
      System.getLogger("gantryd")
          .log(System.Logger.Level.DEBUG, "request broken off: " + request.path(), e);
      throw e;
    } catch (RuntimeException e) {
      System.getLogger("gantryd")
          .log(System.Logger.Level.ERROR, "request failed: " + request.path(), e);
      if (!response.isStarted()) {
        error(response, 500, "internal error: " + e);
      }
    }
  }

  static void fail(HttpResponse response, Failure e) throws IOException {
    if (e instanceof Failure.NotModified) {
      response.empty(304);
    } else {
      error(response, status(e), e.text());
    }
  }

  static int status(Failure failure) {
    return switch (failure) {
      case Failure.InvalidRequest f -> 400;
      case Failure.Unauthorized f -> 401;
      case Failure.Forbidden f -> 403;
      case Failure.NotFound f -> 404;
      case Failure.Conflict f -> 409;
      case Failure.NotModified f -> 304;
      case Failure.TooLarge f -> 413;
      case Failure.Unsupported f -> 501;
      case Failure.Unavailable f -> 503;
      case Failure.TimedOut f -> 500;
      case Failure.Cancelled f -> 500;
      case Failure.Corrupted f -> 500;
      case Failure.Internal f -> 500;
    };
  }

  static void error(HttpResponse response, int status, String message) throws IOException {
    response.json(status, Json.object().put("message", message));
  }
}
