package dev.gantry.registry;

import dev.gantry.http.Request;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.time.InstantSource;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Bearer tokens that name their rights (Docker's registry token authentication). Who signs them is
/// the business of a [TokenServer], ours or another one.
///
/// @param realm where clients fetch tokens; beginning with `/` it is on this server
class TokenAuthentication implements Authentication {
  static final String CATALOG = "registry:catalog";

  private final String realm;
  private final String service;
  private final String issuer;
  private final List<? extends Jwt.Key> keys;
  private final InstantSource clock;

  TokenAuthentication(
      String realm,
      String service,
      String issuer,
      List<? extends Jwt.Key> keys,
      InstantSource clock) {
    this.realm = realm;
    this.service = service;
    this.issuer = issuer;
    this.keys = List.copyOf(keys);
    this.clock = clock;
  }

  @Override
  public Identity identify(Request request) {
    String header = request.header("Authorization").orElse("");
    if (!header.regionMatches(true, 0, "Bearer ", 0, 7)) {
      return Identity.ANONYMOUS;
    }
    Json.JsonObject claims =
        Jwt.verified(header.substring(7).strip(), keys, clock.instant())
            .orElseThrow(() -> refused("the token is not valid, or not any more"));
    try {
      if (!claims.string("iss", "").equals(issuer) || !isForUs(claims)) {
        throw refused("the token is of another issuer or for another service");
      }
      return new Identity(claims.string("sub", ""), Optional.of(granted(claims)));
    } catch (JsonException e) {
      throw refused("the token's claims have another form");
    }
  }

  private boolean isForUs(Json.JsonObject claims) {
    return claims.get("aud") instanceof Json.JsonArray
        ? claims.strings("aud").contains(service)
        : claims.string("aud", "").equals(service);
  }

  private static Map<String, Set<Right>> granted(Json.JsonObject claims) {
    Map<String, Set<Right>> granted = new HashMap<>();
    for (Json.JsonObject access : claims.objects("access")) {
      String name = access.string("name", "");
      switch (access.string("type", "")) {
        case "repository" ->
            granted
                .computeIfAbsent(name, n -> EnumSet.noneOf(Right.class))
                .addAll(rights(access.strings("actions")));
        case "registry" -> granted.put("registry:" + name, Set.of());
        default -> {}
      }
    }
    return granted;
  }

  /// The rights that a list of actions asks for; `*` is all of them, others are passed over.
  static Set<Right> rights(List<String> actions) {
    Set<Right> rights = EnumSet.noneOf(Right.class);
    for (String action : actions) {
      for (Right right : Right.values()) {
        if (action.equals("*") || action.toLowerCase(Locale.ROOT).equals(right.word())) {
          rights.add(right);
        }
      }
    }
    return rights;
  }

  private static RegistryError refused(String why) {
    return new RegistryError(ErrorCode.UNAUTHORIZED, why);
  }

  @Override
  public String challenge(Request request, String scope) {
    String where = realm;
    if (realm.startsWith("/")) {
      String scheme =
          request.header("X-Forwarded-Proto").orElse(request.secure() ? "https" : "http");
      where =
          (scheme.equals("https") ? "https" : "http")
              + "://"
              + request.header("Host").orElse("localhost").replaceAll("[^a-zA-Z0-9.:\\[\\]-]", "")
              + realm;
    }
    return "Bearer realm=\""
        + where
        + "\",service=\""
        + service
        + "\""
        + (scope.isEmpty() ? "" : ",scope=\"" + scope + "\"");
  }
}
