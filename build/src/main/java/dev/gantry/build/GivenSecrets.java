package dev.gantry.build;

import java.util.Map;
import java.util.Optional;

/// A client that has sent its secrets with the request; it has no ssh agents.
///
/// @param secrets bytes by name
public record GivenSecrets(Map<String, byte[]> secrets) implements BuildClient {
  @Override
  public Optional<byte[]> secret(String id) {
    return Optional.ofNullable(secrets.get(id));
  }

  @Override
  public Optional<Agent> agent(String id) {
    return Optional.empty();
  }

  /// Names alone: contents are nobody's business.
  @Override
  public String toString() {
    return "secrets " + secrets.keySet();
  }
}
