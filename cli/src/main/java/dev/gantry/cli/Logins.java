package dev.gantry.cli;

/// Who we are at a registry, for `X-Registry-Auth`.
final class Logins {
  /// The base64 of `{}`: no account.
  private static final String NOBODY = "e30=";

  private Logins() {}

  /// The header's value for a registry such as `docker.io` or `localhost:5000`.
  @SuppressWarnings("UnusedVariable") // until there is `login`
  static String header(Session session, String registry) {
    return NOBODY;
  }
}
