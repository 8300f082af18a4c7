package dev.gantry.build;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/// A client that has sent secrets with the request; what it has not sent is asked of another.
///
/// @param secrets bytes by name
/// @param other the client's session, or [BuildClient#NONE]
public record GivenSecrets(Map<String, byte[]> secrets, BuildClient other) implements BuildClient {
  @Override
  public Optional<byte[]> secret(String id) throws IOException {
    byte[] given = secrets.get(id);
    return given == null ? other.secret(id) : Optional.of(given);
  }

  @Override
  public Optional<Agent> agent(String id) throws IOException {
    return other.agent(id);
  }

  /// Names alone: contents are nobody's business.
  @Override
  public String toString() {
    return "secrets " + secrets.keySet();
  }
}
