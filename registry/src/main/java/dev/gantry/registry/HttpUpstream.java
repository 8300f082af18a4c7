package dev.gantry.registry;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A registry over HTTP: tokens or basic authentication as it asks for, redirects without carrying
/// credentials to another host.
final class HttpUpstream implements Upstream {
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final Duration ANSWER = Duration.ofSeconds(60);
  private static final int MOST_REDIRECTS = 5;
  private static final Pattern PARAMETER = Pattern.compile("([a-zA-Z_]+)=\"([^\"]*)\"");
  private static final String ACCEPT =
      String.join(
          ", ",
          MediaTypes.OCI_INDEX,
          MediaTypes.OCI_MANIFEST,
          MediaTypes.DOCKER_LIST,
          MediaTypes.DOCKER_MANIFEST);

  private final URI base;
  private final Optional<String> basic;
  private final Map<String, Token> tokens = new ConcurrentHashMap<>();
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  private record Token(String value, long until) {}

  /// @param credentials as `USER:PASSWORD`
  HttpUpstream(URI base, Optional<String> credentials) {
    this.base = base;
    this.basic =
        credentials.map(
            c -> "Basic " + Base64.getEncoder().encodeToString(c.getBytes(StandardCharsets.UTF_8)));
  }

  private URI uri(String repository, String rest) {
    String text = base.toString();
    return URI.create(
        (text.endsWith("/") ? text.substring(0, text.length() - 1) : text)
            + "/v2/"
            + repository
            + rest);
  }

  private HttpResponse<InputStream> send(
      String method, String repository, URI uri, Map<String, String> headers) throws IOException {
    String scope = "repository:" + repository + ":pull";
    HttpResponse<InputStream> answer = once(method, uri, headers, authorization(scope));
    if (answer.statusCode() == 401) {
      String challenge = answer.headers().firstValue("WWW-Authenticate").orElse("");
      answer.body().close();
      answer = once(method, uri, headers, authorize(challenge, scope));
    }
    for (int i = 0; i < MOST_REDIRECTS && isRedirect(answer.statusCode()); i++) {
      URI from = answer.uri();
      URI to = from.resolve(answer.headers().firstValue("Location").orElse(""));
      answer.body().close();
      boolean same =
          to.getAuthority() != null && to.getAuthority().equalsIgnoreCase(from.getAuthority());
      if ("https".equals(from.getScheme()) && !"https".equals(to.getScheme())) {
        throw new IOException("redirected from https to " + to.getScheme());
      }
      answer = once(method, to, headers, same ? authorization(scope) : Optional.empty());
    }
    return answer;
  }

