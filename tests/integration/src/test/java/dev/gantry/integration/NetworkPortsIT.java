package dev.gantry.integration;

import static dev.gantry.integration.Machines.CLIENT;
import static dev.gantry.integration.Machines.CLIENT6;
import static dev.gantry.integration.Machines.HOST;
import static dev.gantry.integration.Machines.HOST6;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Who reaches a published port: an engine in a namespace that stands for the host, a client in
/// another one that stands for the world, containers. Over both families, tcp and udp.
class NetworkPortsIT {
  private static final Duration SOON = Duration.ofSeconds(40);
  private static final String HOST_TOO = "192.0.2.77";
  private static final String HOST6_TOO = "2001:db8::77";
  private static final int WEB = 8080;
  private static final int UDP = 8081;

  /// What ufw's default comes to: nothing gets in that was not asked for.
  private static final String DROP_BY_DEFAULT =
      "add table inet filterlike; add chain inet filterlike input { type filter hook input priority"
          + " 0; policy drop; }; add rule inet filterlike input ct state established,related accept;"
          + " add rule inet filterlike input iif lo accept; add rule inet filterlike input meta"
          + " l4proto ipv6-icmp accept";

  /// What firewalld has: input and forwarded packets are refused at the end of its own chains.
  private static final String REFUSE_BY_DEFAULT =
      "add table inet firewalldlike; add chain inet firewalldlike filter_INPUT { type filter hook"
          + " input priority 10; policy accept; }; add rule inet firewalldlike filter_INPUT ct state"
          + " established,related accept; add rule inet firewalldlike filter_INPUT iif lo accept;"
          + " add rule inet firewalldlike filter_INPUT meta l4proto ipv6-icmp accept; add rule inet"
          + " firewalldlike filter_INPUT reject with icmpx admin-prohibited; add chain inet"
          + " firewalldlike filter_FORWARD { type filter hook forward priority 10; policy accept; };"
          + " add rule inet firewalldlike filter_FORWARD ct state established,related accept; add"
          + " rule inet firewalldlike filter_FORWARD ct status dnat accept; add rule inet"
          + " firewalldlike filter_FORWARD reject with icmpx admin-prohibited";

  private Machines machines;
  private Inside machine;
  private Inside client;

  @BeforeEach
  void connectMachines() throws Exception {
    machines = Machines.open();
    machine = machines.machine();
    client = machines.client();
    // a second address of each family, which the host does not choose for answers of its own
    onHost("ip", "addr", "add", HOST_TOO + "/24", "dev", "out0");
    onHost("ip", "addr", "add", HOST6_TOO + "/64", "dev", "out0", "nodad");
  }

  private String onHost(String... words) throws Exception {
    return machines.onHost(words);
  }

  @AfterEach
  void close() throws Exception {
    if (machines != null) {
      machines.close();
    }
  }

  private Engine start(String... flags) {
    Engine engine = machines.start(flags);
    engine
        .docker("network", "create", "--ipv6", "--subnet=10.77.0.0/24", "--subnet=fd77::/64", "six")
        .succeeded();
    return engine;
  }

  private Inside web(Engine engine) throws Exception {
    Inside web =
        Machines.container(
            engine,
            "web",
            "--network=six",
            "-p",
            WEB + ":80",
            "-p",
            UDP + ":81/udp",
            "-p",
            "127.0.0.1:8082:80");
    machines.closing(web.tcp(80));
    machines.closing(web.udp(81));
    return web;
  }

  private static void reaches(String who, Inside from, String address, String expected) {
    reaches(List.of("tcp", "udp"), who, from, address, expected);
  }

  private static void reaches(
      List<String> protocols, String who, Inside from, String address, String expected) {
    for (String protocol : protocols) {
      int port = protocol.equals("tcp") ? WEB : UDP;
      List<String> last = new ArrayList<>(List.of(""));
      Eventually.within(
          SOON,
          () -> who + " reaches " + protocol + " " + address + ":" + port + ": " + last.getFirst(),
          () -> {
            try {
              String seen = from.ask(protocol, address, port);
              last.set(0, "the container sees " + seen);
              return expected.isEmpty() ? !seen.isEmpty() : seen.equals(expected);
            } catch (Exception e) {
              last.set(0, e.toString());
              return false;
            }
          });
    }
  }

  private void everybodyReaches(Inside web, Inside same, Inside other) {
    reaches("a client outside", client, HOST, CLIENT);
    reaches("a client outside", client, HOST6, CLIENT6);
    reaches("the host", machine, "127.0.0.1", "");
    reaches("the host", machine, "::1", "");
    reaches("the host", machine, HOST, "");
    reaches("the host", machine, HOST6, "");
    reaches("a container on the same network", same, HOST, "");
    reaches("a container on the same network", same, HOST6, "");
    reaches("a container elsewhere", other, HOST, "");
    reaches("the container itself", web, HOST, "");
    reaches("the container itself", web, HOST6, "");
  }

