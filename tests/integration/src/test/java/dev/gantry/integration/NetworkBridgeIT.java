package dev.gantry.integration;

import static dev.gantry.integration.Lane.port;
import static dev.gantry.integration.NetworkSandbox.askFromHere;
import static dev.gantry.integration.NetworkSandbox.canAsk;
import static dev.gantry.integration.NetworkSandbox.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.network.AttachRequest;
import dev.gantry.network.NetworkOptions;
import dev.gantry.network.NetworkStore;
import dev.gantry.network.Networks;
import dev.gantry.network.PortRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The default bridge between real namespaces: addresses, NAT, published ports, restarts.
class NetworkBridgeIT {
  private static final String BRIDGE = Lane.name("gna");
  private static final String BRIDGE2 = Lane.name("gnb");
  private static final String OUTSIDE = Lane.name("gno");
  private static final String FILTER = Lane.name("gnf");
  private static final String NET = Lane.net(251);
  private static final String NET2 = Lane.net(252);
  private static final String OUT = Lane.net(249);
  private static final NetworkSettings SETTINGS = NetworkSettings.of(BRIDGE, NET + ".1/24");
  private static final NetworkOptions OPTIONS = SETTINGS.options();

  private final List<AutoCloseable> open = new ArrayList<>();
  private final NetworkStore store = NetworkStore.inMemory();
  private Networks networks;

  private record Container(String id, Networks.Attached attached, NetworkSandbox sandbox) {
    String ip() {
      return attached.attachment().endpoints().getFirst().ipv4();
    }
  }

  @BeforeEach
  void open() {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs root for network namespaces");
    networks = Networks.open(OPTIONS, store);
    networks.restore(List.of());
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    if (networks != null) {
      networks.dismantle();
      networks.close();
      assertFalse(run("nft", "list", "tables").contains("gantry-" + BRIDGE));
      assertFalse(Files.exists(Path.of("/sys/class/net/" + BRIDGE)));
    }
  }

  private Container start(String name, PortRequest... ports) throws Exception {
    return start(networks, name, ports);
  }

  private Container start(Networks on, String name, PortRequest... ports) throws Exception {
    String id = Ids.next();
    Networks.Attached attached = on.attach(AttachRequest.of(id, name, "bridge", List.of(ports)));
    NetworkSandbox sandbox = NetworkSandbox.open(attached);
    open.add(sandbox);
    on.started(id, sandbox.pid());
    return new Container(id, attached, sandbox);
  }

  @Test
  void containersReachEachOtherAndTheHostWithTheirOwnAddresses() throws Exception {
    Container a = start("a");
    Container b = start("b");
    open.add(b.sandbox().whoami(b.ip(), 80));
    assertEquals(NET + ".2", a.ip());
    assertEquals(NET + ".3", b.ip());
    assertEquals(a.ip(), a.sandbox().ask(b.ip(), 80));
    assertEquals(NET + ".1", askFromHere(b.ip(), 80));
  }

  @Test
  void addressesAreHandedOutRoundRobin() throws Exception {
    Container a = start("a");
    networks.release(a.id());
    assertEquals(NET + ".3", start("b").ip());
  }