  private static boolean isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }

  private HttpResponse<InputStream> once(
      String method, URI uri, Map<String, String> headers, Optional<String> authorization)
      throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .timeout(ANSWER)
            .method(method, HttpRequest.BodyPublishers.noBody());
    headers.forEach(request::header);
    authorization.ifPresent(a -> request.header("Authorization", a));
    try {
      return client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private Optional<String> authorization(String scope) {
    Token token = tokens.get(scope);
    if (token != null && System.nanoTime() - token.until() < 0) {
      return Optional.of(token.value());
    }
    return Optional.empty();
  }

  private Optional<String> authorize(String challenge, String scope) throws IOException {
    String authorization;
    long seconds = 3600;
    if (challenge.regionMatches(true, 0, "Bearer", 0, 6)) {
      Json.JsonObject answer = token(challenge, scope);
      authorization =
          "Bearer "
              + answer
                  .string("token")
                  .or(() -> answer.string("access_token"))
                  .orElseThrow(() -> new IOException("the token server gave no token"));
      seconds = Math.clamp(answer.number("expires_in", 60), 10, 3600) - 5L;
    } else if (basic.isPresent()) {
      authorization = basic.get();
    } else {
      return Optional.empty();
    }
    tokens.put(scope, new Token(authorization, System.nanoTime() + seconds * 1_000_000_000L));
    return Optional.of(authorization);
  }

  private Json.JsonObject token(String challenge, String scope) throws IOException {
    Map<String, String> said = new java.util.HashMap<>();
    Matcher matcher = PARAMETER.matcher(challenge);
    while (matcher.find()) {
      said.put(matcher.group(1), matcher.group(2));
    }
    String realm = said.getOrDefault("realm", "");
    URI uri =
        URI.create(
            realm
                + (realm.contains("?") ? "&" : "?")
                + "service="
                + encode(said.getOrDefault("service", ""))
                + "&scope="
                + encode(said.getOrDefault("scope", scope)));
    HttpResponse<InputStream> answer = once("GET", uri, Map.of(), basic);
    try (InputStream in = answer.body()) {
      String text = new String(in.readNBytes(1 << 20), StandardCharsets.UTF_8);
      if (answer.statusCode() != 200) {
        throw new IOException("the token server answered " + answer.statusCode());
      }
      return Json.parseObject(text);
    } catch (JsonException e) {
      throw new IOException("the token server's answer is no JSON", e);
    }
  }

  private static String encode(String text) {
    return java.net.URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  /// False where the thing is not there or not for us; other statuses are failures.
  private static boolean isFound(HttpResponse<InputStream> answer) throws IOException {
    return switch (answer.statusCode()) {
      case 200, 206 -> true;
      case 401, 403, 404 -> {
        answer.body().close();
        yield false;
      }
      default -> {
        answer.body().close();
        throw new IOException(answer.uri() + " answered " + answer.statusCode());
      }
    };
  }

  @Override
  public Optional<ContentDigest> resolve(String repository, String tag) throws IOException {
    HttpResponse<InputStream> answer =
        send("HEAD", repository, uri(repository, "/manifests/" + tag), Map.of("Accept", ACCEPT));
    if (!isFound(answer)) {
      return Optional.empty();
    }
    answer.body().close();
    Optional<String> digest = answer.headers().firstValue("Docker-Content-Digest");
    if (digest.isPresent()) {
      return digest.map(ContentDigest::parse);
    }
    return manifest(repository, tag).map(Found::digest);
  }

  @Override
  public Optional<Found> manifest(String repository, String reference) throws IOException {
    HttpResponse<InputStream> answer =
        send(
            "GET",
            repository,
            uri(repository, "/manifests/" + reference),
            Map.of("Accept", ACCEPT));
    if (!isFound(answer)) {
      return Optional.empty();
    }
    try (InputStream in = answer.body()) {
      byte[] bytes = in.readNBytes(Manifest.MOST_BYTES + 1);
      if (bytes.length > Manifest.MOST_BYTES) {
        throw new IOException("the manifest is over 4 MiB");
      }
      ContentDigest wanted =
          reference.contains(":") ? ContentDigest.parse(reference) : ContentDigest.of(bytes);
      ContentDigest digest = ContentDigest.of(wanted.algorithm(), bytes);
      if (!digest.equals(wanted)) {
        throw new IOException("asked for " + wanted + ", got " + digest);
      }
      String type = MediaTypes.plain(answer.headers().firstValue("Content-Type").orElse(""));
      return Optional.of(new Found(type, digest, bytes));
    }
  }

  @Override
  public Optional<Source> blob(String repository, ContentDigest digest, long offset)
      throws IOException {
    Map<String, String> range = offset == 0 ? Map.of() : Map.of("Range", "bytes=" + offset + "-");
    HttpResponse<InputStream> answer =
        send("GET", repository, uri(repository, "/blobs/" + digest), range);
    if (!isFound(answer)) {
      return Optional.empty();
    }
    long length = answer.headers().firstValueAsLong("Content-Length").orElse(-1);
    if (answer.statusCode() == 200 && offset > 0) {
      answer.body().skipNBytes(offset);
      return Optional.of(new Source(answer.body(), length));
    }
    return Optional.of(new Source(answer.body(), length < 0 ? -1 : length + offset));
  }

  @Override
  public Optional<Long> size(String repository, ContentDigest digest) throws IOException {
    HttpResponse<InputStream> answer =
        send("HEAD", repository, uri(repository, "/blobs/" + digest), Map.of());
    if (!isFound(answer)) {
      return Optional.empty();
    }
    answer.body().close();
    return answer.headers().firstValue("Content-Length").map(Long::parseLong);
  }

  @Override
  public Optional<Json.JsonObject> tags(String repository, String query) throws IOException {
    HttpResponse<InputStream> answer =
        send("GET", repository, uri(repository, "/tags/list" + query), Map.of());
    if (!isFound(answer)) {
      return Optional.empty();
    }
    try (InputStream in = answer.body()) {
      return Optional.of(
          Json.parseObject(new String(in.readNBytes(16 << 20), StandardCharsets.UTF_8)));
    } catch (JsonException e) {
      throw new IOException("the list of tags is no JSON", e);
    }
  }
}