  /// The same where a relay carries connections: containers see the host as the source.
  private void everybodyReachesTheRelay(Inside web, Inside same, Inside other) {
    reaches("a client outside", client, HOST, "10.77.0.1");
    reaches("a client outside", client, HOST6, "10.77.0.1");
    reaches("the host", machine, "127.0.0.1", "10.77.0.1");
    reaches("the host", machine, "::1", "10.77.0.1");
    reaches("the host", machine, HOST, "10.77.0.1");
    reaches("a container on the same network", same, HOST, "10.77.0.1");
    reaches("a container on the same network", same, HOST6, "10.77.0.1");
    reaches("a container on the same network", same, "10.77.0.1", "10.77.0.1");
    // askers' sockets are connected: an answer from another of the host's addresses is not taken
    reaches("a container elsewhere", other, HOST, "10.77.0.1");
    reaches("the container itself", web, HOST, "10.77.0.1");
    reaches("the container itself", web, HOST6, "10.77.0.1");
    reaches("a client outside, by another address", client, HOST_TOO, "10.77.0.1");
    reaches("a client outside, by another address", client, HOST6_TOO, "10.77.0.1");
  }

  @Test
  void publishedPortIsReachedFromEverywhereWhateverHappensToEngineAndRules() throws Exception {
    Engine engine = start();
    Inside web = web(engine);
    Inside same = Machines.container(engine, "same", "--network=six");
    Inside other = Machines.container(engine, "other");
    everybodyReaches(web, same, other);
    assertTrue(machine.canAsk("tcp", "127.0.0.1", 8082));
    assertFalse(client.canAsk("tcp", HOST, 8082), "published on loopback alone");

    engine.kill();
    reaches("a client of a machine without engine", client, HOST, CLIENT);
    reaches("a client of a machine without engine", client, HOST6, CLIENT6);
    engine.restart();
    everybodyReaches(web, same, other);

    onHost("nft", "flush", "ruleset");
    everybodyReaches(web, same, other);

    assertEquals("", onHost("nft", DROP_BY_DEFAULT));
    everybodyReaches(web, same, other);
    assertEquals("", onHost("nft", REFUSE_BY_DEFAULT));
    everybodyReaches(web, same, other);

    String explained = engine.gantry("port", "explain", "web", "80").succeeded().out();
    String map = "table inet gantry-" + engine.name() + ", chain prerouting: map ";
    assertTrue(
        explained.contains(
            "By 0.0.0.0:8080\n  yes      machines outside\n           "
                + map
                + "published4_any sends tcp 8080 to 10.77.0.2:80"),
        explained);
    assertTrue(explained.contains("By 127.0.0.1:8082\n  no       machines outside\n"), explained);
    assertTrue(explained.contains("--publish-by-input-rules"), explained);
    assertTrue(
        engine
            .gantry("port", "explain", "same", "99/udp")
            .succeeded()
            .out()
            .contains("99/udp is not published"));
  }

  @Test
  void publishedPortObeysTheHostsInputRulesWhenTold() throws Exception {
    Engine engine = start("--publish-by-input-rules");
    Inside web = web(engine);
    Inside same = Machines.container(engine, "same", "--network=six");
    Inside other = Machines.container(engine, "other");
    everybodyReachesTheRelay(web, same, other);

    assertEquals("", onHost("nft", DROP_BY_DEFAULT));
    for (String address : List.of(HOST, HOST6)) {
      assertFalse(client.canAsk("tcp", address, WEB), "tcp " + address);
      assertFalse(client.canAsk("udp", address, UDP), "udp " + address);
    }
    reaches("the host", machine, "127.0.0.1", "");
    reaches("the host", machine, "::1", "");

    String explained = engine.gantry("port", "explain", "web", "81/udp").succeeded().out();
    assertTrue(
        explained.contains(
            "By 0.0.0.0:8081\n  depends  machines outside\n           a socket of the engine; the"
                + " host's input rules decide: chain input of table filterlike, by default drop"),
        explained);
    onHost("nft", "add rule inet filterlike input tcp dport " + WEB + " accept");
    onHost("nft", "add rule inet filterlike input udp dport " + UDP + " accept");
    everybodyReachesTheRelay(web, same, other);
    assertEquals("", onHost("nft", REFUSE_BY_DEFAULT));
    assertFalse(client.canAsk("tcp", HOST, WEB), "refused by the other firewall");
    String chain = "insert rule inet firewalldlike filter_INPUT ";
    onHost("nft", chain + "tcp dport " + WEB + " accept");
    onHost("nft", chain + "udp dport " + UDP + " accept");
    everybodyReachesTheRelay(web, same, other);
    engine.kill();
    engine.restart();
    everybodyReachesTheRelay(web, same, other);
  }
}
