package dev.gantry.cli;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// Who we are at registries: `auths` of the configuration file, or the program that it names as
/// `credsStore` or under `credHelpers` (docker-credential-NAME and its protocol).
final class Credentials {
  /// What Docker Hub is called in the file.
  static final String HUB = "https://index.docker.io/v1/";

  private static final String TOKEN_USER = "<token>";
  private static final int HELPER_SECONDS = 60;

  /// A name with a password, or with a token that stands for both.
  record Login(String user, String secret, boolean isToken) {}

  private final Config config;

  Credentials(Config config) {
    this.config = config;
  }

  /// A registry's name in the file: `docker.io` has an older one.
  static String key(String registry) {
    String host = registry.replaceFirst("^https?://", "").replaceFirst("/.*$", "");
    return List.of("", "docker.io", "index.docker.io", "registry-1.docker.io").contains(host)
        ? HUB
        : host;
  }

  private Optional<String> helper(String key) {
    String own = config.object("credHelpers").string(key, "");
    String name = own.isEmpty() ? config.text("credsStore") : own;
    return name.isEmpty() ? Optional.empty() : Optional.of("docker-credential-" + name);
  }

  /// The login for a registry; empty if we have none.
  Optional<Login> find(String registry) {
    String key = key(registry);
    Optional<String> helper = helper(key);
    if (helper.isPresent()) {
      return fromHelper(helper.get(), key);
    }
    Json.JsonObject auths = config.object("auths");
    for (String name : auths.members().keySet()) {
      if (key(name).equals(key)) {
        return fromFile(auths.object(name).orElse(Json.object()));
      }
    }
    return Optional.empty();
  }

  private static Optional<Login> fromFile(Json.JsonObject entry) {
    String token = entry.string("identitytoken", "");
    try {
      String both =
          new String(Base64.getDecoder().decode(entry.string("auth", "")), StandardCharsets.UTF_8);
      int colon = both.indexOf(':');
      String user = colon < 0 ? entry.string("username", "") : both.substring(0, colon);
      String password = colon < 0 ? entry.string("password", "") : both.substring(colon + 1);
      if (!token.isEmpty()) {
        return Optional.of(new Login(user, token, true));
      }
      return user.isEmpty() ? Optional.empty() : Optional.of(new Login(user, password, false));
    } catch (IllegalArgumentException e) {
      throw new Exit(1, "an \"auth\" in the configuration file is not base64");
    }
  }

  private static Optional<Login> fromHelper(String helper, String key) {
    Optional<String> answer = call(helper, "get", key);
    try {
      return answer
          .map(Json::parseObject)
          .map(
              a -> {
                String user = a.string("Username", "");
                return new Login(user, a.string("Secret", ""), user.equals(TOKEN_USER));
              });
    } catch (JsonException e) {
      throw new Exit(1, helper + " gave no JSON");
    }
  }

  /// Keeps a login; true if it lies readable in the configuration file.
  boolean store(String registry, Login login) {
    String key = key(registry);
    Optional<String> helper = helper(key);
    if (helper.isPresent()) {
      Json.JsonObject entry =
          Json.object()
              .put("ServerURL", key)
              .put("Username", login.isToken() ? TOKEN_USER : login.user())
              .put("Secret", login.secret());
      if (call(helper.get(), "store", entry.text()).isEmpty()) {
        throw new Exit(1, helper.get() + " could not store the credentials");
      }
      return false;
    }
    String both = login.user() + ":" + (login.isToken() ? "" : login.secret());
    Json.JsonObject entry =
        Json.object()
            .put("auth", Base64.getEncoder().encodeToString(both.getBytes(StandardCharsets.UTF_8)));
    if (login.isToken()) {
      entry.put("identitytoken", login.secret());
    }
    Json.JsonObject auths = without(key);
    config.setObject("auths", auths.put(key, entry));
    return true;
  }

  void erase(String registry) {
    String key = key(registry);
    helper(key).ifPresent(helper -> call(helper, "erase", key));
    config.setObject("auths", without(key));
  }

  private Json.JsonObject without(String key) {
    Json.JsonObject kept = Json.object();
    config
        .object("auths")
        .members()
        .forEach(
            (name, entry) -> {
              if (!key(name).equals(key)) {
                kept.put(name, entry);
              }
            });
    return kept;
  }

  /// What the helper prints; empty if it knows nothing.
  private static Optional<String> call(String helper, String verb, String input) {
    try {
      Process process =
          Surroundings.ours().start(Surroundings.ours().program(List.of(helper, verb)));
      tell(process, input);
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(HELPER_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new Exit(1, helper + " does not end");
      }
      return process.exitValue() == 0 ? Optional.of(out) : Optional.empty();
    } catch (IOException e) {
      throw new Exit(1, "cannot run the credential helper " + helper + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Exit(1, "interrupted");
    }
  }

  /// A helper that ends without reading it all has its reasons, which it will say.
  private static void tell(Process process, String input) {
    try (OutputStream in = process.getOutputStream()) {
      in.write(input.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      return; // its answer and its exit code count
    }
  }
}