  @Test
  void outsideSeesTheHostAndReachesOnlyPublishedPorts() throws Exception {
    try (Outside outside = Outside.open(OUTSIDE, OUT)) {
      Container c =
          start(
              "c",
              PortRequest.parse("80/tcp", "", "" + port(0)),
              PortRequest.parse("80", "127.0.0.1", "" + port(1)),
              PortRequest.parse("81/udp", "", ""));
      open.add(c.sandbox().whoami(c.ip(), 80));
      open.add(c.sandbox().whoami(c.ip(), 82));
      open.add(outside.sandbox().whoami(OUT + ".2", 90));
      assertEquals(OUT + ".1", c.sandbox().ask(OUT + ".2", 90), "masqueraded");
      assertEquals(OUT + ".2", outside.sandbox().ask(OUT + ".1", port(0)), "source kept");
      assertFalse(canAsk(() -> outside.sandbox().ask(OUT + ".1", port(1))), "loopback only");
      run(
          "nsenter",
          "-t",
          "" + outside.sandbox().pid(),
          "-n",
          "ip",
          "route",
          "add",
          NET + ".0/24",
          "via",
          OUT + ".1");
      assertFalse(canAsk(() -> outside.sandbox().ask(c.ip(), 82)), "not published");
      assertEquals(NET + ".1", askFromHere("127.0.0.1", port(0)), "loopback");
      assertEquals(NET + ".1", askFromHere("127.0.0.1", port(1)), "loopback only");
      assertEquals(NET + ".1", askFromHere(NET + ".1", port(0)), "host's address");
      assertEquals(NET + ".1", c.sandbox().ask(NET + ".1", port(0)), "hairpin");
      assertEquals(NET + ".1", askFromHere("::1", port(0)), "IPv6 to a container without");
      networks.release(c.id());
      assertFalse(canAsk(() -> outside.sandbox().ask(OUT + ".1", port(0))), "released");
    }
  }

  @Test
  void releasedPortIsFreeAtOnce() {
    for (int i = 0; i < 200; i++) {
      String id = Ids.next();
      networks.attach(
          AttachRequest.of(id, "c", "bridge", List.of(PortRequest.parse("80", "", "" + port(0)))));
      networks.release(id);
    }
  }

  @Test
  void takenPortIsRefusedAndNothingStays() throws Exception {
    start("a", PortRequest.parse("80", "", "" + port(0)));
    Failure second =
        assertThrows(
            Failure.Internal.class, () -> start("b", PortRequest.parse("80", "", "" + port(0))));
    assertTrue(
        second
            .text()
            .matches(
                "failed to set up container networking: driver failed programming external"
                    + " connectivity on endpoint b \\([0-9a-f]{64}\\): Bind for 0.0.0.0:"
                    + port(0)
                    + " failed: port is already allocated by container a"),
        second.text());
    try (java.net.ServerSocket other = new java.net.ServerSocket(port(10))) {
      Failure third =
          assertThrows(
              Failure.Internal.class, () -> start("b", PortRequest.parse("80", "", "" + port(10))));
      assertTrue(third.text().contains("address already in use"), third.text());
      assertEquals(
          port(11),
          start("c", PortRequest.parse("80", "", port(10) + "-" + port(12)))
              .attached()
              .attachment()
              .ports()
              .getFirst()
              .hostPort());
      assertTrue(other.isBound());
    }
  }

  @Test
  void connectivitySurvivesTheEngineAndAFlush() throws Exception {
    Container a = start("a", PortRequest.parse("80", "", "" + port(0)));
    open.add(a.sandbox().whoami(a.ip(), 80));
    networks.close();
    assertEquals(NET + ".1", askFromHere(NET + ".1", port(0)), "without an engine");
    networks = Networks.open(OPTIONS, store);
    networks.restore(List.of(new Networks.Live(a.attached().attachment(), a.sandbox().pid())));
    assertEquals(NET + ".1", askFromHere(NET + ".1", port(0)), "restored");
    assertThrows(
        Failure.Internal.class, () -> start("b", PortRequest.parse("80", "", "" + port(0))));
    run("nft", "delete", "table", "inet", "gantry-" + BRIDGE);
    long deadline = System.nanoTime() + 3_000_000_000L;
    boolean back = false;
    while (!back && System.nanoTime() < deadline) {
      back = run("nft", "list", "tables").contains("gantry-" + BRIDGE);
    }
    assertTrue(back, "table restored");
    assertEquals(NET + ".1", askFromHere(NET + ".1", port(0)), "after the flush");
    assertEquals(a.ip(), networks.attachment(a.id()).orElseThrow().endpoints().getFirst().ipv4());
    Container c = start("c");
    assertFalse(c.ip().equals(a.ip()));
  }

