package dev.gantry.registryclient;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.registryclient.Wire.Answer;
import dev.gantry.registryclient.Wire.Call;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Requests to one registry on somebody's behalf: answers its challenges (basic, and bearer tokens
/// of the distribution project's token specification). Thread-safe.
final class Session {
  private static final int MAX_TOKEN = 1 << 20;
  private static final long MIN_LIFE = 60; // seconds; the specification's own default

  private record Token(String header, Instant until) {}

  private final Wire wire;
  private final URI base;
  private final boolean insecure;
  private final Credentials credentials;
  private final Map<String, Token> tokens = new TreeMap<>();
  private String identityToken = "";

  Session(Wire wire, URI base, boolean insecure, Credentials credentials) {
    this.wire = wire;
    this.base = base;
    this.insecure = insecure;
    this.credentials = credentials;
  }

  /// Sends a request to this registry.
  ///
  /// @param scopes what the request needs, as `repository:library/debian:pull`
  Answer send(
      String method,
      URI uri,
      Map<String, String> headers,
      Wire.@Nullable Upload body,
      List<String> scopes) {
    boolean own =
        base.getScheme().equals(uri.getScheme())
            && String.valueOf(base.getAuthority()).equals(uri.getAuthority());
    String key = String.join(" ", scopes);
    String authorization = own ? known(key) : "";
    Call call = new Call(method, uri, headers, authorization, body, insecure);
    Answer answer = wire.send(call);
    // an answer of another host, after a redirect, is no business of our credentials
    boolean asked =
        String.valueOf(answer.uri().getAuthority()).equals(String.valueOf(base.getAuthority()));
    if (answer.status() != 401 || !own || !asked) {
      return answer;
    }
    List<Challenge> challenges = new ArrayList<>();
    answer
        .headers()
        .allValues("WWW-Authenticate")
        .forEach(h -> challenges.addAll(Challenge.parse(h)));
    byte[] start = answer.start();
    answer.close();
    Optional<String> next = authorization(challenges, scopes, key, call);
    if (next.isEmpty() || next.get().equals(authorization)) {
      throw Refusal.of(401, answer.headers(), start, call.shown());
    }
    return wire.send(new Call(method, uri, headers, next.get(), body, insecure));
  }

  private synchronized String known(String key) {
    Token token = tokens.get(key);
    if (token != null && token.until().isAfter(Instant.now())) {
      return token.header();
    }
    return credentials.registryToken().isEmpty() ? "" : "Bearer " + credentials.registryToken();
  }

  /// What a login has brought; empty for none.
  synchronized String identityToken() {
    return identityToken;
  }

  private synchronized Optional<String> authorization(
      List<Challenge> challenges, List<String> scopes, String key, Call call) {
    for (Challenge c : challenges) {
      if (c.scheme().equals("bearer")) {
        Token token = fetch(c, scopes);
        tokens.put(key, token);
        return Optional.of(token.header());
      }
    }
    for (Challenge c : challenges) {
      if (c.scheme().equals("basic")) {
        if (credentials.username().isEmpty()) {
          throw Trouble.answer(
              new Failure.Unauthorized(call.shown() + ": no basic auth credentials"),
              Trouble.Cure.ELSEWHERE,
              java.time.Duration.ZERO);
        }
        tokens.put(key, new Token(credentials.basic(), Instant.MAX));
        return Optional.of(credentials.basic());
      }
    }
    return Optional.empty();
  }

  // ---- tokens (distribution "Token Authentication Specification")

