package dev.gantry.conformance.registry;

import static dev.gantry.conformance.registry.Locations.NOTHING;
import static dev.gantry.conformance.registry.Locations.UNKNOWN;
import static dev.gantry.conformance.registry.Locations.blob;
import static dev.gantry.conformance.registry.Locations.name;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.conformance.registry.Distribution.Answer;
import dev.gantry.testkit.RegistryServer;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// All that a registry must do, part by part, and here what it refuses; on one registry that runs
/// while the class does.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class DistributionContract
    implements PullContract,
        BlobPushContract,
        ManifestPushContract,
        DiscoveryContract,
        ReferrersContract,
        DeletionContract {
  private @Nullable RegistryServer server;
  private @Nullable Distribution registry;

  /// Starts the registry under test.
  abstract RegistryServer serve();

  @BeforeAll
  void start() {
    server = serve();
    registry = new Distribution(server.address());
  }

  @AfterAll
  void stop() {
    if (registry != null) {
      registry.close();
    }
    if (server != null) {
      server.close();
    }
  }

  @Override
  public Distribution registry() {
    if (registry == null) {
      throw new IllegalStateException("not started");
    }
    return registry;
  }

  @Test
  void unsupportedMethods() {
    String name = name();
    for (String target :
        List.of("/v2/", "/v2/_catalog", "/v2/" + name + "/tags/list", blob(name, UNKNOWN))) {
      Answer answer = registry().post(target, NOTHING);
      assertTrue(answer.status() >= 400 && answer.status() < 500, target + answer.status());
    }
  }

  @Test
  void unknownPaths() {
    for (String target : List.of("/v3/", "/v2/a/b", "/v2/a/manifests/", "/v2//manifests/a")) {
      Answer answer = registry().get(target);
      assertTrue(answer.status() >= 300 && answer.status() < 500, target + answer.status());
    }
  }

  @Test
  void wrongNumbersOfAPage() {
    String name = name();
    registry().pushImage(name, "a");
    for (String n : List.of("-1", "x", URLEncoder.encode("1e3", StandardCharsets.UTF_8))) {
      registry().get("/v2/" + name + "/tags/list?n=" + n).expect(400);
    }
  }
}
