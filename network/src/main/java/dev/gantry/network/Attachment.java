package dev.gantry.network;

import java.util.List;

/// What a container has on its networks: plain texts and numbers, so that the engine can keep it in
/// its record of the container and give it back to [Networks#restore] after a restart.
///
/// @param sandboxId names the network namespace on Docker's wire
/// @param endpoints in the order of their interfaces
public record Attachment(
    String containerId,
    String name,
    String hostname,
    String sandboxId,
    List<Endpoint> endpoints,
    List<PublishedPort> ports,
    List<String> dns,
    List<String> dnsSearch,
    List<String> dnsOptions) {
  public Attachment {
    endpoints = List.copyOf(endpoints);
    ports = List.copyOf(ports);
    dns = List.copyOf(dns);
    dnsSearch = List.copyOf(dnsSearch);
    dnsOptions = List.copyOf(dnsOptions);
  }

  static Attachment of(AttachRequest request, String sandboxId, List<Endpoint> endpoints) {
    return new Attachment(
        request.containerId(),
        request.name(),
        request.hostname(),
        sandboxId,
        endpoints,
        List.of(),
        request.dns(),
        request.dnsSearch(),
        request.dnsOptions());
  }

  /// The same off a network.
  public Attachment without(String network) {
    return with(endpoints.stream().filter(e -> !e.network().equals(network)).toList(), ports);
  }

  Attachment named(String newName) {
    return new Attachment(
        containerId, newName, hostname, sandboxId, endpoints, ports, dns, dnsSearch, dnsOptions);
  }

  Attachment with(List<Endpoint> newEndpoints, List<PublishedPort> newPorts) {
    return new Attachment(
        containerId, name, hostname, sandboxId, newEndpoints, newPorts, dns, dnsSearch, dnsOptions);
  }
}
