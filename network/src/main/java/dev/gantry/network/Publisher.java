package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Undo;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// Publishes containers' ports: holds the host's port and puts an element into the firewall's map.
/// [HostNetworks] holds the lock.
///
/// When ports shall obey the host's input rules, the firewall gets no elements: connections come to
/// the held sockets like to any server of the host.
final class Publisher implements AutoCloseable {
  /// Answers the present attachment of a container.
  interface Targets {
    Optional<Attachment> of(String containerId);
  }

  /// Stands for both wildcards.
  private static final String BOTH = "*";

  private record HostPort(String protocol, int port, int containerPort) {}

  /// How a container is reached over IPv4 or IPv6: found once for all its ports, of which there may
  /// be thousands.
  ///
  /// @param target its address behind published ports, if it has one there
  /// @param routed ports are reached without rewriting
  /// @param trusting ports are also reached by the container's own address from trusted links
  private record Reach(Optional<InetAddress> target, boolean routed, boolean trusting) {}

  /// Both families of one container.
  private record Reaches(Reach four, Reach six) {
    Reach of(boolean ipv6) {
      return ipv6 ? six : four;
    }

    Reach of(String hostIp) {
      return of(hostIp.contains(":"));
    }

    /// Where a port leads to, as errors say it.
    String address() {
      String address = four.target().or(six::target).map(Cidr::text).orElse("");
      return address.contains(":") ? "[" + address + "]" : address;
    }
  }

  private final NetworkOptions options;
  private final Firewall firewall;
  private final Targets targets;
  private final Function<String, Optional<Network>> networks;
  private final PortReservations reservations = new PortReservations();

  /// @param targets where a container's port is now, by container, port, and family
  /// @param networks finds a network by its id
  Publisher(
      NetworkOptions options,
      Firewall firewall,
      Targets targets,
      Function<String, Optional<Network>> networks) {
    this.options = options;
    this.firewall = firewall;
    this.targets = targets;
    this.networks = networks;
  }

  /// Publishes `ports` of the endpoint `way`; all or none.
  Attachment publish(Attachment attachment, Endpoint way, String binding, List<PortRequest> ports) {
    String who = "container " + attachment.name();
    try (Undo undo = new Undo()) {
      List<PublishedPort> published = new ArrayList<>();
      Reaches reaches = reaches(attachment);
      String address = reaches.address();
      boolean ipv4 = reaches.four().target().isPresent();
      boolean ipv6 = Files.exists(Path.of("/proc/net/if_inet6"));
      for (PortRequest port : onBothFamilies(ports)) {
        List<String> hostIps = hostIps(port.hostIp(), binding, ipv4, ipv6);
        List<String> taken = hostIps.stream().filter(ip -> !reaches.of(ip).routed()).toList();
        PortReservations.Holder holder =
            new PortReservations.Holder(who, address + ":" + port.containerPort());
        int hostPort = taken.isEmpty() ? 0 : reservations.take(port, taken, holder);
        undo.on(() -> reservations.release(port.protocol(), taken, hostPort));
        hostIps.forEach(
            hostIp ->
                published.add(
                    new PublishedPort(
                        port.containerPort(),
                        port.protocol(),
                        hostIp,
                        taken.contains(hostIp) ? hostPort : 0)));
      }
      Attachment result = attachment.with(attachment.endpoints(), published);
      if (rewrites()) {
        firewall.publish(mappings(result));
      }
      relay(result);
      undo.commit();
      return result;
    } catch (Failure e) {
      throw new Failure.Internal(
          "driver failed programming external connectivity on endpoint "
              + attachment.name()
              + " ("
              + way.endpointId()
              + "): "
              + e.text(),
          e);
    }
  }

  boolean rewrites() {
    return options.firewall() && !options.inputPolicy();
  }

  private void relay(Attachment attachment) {
    for (PublishedPort port : attachment.ports()) {
      reservations.relay(
          port,
          () ->
              targets
                  .of(attachment.containerId())
                  .flatMap(now -> target(now, false).or(() -> target(now, true)))
                  .map(address -> new InetSocketAddress(address, port.containerPort())));
    }
  }

  /// The same port asked for on both wildcards is one: the socket on `::` has both.
  private static Set<PortRequest> onBothFamilies(List<PortRequest> ports) {
    Set<PortRequest> all = new LinkedHashSet<>(ports);
    for (PortRequest port : ports) {
      PortRequest other = port.on("::");
      if (port.hostIp().equals("0.0.0.0") && port.hostFirst() > 0 && all.remove(other)) {
        all.remove(port);
        all.add(port.on(BOTH));
      }
    }
    return all;
  }

