package dev.gantry.network;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Settings of an endpoint's interface: only its own, by the name IFNAME.
class EndpointCheckTest {
  private static final Network NETWORK =
      new NetworkPlan(
              new NetworkRegistry(NetworkStore.inMemory(), NetworkOptions.of("gantry0")), List::of)
          .plan(NetworkRequest.of("n"));

  private static List<String> problems(String settings) {
    return EndpointCheck.problems(
        NETWORK,
        new EndpointRequest(
            "n", "", "", "", List.of(), List.of(), Map.of(BridgeOptions.SYSCTLS, settings), 0));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "net.ipv4.conf.IFNAME.forwarding=0",
        "net.ipv6.conf.ifname.accept_ra=0,net.ipv4.conf.IFNAME.log_martians=1",
        ""
      })
  void ownSettingIsTaken(String settings) {
    assertEquals(List.of(), problems(settings));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "odd",
        "net.ipv4.ip_forward=1",
        "net.ipv4.conf.eth0.forwarding=1",
        "net.foo.conf.IFNAME.x=1",
        "kernel.hostname=x"
      })
  void otherSettingIsRefused(String setting) {
    assertEquals(
        List.of(
            "unrecognised network interface sysctl '"
                + setting
                + "'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4',"
                + " 'ipv6' or 'mpls'"),
        problems(setting));
  }

  @Test
  void linkLocalAddressMustBeOne() {
    EndpointRequest wish =
        new EndpointRequest(
            "n",
            "",
            "",
            "",
            List.of(),
            List.of(),
            Map.of(),
            0,
            List.of("169.254.7.7", "nonsense", "fe80::7"));
    assertEquals(
        List.of("invalid link-local IP address: nonsense"), EndpointCheck.problems(NETWORK, wish));
  }
}
