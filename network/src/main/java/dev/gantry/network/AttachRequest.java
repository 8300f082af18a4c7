package dev.gantry.network;

import java.util.List;

/// A container that is about to start, the networks it wants and the ports it publishes.
///
/// @param name the container's name without a slash
/// @param dns servers of `--dns`, before the engine's
public record AttachRequest(
    String containerId,
    String name,
    String hostname,
    List<EndpointRequest> endpoints,
    List<PortRequest> ports,
    List<String> dns,
    List<String> dnsSearch,
    List<String> dnsOptions) {
  public AttachRequest {
    endpoints = List.copyOf(endpoints);
    ports = List.copyOf(ports);
    dns = List.copyOf(dns);
    dnsSearch = List.copyOf(dnsSearch);
    dnsOptions = List.copyOf(dnsOptions);
  }

  /// One endpoint on `network`, and `ports`.
  public static AttachRequest of(
      String containerId, String name, String network, List<PortRequest> ports) {
    return new AttachRequest(
        containerId,
        name,
        "",
        List.of(EndpointRequest.of(network)),
        ports,
        List.of(),
        List.of(),
        List.of());
  }
}
