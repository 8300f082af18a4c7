package dev.gantry.integration;

import static dev.gantry.integration.Lane.port;
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
import dev.gantry.network.Attachment;
import dev.gantry.network.Cidr;
import dev.gantry.network.EndpointRequest;
import dev.gantry.network.Network;
import dev.gantry.network.NetworkOptions;
import dev.gantry.network.NetworkRequest;
import dev.gantry.network.NetworkStore;
import dev.gantry.network.Networks;
import dev.gantry.network.PortRequest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// User networks between real namespaces: isolation, names, several networks, connect and
/// disconnect while running.
class NetworkUserIT {
  private static final String BRIDGE = Lane.name("gnu");
  private static final String OUTSIDE = Lane.name("gnp");
  private static final String OUTDNS = Lane.name("gnd");
  private static final String NET = Lane.net(251);
  private static final String POOL = Lane.net(253);
  private static final String FIXED = Lane.net(254);
  private static final String OUT = Lane.net(249);
  private static final String DNS = Lane.net(248);
  private static final String NET6 = Lane.net6();
  private static final NetworkOptions OPTIONS =
      new NetworkSettings(
              BRIDGE,
              NET + ".1/24",
              false,
              true,
              List.of(new NetworkOptions.AddressPool(Cidr.parse(POOL + ".0/24"), 28)),
              List.of(DNS + ".2"))
          .options();

  private final List<AutoCloseable> open = new ArrayList<>();
  private final NetworkStore store = NetworkStore.inMemory();
  private Networks networks;

  private record Container(String id, String name, Attachment attachment, NetworkSandbox sandbox) {
    String ip() {
      return attachment.endpoints().getFirst().ipv4();
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
    }
  }

  private Container start(String name, EndpointRequest... endpoints) throws Exception {
    return start(name, List.of(), endpoints);
  }

  private Container start(String name, List<PortRequest> ports, EndpointRequest... endpoints)
      throws Exception {
    String id = Ids.next();
    AttachRequest request =
        new AttachRequest(
            id, name, name, List.of(endpoints), ports, List.of(), List.of(), List.of());
    Networks.Attached attached = networks.attach(request);
    NetworkSandbox sandbox = NetworkSandbox.open(attached);
    open.add(sandbox);
    networks.started(id, sandbox.pid());
    return new Container(id, name, attached.attachment(), sandbox);
  }

  private static AttachRequest known(Container c) {
    return AttachRequest.of(c.id(), c.name(), "", List.of());
  }

  private static EndpointRequest on(String network, String... aliases) {
    return new EndpointRequest(network, "", "", "", List.of(aliases), List.of(), Map.of(), 0);
  }

  private static NetworkRequest internal(String name) {
    return new NetworkRequest(
        name, "", null, null, "", null, List.of(), true, false, false, "", false, "", Map.of(),
        Map.of());
  }

  /// The answer's bytes to a query of `type`, asked from inside.
  private static byte[] ask(Container from, String name, int type) throws Exception {
    return from.sandbox()
        .inside(
            () -> {
              try (DatagramSocket socket = new DatagramSocket()) {
                socket.setSoTimeout(6000);
                byte[] query = query(name, type);
                socket.send(
                    new DatagramPacket(
                        query, query.length, new InetSocketAddress("127.0.0.11", 53)));
                DatagramPacket answer = new DatagramPacket(new byte[4096], 4096);
                socket.receive(answer);
                return Arrays.copyOf(answer.getData(), answer.getLength());
              }
            });
  }

