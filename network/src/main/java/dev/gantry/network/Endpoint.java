package dev.gantry.network;

import java.util.List;
import java.util.Map;

/// A container's place on one network. Texts are empty and lengths zero for a family that the
/// network does not have.
///
/// @param network the network's name when the endpoint was made
/// @param interfaceName inside the container (`eth0`)
/// @param hostInterface the veth's end on the host (`veth1a2b3c4d`), or empty
/// @param linkLocal further addresses, in no subnet of the network
/// @param ipv4Gateway `0.0.0.0` (and `::`) for a default route that needs none
/// @param names what the embedded DNS answers for: container name, aliases, short id
public record Endpoint(
    String networkId,
    String network,
    String endpointId,
    String interfaceName,
    String hostInterface,
    String mac,
    String ipv4,
    int ipv4Prefix,
    String ipv4Gateway,
    String ipv6,
    int ipv6Prefix,
    String ipv6Gateway,
    List<String> aliases,
    List<String> links,
    List<String> names,
    Map<String, String> driverOptions,
    int gatewayPriority,
    List<String> linkLocal) {
  public Endpoint {
    aliases = List.copyOf(aliases);
    links = List.copyOf(links);
    names = List.copyOf(names);
    driverOptions = Map.copyOf(driverOptions);
    linkLocal = List.copyOf(linkLocal);
  }

  /// What is known of an endpoint before its container runs: no address, no interface.
  public static Endpoint planned(String networkId, String mac, EndpointRequest wish) {
    return new Endpoint(
        networkId,
        wish.network(),
        "",
        "",
        "",
        mac,
        "",
        0,
        "",
        "",
        0,
        "",
        wish.aliases(),
        wish.links(),
        List.of(),
        wish.driverOptions(),
        wish.gatewayPriority(),
        List.of());
  }

  /// With `after` among the names where `before` was.
  Endpoint renamed(String before, String after) {
    List<String> changed =
        names.stream().map(name -> name.equals(before) ? after : name).distinct().toList();
    return with(hostInterface, changed);
  }

  /// With `link` as its end on the host.
  Endpoint onLink(String link) {
    return with(link, names);
  }

  private Endpoint with(String newHostInterface, List<String> newNames) {
    return new Endpoint(
        networkId,
        network,
        endpointId,
        interfaceName,
        newHostInterface,
        mac,
        ipv4,
        ipv4Prefix,
        ipv4Gateway,
        ipv6,
        ipv6Prefix,
        ipv6Gateway,
        aliases,
        links,
        newNames,
        driverOptions,
        gatewayPriority,
        linkLocal);
  }
}
