package dev.gantry.network;

import dev.gantry.kernel.NetlinkSetup.HostMessage;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What must be sent to the kernel so that a container has its endpoints.
final class LaunchMessages {
  /// Indexes of container interfaces start here: below are loopback and the tunnels that some
  /// kernels put into every new namespace.
  private static final int FIRST_INDEX = 100;

  private static final Pattern NUMBERED = Pattern.compile("eth(\\d{1,4})");
  private static final int HOST_INDEX_FROM = 1 << 20;
  private static final int HOST_INDEX_TO = 1 << 30;

  private LaunchMessages() {}

  /// The index of an interface follows from its name: the number of `ethN`, a hash of others.
  static int index(Endpoint endpoint) {
    return index(endpoint.interfaceName());
  }

  static int index(String interfaceName) {
    Matcher numbered = NUMBERED.matcher(interfaceName);
    return numbered.matches()
        ? FIRST_INDEX + Integer.parseInt(numbered.group(1))
        : FIRST_INDEX + 10_000 + (interfaceName.hashCode() & 0xff_ffff);
  }

  /// An index for a link of the host that nobody else is likely to have.
  static int freeHostIndex() {
    return ThreadLocalRandom.current().nextInt(HOST_INDEX_FROM, HOST_INDEX_TO);
  }

  /// The veth on its bridge; `publishing` when the container has published ports.
  static List<HostMessage> veth(
      Endpoint endpoint, int bridgeIndex, int mtu, boolean publishing, LinkMessages.Target target) {
    int hostIndex = freeHostIndex();
    HostMessage veth =
        LinkMessages.veth(
            endpoint.hostInterface(),
            hostIndex,
            bridgeIndex,
            endpoint.interfaceName(),
            index(endpoint),
            LinkMessages.mac(endpoint.mac()),
            mtu,
            target);
    return publishing ? List.of(veth, LinkMessages.hairpin(hostIndex)) : List.of(veth);
  }

  /// Brings the interface up and gives it its addresses, from within the namespace.
  static List<byte[]> bringUp(Endpoint endpoint) {
    List<byte[]> messages = new ArrayList<>();
    messages.add(LinkMessages.up(index(endpoint)));
    messages.addAll(address(endpoint));
    return messages;
  }

  /// The same for the inner end of a pair that was made before it was known whose it will be.
  static List<byte[]> bringUp(Endpoint endpoint, int mtu) {
    List<byte[]> messages = new ArrayList<>();
    messages.add(LinkMessages.up(index(endpoint), LinkMessages.mac(endpoint.mac()), mtu));
    messages.addAll(address(endpoint));
    return messages;
  }

  private static List<byte[]> address(Endpoint endpoint) {
    int index = index(endpoint);
    return addresses(endpoint).stream().map(to -> LinkMessages.address(index, to)).toList();
  }

  static List<Cidr> addresses(Endpoint endpoint) {
    List<Cidr> addresses = new ArrayList<>();
    Cidr.literal(endpoint.ipv4())
        .ifPresent(address -> addresses.add(new Cidr(address, endpoint.ipv4Prefix())));
    Cidr.literal(endpoint.ipv6())
        .ifPresent(address -> addresses.add(new Cidr(address, endpoint.ipv6Prefix())));
    for (String text : endpoint.linkLocal()) {
      Cidr.literal(text)
          .ifPresent(address -> addresses.add(new Cidr(address, address.getAddress().length * 4)));
    }
    return addresses;
  }

  /// The default routes: through the endpoint of the highest priority that has a gateway, of equals
  /// the first by the network's name.
  static List<byte[]> defaultRoutes(List<Endpoint> endpoints) {
    List<byte[]> messages = new ArrayList<>();
    for (boolean ipv6 : new boolean[] {false, true}) {
      gatewayEndpoint(endpoints, ipv6)
          .ifPresent(
              endpoint ->
                  messages.add(
                      defaultRoute(index(endpoint), gateway(endpoint, ipv6).orElseThrow())));
    }
    return messages;
  }

  private static byte[] defaultRoute(int index, InetAddress gateway) {
    return gateway.isAnyLocalAddress()
        ? LinkMessages.defaultRouteOnLink(index, gateway)
        : LinkMessages.defaultRoute(index, gateway, 0);
  }

  static Optional<Endpoint> gatewayEndpoint(List<Endpoint> endpoints, boolean ipv6) {
    return endpoints.stream()
        .filter(endpoint -> gateway(endpoint, ipv6).isPresent())
        .min(
            java.util.Comparator.comparingInt((Endpoint e) -> -e.gatewayPriority())
                .thenComparing(Endpoint::network));
  }

  private static Optional<InetAddress> gateway(Endpoint endpoint, boolean ipv6) {
    return Cidr.literal(ipv6 ? endpoint.ipv6Gateway() : endpoint.ipv4Gateway());
  }

  /// Settings of the links that are there; to be written before they have addresses.
  static Map<String, String> settings(List<Endpoint> endpoints) {
    Map<String, String> settings = new LinkedHashMap<>();
    for (Endpoint endpoint : endpoints) {
      String name = endpoint.interfaceName();
      settings.putAll(settings(name, !endpoint.ipv6().isEmpty()));
      String own = endpoint.driverOptions().getOrDefault(BridgeOptions.SYSCTLS, "");
      for (String setting : own.split(",")) {
        String[] parts = setting.split("=", 2);
        if (parts.length == 2 && parts[0].matches("net\\.[A-Za-z0-9_.-]+")) {
          // the Docker CLI writes what it was given in lower case
          settings.put(parts[0].replaceFirst("(?i)\\bIFNAME\\b", name), parts[1]);
        }
      }
    }
    return settings;
  }

  /// Settings of a link with or without IPv6. Those of the namespace stay as the kernel has them: a
  /// container may make links of its own with IPv6.
  static Map<String, String> settings(String interfaceName, boolean ipv6) {
    String prefix = "net.ipv6.conf." + interfaceName;
    return !hostHasIpv6()
        ? Map.of()
        : ipv6
            // another container must not become the router (CVE-2020-13401)
            ? Map.of(prefix + ".disable_ipv6", "0", prefix + ".accept_ra", "0")
            : Map.of(prefix + ".disable_ipv6", "1");
  }

  /// Whether the pair that a namespace comes with has all the settings that `endpoints` need.
  static boolean pairIsEnough(List<Endpoint> endpoints) {
    return endpoints.size() == 1
        && !endpoints.getFirst().driverOptions().containsKey(BridgeOptions.SYSCTLS);
  }

  private static boolean hostHasIpv6() {
    return Files.exists(Path.of("/proc/sys/net/ipv6"));
  }
}
