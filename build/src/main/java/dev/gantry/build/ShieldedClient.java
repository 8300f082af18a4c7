package dev.gantry.build;

import java.io.IOException;
import java.util.Optional;

/// A client that is asked in peace: an interrupt in the middle of a question would close the
/// connection to it, by which it is to hear why its build has failed.
record ShieldedClient(BuildClient client, Cancellation cancellation) implements BuildClient {
  @Override
  public Optional<byte[]> secret(String id) throws IOException {
    try (var _ = cancellation.shield()) {
      return client.secret(id);
    }
  }

  @Override
  public Optional<Agent> agent(String id) throws IOException {
    try (var _ = cancellation.shield()) {
      return client.agent(id);
    }
  }

  @Override
  public String source(String name) {
    return client.source(name);
  }
}