  @Test
  void publishedPortsObeyTheHostsInputRulesWhenTold() throws Exception {
    networks.dismantle();
    networks.close();
    networks = Networks.open(SETTINGS.byInputPolicy().options(), NetworkStore.inMemory());
    networks.restore(List.of());
    open.add(() -> run("nft", "delete", "table", "inet", FILTER));
    try (Outside outside = Outside.open(OUTSIDE, OUT)) {
      Container c = start("c", PortRequest.parse("80", "", "" + port(0)));
      open.add(c.sandbox().whoami(c.ip(), 80));
      assertEquals(NET + ".1", outside.sandbox().ask(OUT + ".1", port(0)));
      run(
          "nft",
          "add table inet "
              + FILTER
              + "; add chain inet "
              + FILTER
              + " input { type filter hook input"
              + " priority 0; }; add rule inet "
              + FILTER
              + " input iifname "
              + OUTSIDE
              + " drop");
      assertFalse(canAsk(() -> outside.sandbox().ask(OUT + ".1", port(0))), "dropped");
      assertEquals(NET + ".1", askFromHere("127.0.0.1", port(0)));
    }
  }

  @Test
  void twoEnginesRunSideBySide() throws Exception {
    NetworkOptions other = NetworkSettings.of(BRIDGE2, NET2 + ".1/24").options();
    Networks second = Networks.open(other, NetworkStore.inMemory());
    try {
      second.restore(List.of());
      Container a = start("a", PortRequest.parse("80", "", "" + port(0)));
      Container b = start(second, "b", PortRequest.parse("80", "", "" + port(2)));
      open.add(a.sandbox().whoami(a.ip(), 80));
      open.add(b.sandbox().whoami(b.ip(), 80));
      assertEquals(NET + ".1", askFromHere("127.0.0.1", port(0)));
      assertEquals(NET2 + ".1", askFromHere("127.0.0.1", port(2)));
      assertFalse(canAsk(() -> a.sandbox().ask(b.ip(), 80)), "isolated");
    } finally {
      second.dismantle();
      second.close();
    }
  }

  @Test
  void linkOfAnUnknownContainerIsRemovedAtStart() throws Exception {
    Container a = start("a");
    String link = a.attached().attachment().endpoints().getFirst().hostInterface();
    networks.close();
    networks = Networks.open(OPTIONS, store);
    networks.restore(List.of());
    assertFalse(Files.exists(Path.of("/sys/class/net/" + link)));
  }

  /// Docker's own set-up, in its own words: FORWARD drops, DOCKER-USER is for others. It is made on
  /// the test's tables only when the machine has none of it, since others work here too.
  @Test
  void forwardingPolicyOfDockerDoesNotCutContainersOff() throws Exception {
    assumeTrue(
        !run("nft", "list", "tables").contains("table ip filter"),
        "needs a machine without iptables' filter table");
    open.add(() -> run("nft", "delete", "table", "ip", "filter"));
    try (Outside outside = Outside.open(OUTSIDE, OUT)) {
      open.add(outside.sandbox().whoami(OUT + ".2", 90));
      Container c = start("c");
      run(
          "nft",
          "add table ip filter;"
              + " add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; };"
              + " add chain ip filter DOCKER-USER; add rule ip filter DOCKER-USER return;"
              + " insert rule ip filter FORWARD jump DOCKER-USER");
      long deadline = System.nanoTime() + 3_000_000_000L;
      while (!run("nft", "list", "chain", "ip", "filter", "DOCKER-USER").contains(BRIDGE)
          && System.nanoTime() < deadline) {
        Thread.sleep(10);
      }
      assertEquals(OUT + ".1", c.sandbox().ask(OUT + ".2", 90));
      assertEquals(List.of(), networks.warnings());
      run("nft", "flush table ip filter; delete chain ip filter DOCKER-USER");
      networks.create(dev.gantry.network.NetworkRequest.of("more"));
      assertTrue(
          networks.warnings().getFirst().contains("FORWARD of the firewall table filter"),
          networks.warnings().toString());
    }
  }

  @Test
  void predefinedNetworksKeepTheirIds() {
    List<String> before = networks.list().stream().map(n -> n.id() + n.name()).toList();
    networks.close();
    networks = Networks.open(OPTIONS, store);
    assertEquals(
        before.stream().sorted().toList(),
        networks.list().stream().map(n -> n.id() + n.name()).sorted().toList());
  }
}
