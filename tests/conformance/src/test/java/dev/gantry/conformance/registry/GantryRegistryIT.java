package dev.gantry.conformance.registry;

import dev.gantry.testkit.RegistryServer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/// Our registry does what the distribution-spec says.
class GantryRegistryIT extends DistributionContract {
  private static @Nullable RegistryServer server;
  private static @Nullable Distribution registry;

  @BeforeAll
  static void start() {
    server = RegistryServer.gantry();
    registry = new Distribution(server.address());
  }

  @AfterAll
  static void stop() {
    if (registry != null) {
      registry.close();
    }
    if (server != null) {
      server.close();
    }
  }

  @Override
  Distribution registry() {
    if (registry == null) {
      throw new IllegalStateException("not started");
    }
    return registry;
  }
}