  private Token fetch(Challenge challenge, List<String> scopes) {
    URI realm = realm(challenge);
    List<String> wanted = new ArrayList<>(scopes);
    for (String scope : challenge.parameter("scope").split(" ")) {
      // a pull,push that we ask for already covers the pull that it wants
      boolean covered = wanted.stream().anyMatch(s -> s.equals(scope) || covers(s, scope));
      if (!scope.isEmpty() && !covered) {
        wanted.add(scope);
      }
    }
    boolean oauth = !credentials.identityToken().isEmpty();
    StringBuilder query = new StringBuilder();
    if (oauth) {
      parameter(query, "grant_type", "refresh_token");
      parameter(query, "refresh_token", credentials.identityToken());
    } else if (!credentials.username().isEmpty()) {
      parameter(query, "account", credentials.username());
    }
    if (oauth || wanted.isEmpty()) {
      parameter(query, "client_id", "gantry");
    }
    if (!oauth && wanted.isEmpty() && !credentials.username().isEmpty()) {
      parameter(query, "offline_token", "true"); // a login: it may bring an identity token
    }
    if (!challenge.parameter("service").isEmpty()) {
      parameter(query, "service", challenge.parameter("service"));
    }
    if (oauth) {
      parameter(query, "scope", String.join(" ", wanted));
    } else {
      wanted.forEach(s -> parameter(query, "scope", s));
    }
    Call call = oauth ? post(realm, query.toString()) : get(realm, query.toString());
    try (Answer answer = wire.send(call)) {
      if (!answer.isGood()) {
        throw Refusal.of(answer.status(), answer.headers(), answer.start(), call.shown());
      }
      return read(Json.parseObject(new String(answer.bytes(MAX_TOKEN), StandardCharsets.UTF_8)));
    } catch (IOException | JsonException e) {
      throw new Trouble(
          new Failure.Internal(
              "the token service " + realm.getHost() + " answered nonsense: " + e.getMessage(), e),
          Trouble.Cure.ELSEWHERE);
    }
  }

  private static boolean covers(String has, String wanted) {
    int h = has.lastIndexOf(':');
    int w = wanted.lastIndexOf(':');
    return h > 0
        && w > 0
        && has.substring(0, h).equals(wanted.substring(0, w))
        && List.of(has.substring(h + 1).split(","))
            .containsAll(List.of(wanted.substring(w + 1).split(",")));
  }

  private URI realm(Challenge challenge) {
    try {
      URI realm = URI.create(challenge.parameter("realm"));
      boolean fits =
          "https".equals(realm.getScheme())
              || "http".equals(realm.getScheme()) && (insecure || "http".equals(base.getScheme()));
      if (fits && realm.getHost() != null) {
        return realm;
      }
    } catch (IllegalArgumentException e) {
      throw refused(challenge);
    }
    throw refused(challenge);
  }

  private Trouble refused(Challenge challenge) {
    return new Trouble(
        new Failure.Forbidden(
            base.getHost() + " names an unsafe token service: " + challenge.parameter("realm")),
        Trouble.Cure.ELSEWHERE);
  }

  private Call get(URI realm, String query) {
    String text = realm.toString();
    URI uri = URI.create(text + (text.contains("?") ? "&" : "?") + query);
    return new Call(
        "GET",
        uri,
        Map.of(),
        credentials.username().isEmpty() ? "" : credentials.basic(),
        null,
        insecure);
  }

  private Call post(URI realm, String form) {
    byte[] bytes = form.getBytes(StandardCharsets.UTF_8);
    return new Call(
        "POST",
        realm,
        Map.of("Content-Type", "application/x-www-form-urlencoded"),
        "",
        Remote.upload(bytes),
        insecure);
  }

  private static void parameter(StringBuilder query, String name, String value) {
    query
        .append(query.isEmpty() ? "" : "&")
        .append(name)
        .append('=')
        .append(URLEncoder.encode(value, StandardCharsets.UTF_8));
  }

  private Token read(Json.JsonObject answer) {
    String token = answer.string("token", "");
    if (token.isEmpty()) {
      token = answer.string("access_token", "");
    }
    if (token.isEmpty()) {
      throw new JsonException("it has no token");
    }
    if (!answer.string("refresh_token", "").isEmpty()) {
      identityToken = answer.string("refresh_token", "");
    }
    long life = Math.max(MIN_LIFE, answer.number("expires_in", MIN_LIFE));
    return new Token("Bearer " + token, Instant.now().plusSeconds(life * 9 / 10));
  }
}
