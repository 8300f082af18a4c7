package dev.gantry.network;

import java.util.List;
import java.util.Map;

/// A wish to be on a network. Empty texts stand for what the request leaves to the engine.
///
/// @param network name or id
/// @param linkLocal further addresses of the interface
/// @param links `container:alias` of Docker's legacy links on user networks
public record EndpointRequest(
    String network,
    String ipv4,
    String ipv6,
    String mac,
    List<String> aliases,
    List<String> links,
    Map<String, String> driverOptions,
    int gatewayPriority,
    List<String> linkLocal) {
  public EndpointRequest {
    aliases = List.copyOf(aliases);
    links = List.copyOf(links);
    driverOptions = Map.copyOf(driverOptions);
    linkLocal = List.copyOf(linkLocal);
  }

  public EndpointRequest(
      String network,
      String ipv4,
      String ipv6,
      String mac,
      List<String> aliases,
      List<String> links,
      Map<String, String> driverOptions,
      int gatewayPriority) {
    this(network, ipv4, ipv6, mac, aliases, links, driverOptions, gatewayPriority, List.of());
  }

  public EndpointRequest withLinks(List<String> others) {
    return new EndpointRequest(
        network, ipv4, ipv6, mac, aliases, others, driverOptions, gatewayPriority, linkLocal);
  }

  public static EndpointRequest of(String network) {
    return new EndpointRequest(network, "", "", "", List.of(), List.of(), Map.of(), 0);
  }
}
