package dev.gantry.conformance.registry;

import dev.gantry.testkit.RegistryServer;

/// Our registry does what the distribution-spec says.
class GantryRegistryIT extends DistributionContract {
  @Override
  RegistryServer serve() {
    return RegistryServer.gantry();
  }
}
