package dev.gantry.server;

import dev.gantry.json.Json;
import dev.gantry.network.EndpointRequest;
import dev.gantry.network.PortRequest;
import java.util.ArrayList;
import java.util.List;

/// What a create request says of networks and ports.
///
/// @param config the body
/// @param host its host configuration
/// @param image the image's configuration
record NetworkingRequest(Json.JsonObject config, Json.JsonObject host, Json.JsonObject image) {
  /// Published on any address and port of the machine.
  private static final List<Json> ANYWHERE = List.of(Json.object());

  List<EndpointRequest> endpoints(String mode) {
    List<EndpointRequest> endpoints = new ArrayList<>();
    config
        .object("NetworkingConfig")
        .flatMap(n -> n.object("EndpointsConfig"))
        .ifPresent(
            all ->
                all.members()
                    .forEach(
                        (name, value) -> {
                          if (value instanceof Json.JsonObject e) {
                            endpoints.add(endpoint(name.equals("default") ? mode : name, e));
                          }
                        }));
    boolean none = mode.equals("host") || mode.equals("none") || mode.startsWith("container:");
    String mac = config.string("MacAddress", "");
    if (!mac.isEmpty() && endpoints.stream().noneMatch(e -> e.network().equals(mode))) {
      endpoints.addFirst(endpoint(mode, Json.object().put("MacAddress", mac)));
    }
    return none ? List.of() : withLinks(mode, endpoints);
  }

  /// On the default bridge, links are the host configuration's and concern the engine alone.
  private List<EndpointRequest> withLinks(String mode, List<EndpointRequest> endpoints) {
    List<String> links = host.strings("Links");
    if (links.isEmpty() || !mode.equals("bridge")) {
      return endpoints;
    }
    List<EndpointRequest> all = new ArrayList<>(endpoints);
    EndpointRequest wish =
        all.stream()
            .filter(e -> e.network().equals(mode))
            .findFirst()
            .orElseGet(() -> EndpointRequest.of(mode));
    all.remove(wish);
    all.addFirst(
        new EndpointRequest(
            wish.network(),
            wish.ipv4(),
            wish.ipv6(),
            wish.mac(),
            wish.aliases(),
            links,
            wish.driverOptions(),
            wish.gatewayPriority(),
            wish.linkLocal()));
    return all;
  }

  /// The MAC address asked for on the network that the container is named for.
  String mainMac(String mode) {
    return endpoints(mode).stream()
        .filter(e -> e.network().equals(mode))
        .findFirst()
        .map(EndpointRequest::mac)
        .orElse("");
  }

  static EndpointRequest endpoint(String name, Json.JsonObject e) {
    Json.JsonObject ipam = e.object("IPAMConfig").orElseGet(Json::object);
    return new EndpointRequest(
        name,
        ipam.string("IPv4Address", ""),
        ipam.string("IPv6Address", ""),
        e.string("MacAddress", ""),
        e.strings("Aliases"),
        e.strings("Links"),
        e.stringMap("DriverOpts"),
        (int) e.number("GwPriority", 0),
        ipam.strings("LinkLocalIPs"));
  }

  List<PortRequest> ports() {
    List<PortRequest> ports = new ArrayList<>();
    Json.JsonObject exposed = config.object("ExposedPorts").orElseGet(Json::object);
    host.object("PortBindings")
        .ifPresent(
            bindings ->
                bindings
                    .members()
                    .forEach(
                        (port, list) -> {
                          List<Json> items =
                              list instanceof Json.JsonArray array ? array.items() : List.of();
                          for (Json item : items.isEmpty() ? ANYWHERE : items) {
                            if (exposed.has(port) && item instanceof Json.JsonObject b) {
                              ports.add(
                                  PortRequest.parse(
                                      port, b.string("HostIp", ""), b.string("HostPort", "")));
                            }
                          }
                        }));
    if (host.bool("PublishAllPorts", false)) {
      for (Json.JsonObject from :
          List.of(exposed, image.object("ExposedPorts").orElseGet(Json::object))) {
        from.members().keySet().stream()
            .filter(
                p ->
                    ports.stream()
                        .noneMatch(r -> (r.containerPort() + "/" + r.protocol()).equals(p)))
            .forEach(p -> ports.add(PortRequest.parse(p, "", "")));
      }
    }
    return ports;
  }
}
