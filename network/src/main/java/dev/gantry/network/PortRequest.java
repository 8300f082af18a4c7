package dev.gantry.network;

import dev.gantry.base.Failure;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// A container port to publish.
///
/// @param protocol `tcp`, `udp` or `sctp`
/// @param hostIp empty for the engine's default binding
/// @param hostFirst first port that may be taken, 0 for any free one
/// @param hostLast last port that may be taken
public record PortRequest(
    int containerPort, String protocol, String hostIp, int hostFirst, int hostLast) {
  private static final Set<String> PROTOCOLS = Set.of("tcp", "udp", "sctp");

  public PortRequest {
    protocol = protocol.toLowerCase(Locale.ROOT);
    if (containerPort < 1 || containerPort > 65535 || !PROTOCOLS.contains(protocol)) {
      throw new Failure.InvalidRequest(
          "invalid port specification: \"" + containerPort + "/" + protocol + "\"");
    }
    if (hostFirst < 0 || hostLast < hostFirst || hostLast > 65535) {
      throw new Failure.InvalidRequest(
          "invalid port specification: \"" + hostFirst + "-" + hostLast + "\"");
    }
    if (!hostIp.isEmpty() && !hostIp.equals("*") && Cidr.literal(hostIp).isEmpty()) {
      throw new Failure.InvalidRequest("invalid host IP: " + hostIp);
    }
  }

  /// Reads Docker's form: `80/tcp`, and `HostIp` and `HostPort` (a number, a range, or nothing) of
  /// a binding.
  public static PortRequest parse(String containerPort, String hostIp, String hostPort) {
    String[] port = containerPort.split("/", 2);
    String[] range = hostPort.split("-", 2);
    int first = number(range[0], hostPort);
    int last = range.length == 2 ? number(range[1], hostPort) : first;
    return new PortRequest(
        number(port[0], containerPort), port.length == 2 ? port[1] : "tcp", hostIp, first, last);
  }

  /// The same on another address of the host.
  PortRequest on(String otherHostIp) {
    return new PortRequest(containerPort, protocol, otherHostIp, hostFirst, hostLast);
  }

  /// The same port as is published now.
  static PortRequest again(PublishedPort port) {
    return new PortRequest(
        port.containerPort(), port.protocol(), port.hostIp(), port.hostPort(), port.hostPort());
  }

  /// `wishes` with the ports that are `there` already where any free one is asked for.
  static List<PortRequest> keeping(List<PortRequest> wishes, List<PublishedPort> there) {
    return wishes.stream()
        .map(
            wish ->
                there.stream()
                    .filter(wish::isMetBy)
                    .findFirst()
                    .map(port -> again(port).on(wish.hostIp()))
                    .orElse(wish))
        .toList();
  }

  private boolean isMetBy(PublishedPort port) {
    return hostFirst == 0
        && port.containerPort() == containerPort
        && port.protocol().equals(protocol)
        && (hostIp.isEmpty() || hostIp.equals(port.hostIp()));
  }

  private static int number(String text, String whole) {
    if (text.isEmpty()) {
      return 0;
    }
    if (!text.matches("\\d{1,5}")) {
      throw new Failure.InvalidRequest("invalid port specification: \"" + whole + "\"");
    }
    return Integer.parseInt(text);
  }
}
