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

  private record HostPort(String protocol, int port, int containerPort) {}

  private final NetworkOptions options;
  private final Firewall firewall;
  private final Targets targets;
  private final PortReservations reservations = new PortReservations();

  /// @param targets where a container's port is now, by container, port, and family
  Publisher(NetworkOptions options, Firewall firewall, Targets targets) {
    this.options = options;
    this.firewall = firewall;
    this.targets = targets;
  }

  /// Publishes `ports` of the endpoint `way`; all or none.
  Attachment publish(Attachment attachment, Endpoint way, String binding, List<PortRequest> ports) {
    try (Undo undo = new Undo()) {
      List<PublishedPort> published = new ArrayList<>();
      for (PortRequest port : new LinkedHashSet<>(ports)) {
        List<String> hostIps = hostIps(port.hostIp(), binding);
        int hostPort = reservations.take(port, hostIps);
        undo.on(() -> reservations.release(port.protocol(), hostIps, hostPort));
        hostIps.forEach(
            hostIp ->
                published.add(
                    new PublishedPort(port.containerPort(), port.protocol(), hostIp, hostPort)));
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

  /// Nothing said, or the wildcard by default: both families, as far as the host has them.
  private static List<String> hostIps(String wish, String binding) {
    String hostIp = wish.isEmpty() ? binding : wish;
    boolean both = wish.isEmpty() && hostIp.equals("0.0.0.0");
    return both && Files.exists(Path.of("/proc/net/if_inet6"))
        ? List.of("0.0.0.0", "::")
        : List.of(Cidr.literal(hostIp).map(Cidr::text).orElse(hostIp));
  }

  /// The firewall's view of an attachment's ports.
  static List<Firewall.Mapping> mappings(Attachment attachment) {
    List<Firewall.Mapping> mappings = new ArrayList<>();
    for (PublishedPort port : attachment.ports()) {
      InetAddress hostIp = Cidr.literal(port.hostIp()).orElseThrow();
      target(attachment, hostIp.getAddress().length == 16)
          .ifPresent(
              target ->
                  mappings.add(
                      new Firewall.Mapping(
                          port.protocol(), hostIp, port.hostPort(), target, port.containerPort())));
    }
    return mappings;
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
                reservations.takeAgain(port.protocol(), List.copyOf(hostIps), port.port()));
    relay(attachment);
  }

  private static Map<HostPort, Set<String>> grouped(Attachment attachment) {
    Map<HostPort, Set<String>> groups = new LinkedHashMap<>();
    attachment
        .ports()
        .forEach(
            p ->
                groups
                    .computeIfAbsent(
                        new HostPort(p.protocol(), p.hostPort(), p.containerPort()),
                        _ -> new LinkedHashSet<>())
                    .add(p.hostIp()));
    return groups;
  }

  /// The ports when endpoint `gone` has been taken away: they follow the container's remaining
  /// gateway, or are unpublished with the last one.
  Attachment withoutWay(Attachment attachment, Endpoint gone) {
    List<Endpoint> before = new ArrayList<>(attachment.endpoints());
    before.add(gone);
    List<Firewall.Mapping> old = mappings(attachment.with(before, attachment.ports()));
    List<Firewall.Mapping> now = mappings(attachment);
    if (rewrites() && !old.equals(now)) {
      firewall.unpublish(old);
      firewall.publish(now);
    }
    if (now.isEmpty() && !attachment.ports().isEmpty()) {
      unpublish(attachment);
      return attachment.with(attachment.endpoints(), List.of());
    }
    return attachment;
  }

  @Override
  public void close() {
    reservations.close();
  }
}