  private static byte[] query(String name, int type) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0});
    for (String label : name.split("\\.")) {
      out.write(label.length());
      out.writeBytes(label.getBytes(StandardCharsets.US_ASCII));
    }
    out.writeBytes(new byte[] {0, 0, (byte) type, 0, 1});
    return out.toByteArray();
  }

  private static String address(Container from, String name) throws Exception {
    byte[] answer = ask(from, name, 1);
    int code = answer[3] & 0xf;
    if (code != 0 || answer[7] == 0) {
      return "code " + code + ", " + answer[7] + " answers";
    }
    return InetAddress.getByAddress(Arrays.copyOfRange(answer, answer.length - 4, answer.length))
        .getHostAddress();
  }

  @Test
  void containersOfOneNetworkFindEachOtherByName() throws Exception {
    Network net = networks.create(NetworkRequest.of("one"));
    assertEquals("br-" + Ids.shorten(net.id()), net.bridge());
    assertEquals(POOL + ".0/28", net.pools().getFirst().subnet());
    Container a = start("a", on("one", "web"));
    Container b = start("b", on("one"));
    open.add(a.sandbox().whoami(a.ip(), 80));
    assertEquals(a.ip(), address(b, "a"));
    assertEquals(a.ip(), address(b, "A"));
    assertEquals(a.ip(), address(b, "web"));
    assertEquals(a.ip(), address(b, "a.one"));
    assertEquals(a.ip(), address(b, Ids.shorten(a.id())));
    assertEquals(b.ip(), address(b, "b"));
    assertEquals("code 0, 0 answers", "code 0, " + ask(b, "a", 28)[7] + " answers");
    assertEquals(b.ip(), b.sandbox().ask(a.ip(), 80));
    byte[] reverse =
        ask(b, String.join(".", List.of(a.ip().split("\\.")).reversed()) + ".in-addr.arpa", 12);
    assertTrue(
        new String(reverse, StandardCharsets.ISO_8859_1).contains("\u0001a\u0003one"), "PTR");
    networks.release(a.id());
    assertTrue(address(b, "a").startsWith("code "), "nobody outside is called a");
  }

  @Test
  void otherNamesAreAskedOutside() throws Exception {
    networks.create(NetworkRequest.of("one"));
    networks.create(internal("inner"));
    try (Outside outside = Outside.open(OUTDNS, DNS)) {
      DatagramSocket server =
          outside.sandbox().inside(() -> new DatagramSocket(new InetSocketAddress(DNS + ".2", 53)));
      open.add(server);
      Thread.ofVirtual().start(() -> answerEverything(server));
      Container a = start("a", on("one"));
      Container locked = start("b", on("inner"));
      assertEquals("9.8.7.6", address(a, "example.test"));
      assertEquals("code 2, 0 answers", address(locked, "example.test"));
    }
  }

  private static void answerEverything(DatagramSocket server) {
    try {
      while (true) {
        DatagramPacket packet = new DatagramPacket(new byte[512], 512);
        server.receive(packet);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(packet.getData(), 0, packet.getLength());
        out.writeBytes(new byte[] {(byte) 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 9, 8, 7, 6});
        byte[] answer = out.toByteArray();
        answer[2] = (byte) 0x81;
        answer[7] = 1;
        server.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
      }
    } catch (IOException e) {
      assertTrue(server.isClosed());
    }
  }

  @Test
  void networksAreIsolatedAndPublishedPortsAreNot() throws Exception {
    networks.create(NetworkRequest.of("one"));
    networks.create(NetworkRequest.of("two"));
    Container a = start("a", List.of(PortRequest.parse("80", "", "" + port(5))), on("one"));
    Container b = start("b", on("two"));
    open.add(a.sandbox().whoami(a.ip(), 80));
    assertFalse(canAsk(() -> b.sandbox().ask(a.ip(), 80)));
    assertTrue(address(b, "a").startsWith("code "), "names of other networks stay unknown");
    String gateway = b.attachment().endpoints().getFirst().ipv4Gateway();
    assertEquals(b.ip(), b.sandbox().ask(gateway, port(5)), "source kept between networks");
  }

  @Test
  void internalNetworkCannotLeave() throws Exception {
    networks.create(internal("inner"));
    try (Outside outside = Outside.open(OUTSIDE, OUT)) {
      open.add(outside.sandbox().whoami(OUT + ".2", 90));
      Container a = start("a", on("inner"));
      Container b = start("b", on("inner"));
      open.add(b.sandbox().whoami(b.ip(), 80));
      assertEquals(a.ip(), a.sandbox().ask(b.ip(), 80));
      assertEquals("", a.attachment().endpoints().getFirst().ipv4Gateway());
      run(
          "nsenter",
          "-t",
          "" + a.sandbox().pid(),
          "-n",
          "ip",
          "route",
          "add",
          "default",
          "via",
          networks.find("inner").pools().getFirst().router());
      assertFalse(canAsk(() -> a.sandbox().ask(OUT + ".2", 90)));
    }
  }

  @Test
  void runningContainerIsConnectedAndDisconnected() throws Exception {
    networks.create(NetworkRequest.of("one"));
    networks.create(NetworkRequest.of("two"));
    Container a = start("a", on("one"));
    Container b = start("b", on("two"));
    open.add(b.sandbox().whoami(b.ip(), 80));
    assertFalse(canAsk(() -> a.sandbox().ask(b.ip(), 80)));
    Attachment both = networks.connect(known(a), a.sandbox().pid(), on("two", "late"));
    assertEquals("eth1", both.endpoints().get(1).interfaceName());
    assertEquals(both.endpoints().get(1).ipv4(), a.sandbox().ask(b.ip(), 80));
    assertEquals(b.ip(), address(a, "b"));
    assertEquals(both.endpoints().get(1).ipv4(), address(b, "late"));
    Failure again =
        assertThrows(
            Failure.Forbidden.class,
            () -> networks.connect(known(a), a.sandbox().pid(), on("two")));
    assertEquals("endpoint with name a already exists in network two", again.text());
    assertEquals(
        "error while removing network: network one has active endpoints (name:\"a\" id:\""
            + Ids.shorten(a.attachment().endpoints().getFirst().endpointId())
            + "\")",
        assertThrows(Failure.Forbidden.class, () -> networks.remove("one")).text());
    Attachment left = networks.disconnect(a.id(), a.sandbox().pid(), "one");
    assertEquals(List.of("eth1"), left.endpoints().stream().map(e -> e.interfaceName()).toList());
    assertEquals(left.endpoints().getFirst().ipv4(), a.sandbox().ask(b.ip(), 80));
    assertEquals(
        "invalid endpoint settings:\n* invalid IPv4 address: x\n* user specified IP address is"
            + " supported only when connecting to networks with user configured subnets",
        assertThrows(
                Failure.InvalidRequest.class,
                () ->
                    networks.connect(
                        known(a),
                        a.sandbox().pid(),
                        new EndpointRequest("one", "x", "", "", List.of(), List.of(), Map.of(), 0)))
            .text());
    networks.remove("one");
    networks.rename(a.id(), "renamed");
    assertEquals(left.endpoints().getFirst().ipv4(), address(b, "renamed"));
    assertTrue(
        run("nsenter", "-t", "" + a.sandbox().pid(), "-n", "ip", "route")
            .contains("default via " + left.endpoints().getFirst().ipv4Gateway()));
  }

  @Test
  void dualStackContainersReachEachOtherAndArePublished() throws Exception {
    networks.create(
        new NetworkRequest(
            "six",
            "",
            null,
            true,
            "",
            null,
            List.of(
                new NetworkRequest.Subnet(NET6 + "::/64", "", "", Map.of()),
                new NetworkRequest.Subnet(
                    FIXED + ".0/24",
                    FIXED + ".128/25",
                    FIXED + ".254",
                    Map.of("r", FIXED + ".129"))),
            false,
            false,
            false,
            "",
            false,
            "",
            Map.of(),
            Map.of()));
    Container a = start("a", List.of(PortRequest.parse("80", "", "" + port(6))), on("six"));
    Container b =
        start(
            "b",
            new EndpointRequest(
                "six",
                FIXED + ".7",
                NET6 + "::77",
                "02:00:00:00:00:07",
                List.of(),
                List.of(),
                Map.of(),
                0));
    assertEquals(FIXED + ".128", a.ip());
    assertEquals(NET6 + "::2", a.attachment().endpoints().getFirst().ipv6());
    assertEquals(NET6 + "::77", b.attachment().endpoints().getFirst().ipv6());
    open.add(a.sandbox().whoami("::", 80));
    assertEquals(NET6 + ":0:0:0:0:77", b.sandbox().ask(NET6 + "::2", 80));
    assertEquals(FIXED + ".7", b.sandbox().ask(a.ip(), 80).replace("::ffff:", ""));
    assertEquals(NET6 + ":0:0:0:0:1", NetworkSandbox.askFromHere(NET6 + "::1", port(6)));
    Failure used =
        assertThrows(
            Failure.Internal.class,
            () ->
                start(
                    "c",
                    new EndpointRequest(
                        "six", FIXED + ".7", "", "", List.of(), List.of(), Map.of(), 0)));
    assertTrue(used.text().endsWith("Address already in use"), used.text());
  }

  @Test
  void networksSurviveTheEngine() throws Exception {
    Network before = networks.create(NetworkRequest.of("one"));
    Container a = start("a", on("one"));
    Container b = start("b", on("one"));
    networks.close();
    networks = Networks.open(OPTIONS, store);
    networks.restore(
        List.of(
            new Networks.Live(a.attachment(), a.sandbox().pid()),
            new Networks.Live(b.attachment(), b.sandbox().pid())));
    assertEquals(before, networks.find("one"));
    assertEquals(a.ip(), address(b, "a"));
    assertEquals(POOL + ".4", start("c", on("one")).ip());
  }
}
