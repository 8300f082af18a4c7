package dev.gantry.registryclient;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;

/// What somebody shows to a registry. All texts may be empty.
///
/// @param identityToken a refresh token that a login has brought, in the place of a password
/// @param registryToken a bearer token to send as it is
public record Credentials(
    String username, String password, String identityToken, String registryToken) {
  public static final Credentials NONE = new Credentials("", "", "", "");

  public Credentials(String username, String password) {
    this(username, password, "", "");
  }

  /// Reads Docker's `AuthConfig`.
  public static Credentials read(Json.JsonObject json) {
    String user = json.string("username", "");
    String password = json.string("password", "");
    String both = json.string("auth", "");
    if (user.isEmpty() && !both.isEmpty()) {
      String[] parts = decode(both).split(":", 2);
      user = parts[0];
      password = parts.length > 1 ? parts[1] : "";
    }
    return new Credentials(
        user, password, json.string("identitytoken", ""), json.string("registrytoken", ""));
  }

  /// Reads the header X-Registry-Auth; one that makes no sense counts as none, as dockerd has it.
  public static Credentials header(String base64) {
    try {
      return base64.isEmpty() ? NONE : read(Json.parseObject(decode(base64)));
    } catch (JsonException | IllegalArgumentException e) {
      return NONE;
    }
  }

  /// Reads the header X-Registry-Config, a map from registries to [#read]'s objects: what it has
  /// for the registry `domain`.
  public static Credentials of(String base64, String domain) {
    try {
      if (base64.isEmpty()) {
        return NONE;
      }
      Json.JsonObject all = Json.parseObject(decode(base64));
      String hub = "https://index.docker.io/v1/";
      return all.object(domain)
          .or(() -> domain.equals("docker.io") ? all.object(hub) : Optional.empty())
          .map(Credentials::read)
          .orElse(NONE);
    } catch (JsonException | IllegalArgumentException e) {
      return NONE;
    }
  }

  private static String decode(String base64) {
    String plain = base64.replace('-', '+').replace('_', '/').replace("=", "");
    return new String(Base64.getDecoder().decode(plain), StandardCharsets.UTF_8);
  }

  public boolean isEmpty() {
    return username.isEmpty() && identityToken.isEmpty() && registryToken.isEmpty();
  }

  /// The Authorization header for basic authentication.
  String basic() {
    return "Basic "
        + Base64.getEncoder()
            .encodeToString((username + ":" + password).getBytes(StandardCharsets.UTF_8));
  }

  /// Never shows a secret.
  @Override
  public String toString() {
    return isEmpty() ? "no credentials" : "credentials of " + username;
  }
}
