package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What options of networks do to real traffic: isolation within one, links of the host, gateway
/// modes; and what is said of ports and subnets that somebody else has.
class NetworkDriversIT {
  private static final Duration SOON = Duration.ofSeconds(40);
  private static final String BRIDGE_OPTION = "com.docker.network.bridge.";
  private Machines machines;
  private Inside client;

  @BeforeEach
  void connectMachines() throws Exception {
    machines = Machines.open();
    client = machines.client();
  }

  @AfterEach
  void close() throws Exception {
    if (machines != null) {
      machines.close();
    }
  }

  private static String address(Engine engine, String name) {
    return Machines.inspect(
        engine, name, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
  }

  /// Until it does: the kernel may still look for neighbours.
  private static void reaches(Inside from, String address, int port, String seenAs) {
    String[] last = {""};
    Eventually.within(
        SOON,
        () -> address + " port " + port + " is reached as " + seenAs + ": " + last[0],
        () -> {
          try {
            last[0] = from.ask("tcp", address, port);
          } catch (Exception e) {
            last[0] = e.toString();
          }
          return last[0].equals(seenAs);
        });
  }

  @Test
  void containersOfOneNetworkCanBeKeptApart() throws Exception {
    Engine engine = machines.start("--icc=false");
    engine
        .docker(
            "network",
            "create",
            "--subnet=10.77.0.0/24",
            "-o",
            BRIDGE_OPTION + "enable_icc=false",
            "apart")
        .succeeded();
    for (String network : new String[] {"bridge", "apart"}) {
      String web = "web-" + network;
      String port = network.equals("apart") ? "8080" : "8081";
      Inside server = Machines.container(engine, web, "--network", network, "-p", port + ":80");
      Inside other = Machines.container(engine, "other-" + network, "--network", network);
      machines.closing(server.tcp(80));
      machines.closing(server.tcp(82));
      String ip = address(engine, web);
      reaches(machines.machine(), ip, 82, ip.substring(0, ip.lastIndexOf('.')) + ".1");
      assertFalse(other.canAsk("tcp", ip, 82), network + ": not published");
      assertFalse(other.canAsk("tcp", ip, 80), network + ": past the published port");
      assertTrue(client.canAsk("tcp", Machines.HOST, Integer.parseInt(port)), network);
      assertTrue(other.canAsk("tcp", Machines.HOST, Integer.parseInt(port)), network);
    }
    engine.docker("network", "create", "--subnet=10.78.0.0/24", "together").succeeded();
    Inside server = Machines.container(engine, "web", "--network=together");
    Inside other = Machines.container(engine, "other", "--network=together");
    machines.closing(server.tcp(80));
    reaches(other, address(engine, "web"), 80, address(engine, "other"));
  }

  @Test
  void containersWithMacvlanAreAmongTheHostsNeighbours() throws Exception {
    areAmongTheNeighbours("macvlan");
  }

  @Test
  void containersWithIpvlanAreAmongTheHostsNeighbours() throws Exception {
    String said =
        machines.onHost("ip", "link", "add", "link", "out0", "name", "i0", "type", "ipvlan");
    assumeTrue(said.isEmpty(), "needs a kernel with ipvlan");
    machines.onHost("ip", "link", "del", "i0");
    areAmongTheNeighbours("ipvlan");
  }

  private void areAmongTheNeighbours(String driver) throws Exception {
    Engine engine = machines.start();
    engine
        .docker(
            "network",
            "create",
            "-d",
            driver,
            "-o",
            "parent=out0",
            "--subnet=192.0.2.0/24",
            "--gateway=192.0.2.1",
            "--ipv6",
            "--subnet=2001:db8::/64",
            "near")
        .succeeded();
    Inside one =
        Machines.container(
            engine, "one", "--network=near", "--ip=192.0.2.10", "--ip6=2001:db8::10");
    Inside two = Machines.container(engine, "two", "--network=near", "--ip=192.0.2.11");
    try (AutoCloseable there = one.tcp(80);
        AutoCloseable here = client.tcp(90)) {
      reaches(two, "192.0.2.10", 80, "192.0.2.11");
      reaches(client, "192.0.2.10", 80, Machines.CLIENT);
      reaches(client, "2001:db8::10", 80, Machines.CLIENT6);
      reaches(one, Machines.CLIENT, 90, "192.0.2.10");
      assertTrue(there != null && here != null);
    }
    Outcome named = engine.docker("exec", "two", "nslookup", "-type=a", "one").succeeded();
    assertTrue(named.out().contains("192.0.2.10"), named.out());
    engine.docker("rm", "-f", "one", "two").succeeded();
    engine.docker("network", "rm", "near").succeeded();
    assertTrue(machines.onHost("ip", "link", "show", "out0").contains("out0"), "was there before");
  }

  @Test
  void gatewayModesDecideHowContainersAreReached() throws Exception {
    Engine engine = machines.start();
    for (String network : new String[] {"fd78::/64", "fd79::/64", "10.79.0.0/24"}) {
      String router = network.contains(":") ? Machines.HOST6 : Machines.HOST;
      assertEquals("", machines.outside("ip", "route", "add", network, "via", router));
    }
    engine
        .docker(
            "network",
            "create",
            "--ipv4=false",
            "--ipv6",
            "--subnet=fd78::/64",
            "-o",
            BRIDGE_OPTION + "gateway_mode_ipv6=routed",
            "routed")
        .succeeded();
    Inside routed = Machines.container(engine, "routed", "--network=routed", "-p", "8080:80");
    machines.closing(routed.tcp(80));
    machines.closing(routed.tcp(82));
    reaches(client, "fd78::2", 80, Machines.CLIENT6);
    assertFalse(client.canAsk("tcp", "fd78::2", 82), "routed, but not published");
    assertFalse(client.canAsk("tcp", Machines.HOST6, 8080), "nothing is rewritten");

    engine
        .docker(
            "network",
            "create",
            "--ipv6",
            "--subnet=fd79::/64",
            "--subnet=10.79.0.0/24",
            "-o",
            BRIDGE_OPTION + "gateway_mode_ipv6=nat-unprotected",
            "-o",
            BRIDGE_OPTION + "trusted_host_interfaces=out0",
            "open")
        .succeeded();
    Inside open = Machines.container(engine, "open", "--network=open", "-p", "8081:80");
    machines.closing(open.tcp(80));
    machines.closing(open.tcp(82));
    reaches(client, "fd79::2", 80, Machines.CLIENT6);
    reaches(client, "fd79::2", 82, Machines.CLIENT6);
    reaches(client, Machines.HOST6, 8081, Machines.CLIENT6);
    reaches(client, "10.79.0.2", 80, Machines.CLIENT);
    assertFalse(client.canAsk("tcp", "10.79.0.2", 82), "trusted for what is published");

    // a running container gets an IPv6 address of the user's choice
    Inside late = Machines.container(engine, "late");
    engine.docker("network", "connect", "--ip6=fd79::77", "open", "late").succeeded();
    assertEquals(
        "fd79::77",
        Machines.inspect(engine, "late", "{{.NetworkSettings.Networks.open.GlobalIPv6Address}}"));
    reaches(late, "fd79::2", 80, "fd79:0:0:0:0:0:0:77");
  }

  @Test
  void whoHasAPortOrASubnetIsNamed() throws Exception {
    machines.onHost("ip", "route", "add", "10.98.0.0/16", "via", Machines.CLIENT);
    Engine engine = machines.start("--default-address-pool", "base=10.98.0.0/15,size=16");
    engine.docker("network", "create", "free").succeeded();
    assertEquals(
        "10.99.0.0/16",
        engine
            .docker(
                "network",
                "inspect",
                "--format",
                "{{range .IPAM.Config}}{{.Subnet}}{{end}}",
                "free")
            .succeeded()
            .out()
            .strip(),
        "the pool that no route of the host meets");
    String body = "{\"Name\":\"met\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.98.5.0/24\"}]}}";
    assertEquals(
        "subnet 10.98.5.0/24 overlaps the host's route to 10.98.0.0/16 through out0: one of them"
            + " will not be reached",
        Json.parseObject(engine.request("POST", "/networks/create", body).expect(201).text())
            .string("Warning", ""));

    machines.closing(machines.machine().tcp(8099));
    Outcome refused =
        engine.docker("run", "--rm", "-p", "8099:80", engine.busybox(), "true").exited(125);
    String who = " by java (process " + ProcessHandle.current().pid() + ")";
    assertTrue(
        refused.err().contains("8099") && refused.err().contains("address already in use" + who),
        refused.err());
    Inside next = Machines.container(engine, "next", "-p", "8099-8101:80");
    assertTrue(next.pid() > 0);
    assertEquals("8100", host(engine.docker("port", "next", "80/tcp").succeeded().line()));
  }

  private static String host(String address) {
    return address.substring(address.lastIndexOf(':') + 1);
  }
}
