package dev.gantry.registry;

import dev.gantry.http.Request;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;

/// User and password with each request (RFC 7617).
record BasicAuthentication(Passwords passwords, String realm) implements Authentication {
  @Override
  public Identity identify(Request request) {
    Optional<Credentials> given = Credentials.of(request);
    if (given.isEmpty()) {
      return Identity.ANONYMOUS;
    }
    Credentials who = given.get();
    if (!passwords.accept(who.user(), who.password())) {
      throw new RegistryError(ErrorCode.UNAUTHORIZED, "unknown user or wrong password");
    }
    return Identity.of(who.user());
  }

  @Override
  public String challenge(Request request, String scope) {
    return "Basic realm=\"" + realm + "\"";
  }

  /// What an Authorization header of the kind Basic says.
  record Credentials(String user, String password) {
    static Optional<Credentials> of(Request request) {
      String header = request.header("Authorization").orElse("");
      if (!header.regionMatches(true, 0, "Basic ", 0, 6)) {
        return Optional.empty();
      }
      try {
        String pair =
            new String(
                Base64.getDecoder().decode(header.substring(6).strip()), StandardCharsets.UTF_8);
        int colon = pair.indexOf(':');
        return colon <= 0
            ? Optional.empty()
            : Optional.of(new Credentials(pair.substring(0, colon), pair.substring(colon + 1)));
      } catch (IllegalArgumentException e) {
        throw new RegistryError(ErrorCode.UNAUTHORIZED, "malformed credentials");
      }
    }
  }
}
