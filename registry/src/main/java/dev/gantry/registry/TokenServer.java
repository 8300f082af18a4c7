package dev.gantry.registry;

import dev.gantry.base.Ids;
import dev.gantry.http.Request;
import dev.gantry.http.Response;
import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/// Our own token server at `/token`: users come from the password file, rights from the policy.
/// `GET` is Docker's token protocol, `POST` its OAuth 2 form with passwords and refresh tokens.
final class TokenServer extends TokenAuthentication {
  static final String PATH = "/token";
  private static final Duration LIFE = Duration.ofMinutes(5);
  private static final Duration REFRESH_LIFE = Duration.ofDays(90);
  private static final int MOST_FORM = 64 * 1024;
  private static final int MOST_SCOPES = 100;

  private final String service;
  private final Jwt.Secret secret;
  private final Passwords passwords;
  private final Supplier<Policy> policy;
  private final InstantSource clock;

  TokenServer(
      String service,
      Jwt.Secret secret,
      Passwords passwords,
      Supplier<Policy> policy,
      InstantSource clock) {
    super(PATH, service, service, List.of(secret), clock);
    this.service = service;
    this.secret = secret;
    this.passwords = passwords;
    this.policy = policy;
    this.clock = clock;
  }

  @Override
  public boolean answers(Request request, Response response) throws IOException {
    if (!request.path().equals(PATH)) {
      return false;
    }
    switch (request.method()) {
      case "GET" -> get(request, response);
      case "POST" -> post(request, response);
      default -> throw new RegistryError(ErrorCode.UNSUPPORTED, "tokens come by GET and POST");
    }
    return true;
  }

  private void get(Request request, Response response) throws IOException {
    Optional<BasicAuthentication.Credentials> given = BasicAuthentication.Credentials.of(request);
    String user = "";
    if (given.isPresent()) {
      user = given.get().user();
      check(passwords.accept(user, given.get().password()));
    } else if (request.header("Authorization").isPresent()) {
      check(false);
    }
    boolean offline = request.parameter("offline_token").filter("true"::equals).isPresent();
    Json.JsonObject answer = answer(user, request.parameters("scope"));
    if (offline && !user.isEmpty()) {
      answer.put("refresh_token", refreshToken(user));
    }
    send(response, answer);
  }

  private void post(Request request, Response response) throws IOException {
    byte[] body = request.body().readNBytes(MOST_FORM + 1);
    if (body.length > MOST_FORM) {
      throw new RegistryError(ErrorCode.DENIED, "the form is over 64 KiB");
    }
    Map<String, List<String>> form = Request.parseQuery(new String(body, StandardCharsets.UTF_8));
    String user;
    String refresh;
    switch (first(form, "grant_type")) {
      case "password" -> {
        user = first(form, "username");
        check(passwords.accept(user, first(form, "password")));
        refresh = first(form, "access_type").equals("offline") ? refreshToken(user) : "";
      }
      case "refresh_token" -> {
        refresh = first(form, "refresh_token");
        user = userOf(refresh);
      }
      default ->
          throw new RegistryError(
              ErrorCode.UNSUPPORTED, "grant_type is neither password nor refresh_token");
    }
    Json.JsonObject answer = answer(user, form.getOrDefault("scope", List.of()));
    if (!refresh.isEmpty()) {
      answer.put("refresh_token", refresh);
    }
    send(response, answer);
  }

  private static String first(Map<String, List<String>> form, String key) {
    return form.getOrDefault(key, List.of("")).getFirst();
  }

  private static void check(boolean right) {
    if (!right) {
      throw new RegistryError(ErrorCode.UNAUTHORIZED, "unknown user or wrong password");
    }
  }

  private static void send(Response response, Json.JsonObject answer) throws IOException {
    response.header("Content-Type", "application/json").header("Cache-Control", "no-store");
    response.send(200, answer.text().getBytes(StandardCharsets.UTF_8));
  }

  private Json.JsonObject answer(String user, List<String> scopes) {
    Instant now = clock.instant();
    Json.JsonObject claims =
        claims(user, now, LIFE).put("aud", service).put("access", access(user, scopes));
    String token = Jwt.signed(claims, secret);
    return Json.object()
        .put("token", token)
        .put("access_token", token)
        .put("expires_in", LIFE.toSeconds())
        .put("issued_at", now.truncatedTo(java.time.temporal.ChronoUnit.SECONDS).toString());
  }

  private Json.JsonObject claims(String user, Instant now, Duration life) {
    return Json.object()
        .put("iss", service)
        .put("sub", user)
        .put("iat", now.getEpochSecond())
        .put("nbf", now.getEpochSecond())
        .put("exp", now.plus(life).getEpochSecond())
        .put("jti", Ids.next());
  }

  /// A token of another audience, so that it opens no repository by itself.
  private String refreshToken(String user) {
    return Jwt.signed(
        claims(user, clock.instant(), REFRESH_LIFE).put("aud", service + "#refresh"), secret);
  }

  private String userOf(String refresh) {
    return Jwt.verified(refresh, List.of(secret), clock.instant())
        .filter(c -> c.string("aud", "").equals(service + "#refresh"))
        .flatMap(c -> c.string("sub"))
        .orElseThrow(
            () -> new RegistryError(ErrorCode.UNAUTHORIZED, "the refresh token is not valid"));
  }

  /// What of the scopes asked for the user may have; nothing at all is an answer too.
  private Json.JsonArray access(String user, List<String> scopes) {
    Map<String, Set<Right>> wanted = new HashMap<>();
    boolean catalog = false;
    List<String> each = new ArrayList<>();
    scopes.forEach(s -> each.addAll(List.of(s.split(" "))));
    for (String scope : each.subList(0, Math.min(each.size(), MOST_SCOPES))) {
      int begin = scope.indexOf(':');
      int end = scope.lastIndexOf(':');
      if (begin < 0 || begin == end) {
        continue;
      }
      String name = scope.substring(begin + 1, end);
      List<String> actions = List.of(scope.substring(end + 1).split(","));
      if (scope.startsWith("repository")) {
        wanted.computeIfAbsent(name, n -> EnumSet.noneOf(Right.class)).addAll(rights(actions));
      } else if (scope.startsWith(CATALOG)) {
        catalog = true;
      }
    }
    Json.JsonArray access = Json.array();
    wanted.forEach(
        (name, rights) -> {
          Set<Right> mine = EnumSet.copyOf(rights.isEmpty() ? EnumSet.noneOf(Right.class) : rights);
          try {
            mine.retainAll(policy.get().rights(user, new RepositoryName(name)));
          } catch (RegistryError e) {
            mine.clear(); // not a name
          }
          if (!mine.isEmpty()) {
            access.add(
                Json.object()
                    .put("type", "repository")
                    .put("name", name)
                    .put("actions", Json.strings(mine.stream().map(Right::word).toList())));
          }
        });
    if (catalog && !user.isEmpty()) {
      access.add(
          Json.object()
              .put("type", "registry")
              .put("name", "catalog")
              .put("actions", Json.array().add("*")));
    }
    return access;
  }
}
