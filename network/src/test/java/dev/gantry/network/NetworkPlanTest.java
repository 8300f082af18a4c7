package dev.gantry.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import dev.gantry.network.NetworkRequest.Subnet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The texts are contract: clients show them, and they are those of the recorded daemon.
class NetworkPlanTest {
  private final NetworkRegistry registry =
      new NetworkRegistry(NetworkStore.inMemory(), NetworkOptions.of("gantry0"));
  private final NetworkPlan plan =
      new NetworkPlan(registry, () -> List.of(Cidr.parse("172.17.0.0/16")));

  private static NetworkRequest request(
      String name, List<Subnet> subnets, Map<String, String> options) {
    return new NetworkRequest(
        name, "", null, null, "", null, subnets, false, false, false, "", false, "", options,
        Map.of());
  }

  private Network create(NetworkRequest request) {
    Network network = plan.plan(request);
    registry.add(network);
    return network;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nonsense||| invalid subnet nonsense: invalid CIDR block notation",
        "10.124.0.5/16||| invalid subnet 10.124.0.5/16: it should be 10.124.0.0/16",
        "10.124.0.0/16||10.1.1.1| invalid gateway 10.1.1.1: parent subnet 10.124.0.0/16 doesn't"
            + " contain this address",
        "10.124.0.0/16|10.1.0.0/24|| invalid ip-range 10.1.0.0/24: parent subnet 10.124.0.0/16"
            + " doesn't contain ip-range",
        "10.124.0.0/16||x| invalid gateway x: invalid address"
      })
  void badSubnetIsNamed(String subnet, String range, String gateway, String text) {
    Subnet wish =
        new Subnet(subnet, range == null ? "" : range, gateway == null ? "" : gateway, Map.of());
    Failure failure =
        assertThrows(
            Failure.InvalidRequest.class, () -> plan.plan(request("b1", List.of(wish), Map.of())));
    assertEquals("invalid network config:\n" + text, failure.text());
  }

  @Test
  void overlapIsForbidden() {
    create(request("a", List.of(new Subnet("10.123.0.0/16", "", "", Map.of())), Map.of()));
    Failure failure =
        assertThrows(
            Failure.Forbidden.class,
            () ->
                plan.plan(
                    request(
                        "b", List.of(new Subnet("10.123.0.0/24", "", "", Map.of())), Map.of())));
    assertEquals(
        "invalid pool request: Pool overlaps with other one on this address space", failure.text());
  }

  @Test
  void subnetComesFromThePoolsPastHostRoutesAndNetworks() {
    assertEquals("172.18.0.0/16", create(NetworkRequest.of("a")).pools().getFirst().subnet());
    Network second = create(NetworkRequest.of("b"));
    assertEquals("172.19.0.0/16", second.pools().getFirst().subnet());
    assertEquals("172.19.0.1", second.pools().getFirst().router());
  }

  @Test
  void namesArePredefinedTakenOrEmpty() {
    create(NetworkRequest.of("nv151"));
    assertEquals(
        "network with name nv151 already exists",
        assertThrows(Failure.Conflict.class, () -> plan.plan(NetworkRequest.of("nv151"))).text());
    assertEquals(
        "operation is not permitted on predefined host network ",
        assertThrows(Failure.Forbidden.class, () -> plan.plan(NetworkRequest.of("host"))).text());
    assertEquals(
        "invalid name: name is empty",
        assertThrows(Failure.InvalidRequest.class, () -> plan.plan(NetworkRequest.of("  ")))
            .text());
  }

  @Test
  void badOptionIsNamed() {
    assertEquals(
        "failed to parse com.docker.network.driver.mtu value: x (strconv.Atoi: parsing \"x\":"
            + " invalid syntax)",
        assertThrows(
                Failure.InvalidRequest.class,
                () -> plan.plan(request("b", List.of(), Map.of(BridgeOptions.MTU, "x"))))
            .text());
  }

  @Test
  void networkIsReadBackAsItWas() {
    NetworkStore store = NetworkStore.inMemory();
    NetworkRegistry first = new NetworkRegistry(store, NetworkOptions.of("gantry0"));
    Network network =
        new NetworkPlan(first, List::of)
            .plan(
                new NetworkRequest(
                    "full",
                    "bridge",
                    true,
                    true,
                    "default",
                    Map.of(),
                    List.of(new Subnet("10.1.0.0/16", "10.1.5.0/24", "", Map.of("r", "10.1.5.9"))),
                    true,
                    true,
                    false,
                    "",
                    false,
                    "",
                    Map.of("foo", "bar"),
                    Map.of("a", "1")));
    first.add(network);
    assertEquals(
        network, new NetworkRegistry(store, NetworkOptions.of("gantry0")).find(network.id()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "10.124.0.0 |            | failed to allocate gateway (10.124.0.0): Address already in use",
        "10.124.0.255 |          | failed to allocate gateway (10.124.0.255): Address already in"
            + " use",
        "          | 10.124.0.1  | failed to allocate secondary ip address (a:10.124.0.1): Address"
            + " already in use",
        "10.124.0.5 | 10.124.0.5 | failed to allocate secondary ip address (a:10.124.0.5): Address"
            + " already in use"
      })
  void addressForTwoIsRefused(String gateway, String auxiliary, String text) {
    Subnet wish =
        new Subnet(
            "10.124.0.0/24",
            "",
            gateway == null ? "" : gateway,
            auxiliary == null ? Map.of() : Map.of("a", auxiliary));
    Failure failure =
        assertThrows(
            Failure.Forbidden.class, () -> plan.plan(request("b1", List.of(wish), Map.of())));
    assertEquals(text, failure.text());
  }

  @Test
  void ipv4SubnetComesFirst() {
    NetworkRequest request =
        new NetworkRequest(
            "six",
            "",
            null,
            true,
            "",
            null,
            List.of(
                new Subnet("fd00:1::/64", "", "", Map.of()),
                new Subnet("10.124.0.0/24", "", "", Map.of())),
            false,
            false,
            false,
            "",
            false,
            "",
            Map.of(),
            Map.of());
    assertEquals(
        List.of("10.124.0.0/24", "fd00:1::/64"),
        create(request).pools().stream().map(Network.Pool::subnet).toList());
  }
}