  /// Nothing said, or the wildcard by default: both families, as far as the host has them and the
  /// container can be reached.
  private static List<String> hostIps(String wish, String binding, boolean ipv4, boolean ipv6) {
    String hostIp = wish.isEmpty() || wish.equals(BOTH) ? binding : wish;
    boolean both = wish.equals(BOTH) || (wish.isEmpty() && hostIp.equals("0.0.0.0"));
    if (both && ipv6) {
      return ipv4 || wish.equals(BOTH) ? List.of("0.0.0.0", "::") : List.of("::");
    }
    return List.of(Cidr.literal(hostIp).map(Cidr::text).orElse(hostIp));
  }

  private Reaches reaches(Attachment attachment) {
    return new Reaches(reach(attachment, false), reach(attachment, true));
  }

  private Reach reach(Attachment attachment, boolean ipv6) {
    Optional<Network> network =
        LaunchMessages.gatewayEndpoint(attachment.endpoints(), ipv6)
            .flatMap(endpoint -> networks.apply(endpoint.networkId()));
    return new Reach(
        target(attachment, ipv6),
        network.filter(n -> BridgeOptions.mode(n, ipv6) == GatewayMode.ROUTED).isPresent(),
        network
            .filter(n -> options.further().directRouting() || !BridgeOptions.trusted(n).isEmpty())
            .isPresent());
  }

  /// The firewall's view of an attachment's ports.
  List<Firewall.Mapping> mappings(Attachment attachment) {
    Set<Firewall.Mapping> mappings = new LinkedHashSet<>();
    Reaches reaches = reaches(attachment);
    for (PublishedPort port : attachment.ports()) {
      Reach reach = reaches.of(port.hostIp());
      if (reach.target().isPresent()) {
        InetAddress target = reach.target().get();
        InetAddress hostIp = Cidr.literal(port.hostIp()).orElseThrow();
        mappings.add(mapping(port, hostIp, port.hostPort(), target));
        if (reach.trusting()) {
          mappings.add(mapping(port, hostIp, 0, target));
        }
      }
    }
    return List.copyOf(mappings);
  }

  private static Firewall.Mapping mapping(
      PublishedPort port, InetAddress hostIp, int hostPort, InetAddress target) {
    // without a host's port, its address means nothing
    InetAddress at = hostPort == 0 ? wildcard(target.getAddress().length == 16) : hostIp;
    return new Firewall.Mapping(port.protocol(), at, hostPort, target, port.containerPort());
  }

  private static InetAddress wildcard(boolean ipv6) {
    return Cidr.literal(ipv6 ? "::" : "0.0.0.0").orElseThrow();
  }

  private static Optional<InetAddress> target(Attachment attachment, boolean ipv6) {
    return LaunchMessages.gatewayEndpoint(attachment.endpoints(), ipv6)
        .flatMap(endpoint -> Cidr.literal(ipv6 ? endpoint.ipv6() : endpoint.ipv4()));
  }

  void unpublish(Attachment attachment) {
    if (rewrites()) {
      firewall.unpublish(mappings(attachment));
    }
    grouped(attachment)
        .forEach(
            (port, hostIps) ->
                reservations.release(port.protocol(), List.copyOf(hostIps), port.port()));
  }

  /// After a restart of the engine: the firewall gets its elements with the whole table.
  void takeAgain(Attachment attachment) {
    grouped(attachment)
        .forEach(
            (port, hostIps) ->
                reservations.takeAgain(
                    port.protocol(),
                    List.copyOf(hostIps),
                    port.port(),
                    "container " + attachment.name()));
    relay(attachment);
  }

  private static Map<HostPort, Set<String>> grouped(Attachment attachment) {
    Map<HostPort, Set<String>> groups = new LinkedHashMap<>();
    attachment.ports().stream()
        .filter(p -> p.hostPort() > 0)
        .forEach(
            p ->
                groups
                    .computeIfAbsent(
                        new HostPort(p.protocol(), p.hostPort(), p.containerPort()),
                        _ -> new LinkedHashSet<>())
                    .add(p.hostIp()));
    return groups;
  }

  /// The ports when a container's endpoints have changed: they follow its gateway, and are
  /// unpublished with the last one.
  Attachment moved(Attachment before, Attachment after) {
    List<Firewall.Mapping> old = mappings(before);
    List<Firewall.Mapping> now = mappings(after);
    if (now.isEmpty() && !after.ports().isEmpty()) {
      unpublish(before);
      return after.with(after.endpoints(), List.of());
    }
    if (rewrites() && !old.equals(now)) {
      firewall.unpublish(old);
      firewall.publish(now);
    }
    return after;
  }

  @Override
  public void close() {
    reservations.close();
  }
}
