package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.Engine;
import dev.gantry.json.Json;
import dev.gantry.network.Attachment;
import dev.gantry.network.Endpoint;
import dev.gantry.network.Network;
import dev.gantry.network.NetworkRequest;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/// /networks.
final class NetworkRoutes {
  private static final Set<String> FILTERS =
      Set.of("dangling", "driver", "id", "label", "name", "scope", "type", "idOrName");

  private final Engine engine;

  NetworkRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("GET", "/networks", this::list);
    router.on("POST", "/networks/create", this::create);
    router.on("POST", "/networks/prune", this::prune);
    router.on("GET", "/networks/{id:.*}", this::inspect);
    router.on("POST", "/networks/{id}/connect", this::connect);
    router.on("POST", "/networks/{id}/disconnect", this::disconnect);
    router.on("DELETE", "/networks/{id:.*}", this::remove);
  }

  private static String id(Map<String, String> path) {
    return path.getOrDefault("id", "");
  }

  private Json.JsonObject json(Network n, boolean withContainers) {
    Json.JsonArray pools = Json.array();
    for (Network.Pool pool : n.pools()) {
      Json.JsonObject p = Json.object().put("Subnet", pool.subnet());
      if (!pool.ipRange().isEmpty()) {
        p.put("IPRange", pool.ipRange());
      }
      // of a subnet that was given only what was given is shown
      String gateway = pool.gateway().isEmpty() && pool.chosen() ? pool.router() : pool.gateway();
      if (!gateway.isEmpty()) {
        p.put("Gateway", gateway);
      }
      if (!pool.auxiliary().isEmpty()) {
        p.put("AuxiliaryAddresses", Json.strings(pool.auxiliary()));
      }
      pools.add(p);
    }
    Json.JsonObject containers = Json.object();
    if (withContainers) {
      for (Attachment a : engine.networks().attachments(n.id())) {
        for (Endpoint e : a.endpoints()) {
          if (e.networkId().equals(n.id())) {
            containers.put(
                a.containerId(),
                Json.object()
                    .put("Name", a.name())
                    .put("EndpointID", e.endpointId())
                    .put("MacAddress", e.mac())
                    .put("IPv4Address", e.ipv4().isEmpty() ? "" : e.ipv4() + "/" + e.ipv4Prefix())
                    .put("IPv6Address", e.ipv6().isEmpty() ? "" : e.ipv6() + "/" + e.ipv6Prefix()));
          }
        }
      }
    }
    boolean plain = n.name().equals("host") || n.name().equals("none");
    return Json.object()
        .put("Name", n.name())
        .put("Id", n.id())
        .put("Created", n.created())
        .put("Scope", "local")
        .put("Driver", n.driver())
        .put("EnableIPv4", n.enableIpv4())
        .put("EnableIPv6", n.enableIpv6())
        .put(
            "IPAM",
            Json.object()
                .put("Driver", n.ipamDriver().isEmpty() ? "default" : n.ipamDriver())
                .put("Options", Json.strings(n.ipamOptions()))
                .put("Config", plain ? Json.NULL : pools))
        .put("Internal", n.internal())
        .put("Attachable", n.attachable())
        .put("Ingress", false)
        .put("ConfigFrom", Json.object().put("Network", n.configFrom()))
        .put("ConfigOnly", n.configOnly())
        .put("Containers", containers)
        .put("Options", Json.strings(new TreeMap<>(n.options())))
        .put("Labels", Json.strings(new TreeMap<>(n.labels())));
  }

  private void list(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f = Filters.parse(q.text("filters")).only(FILTERS);
    Optional<Boolean> dangling = dangling(f);
    checkTypes(f);
    Json.JsonArray result = Json.array();
    for (Network n : engine.networks().list()) {
      boolean type =
          !f.has("type") || f.get("type").contains(n.predefined() ? "builtin" : "custom");
      boolean name =
          !f.has("name") || f.get("name").stream().anyMatch(x -> Filters.found(x, n.name()));
      boolean id = !f.has("id") || f.get("id").stream().anyMatch(n.id()::startsWith);
      if (type
          && name
          && id
          && f.matches("driver", n.driver())
          && f.matches("scope", "local")
          && dangling.map(wanted -> wanted == isDangling(n)).orElse(true)
          && f.labels("label", n.labels())) {
        Json.JsonObject json = json(n, false);
        if (q.version().atLeast(52)) {
          json.remove("Containers");
        }
        result.add(json);
      }
    }
    r.json(200, result);
  }

  private static void checkTypes(Filters f) {
    for (String type : f.get("type")) {
      if (!type.equals("builtin") && !type.equals("custom")) {
        throw new Failure.InvalidRequest("invalid filter: 'type'='" + type + "'");
      }
    }
  }

  private static Optional<Boolean> dangling(Filters f) {
    if (!f.has("dangling")) {
      return Optional.empty();
    }
    if (f.get("dangling").size() > 1) {
      throw new Failure.InvalidRequest("got more than one value for filter key \"dangling\"");
    }
    return switch (f.get("dangling").getFirst()) {
      case "true", "1" -> Optional.of(true);
      case "false", "0" -> Optional.of(false);
      default ->
          throw new Failure.InvalidRequest(
              "invalid value for filter 'dangling', must be \"true\" (or \"1\"), or \"false\" (or"
                  + " \"0\")");
    };
  }

  private boolean isDangling(Network n) {
    return !n.predefined() && engine.networks().attachments(n.id()).isEmpty();
  }

  private void inspect(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    String verbose = q.text("verbose");
    if (!verbose.isEmpty() && !verbose.matches("1|0|t|f|T|F|true|false|True|False|TRUE|FALSE")) {
      throw new Failure.InvalidRequest(
          "invalid value for verbose: "
              + verbose
              + ": strconv.ParseBool: parsing "
              + Json.of(verbose).text()
              + ": invalid syntax");
    }
    if (!List.of("", "local").contains(q.text("scope"))) {
      throw new Failure.NotFound("network " + id(p) + " not found");
    }
    Network n = engine.networks().find(id(p));
    Json.JsonObject json = json(n, true);
    if (q.version().atLeast(52)) {
      json.put("Status", AddressUse.of(n, engine.networks().attachments(n.id())).json());
    }
    r.json(200, json);
  }

  private void create(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Json.JsonObject body = q.jsonOrEmpty();
    Json.JsonObject ipam = body.object("IPAM").orElseGet(Json::object);
    List<NetworkRequest.Subnet> subnets = new ArrayList<>();
    for (Json.JsonObject c : ipam.objects("Config")) {
      subnets.add(
          new NetworkRequest.Subnet(
              c.string("Subnet", ""),
              c.string("IPRange", ""),
              c.string("Gateway", ""),
              c.stringMap("AuxiliaryAddresses")));
    }
    Network n =
        engine
            .networks()
            .create(
                new NetworkRequest(
                    body.string("Name", ""),
                    body.string("Driver", ""),
                    body.get("EnableIPv4") instanceof Json.JsonBoolean b
                        ? (Boolean) b.value()
                        : null,
                    body.get("EnableIPv6") instanceof Json.JsonBoolean b
                        ? (Boolean) b.value()
                        : null,
                    ipam.string("Driver", ""),
                    ipam.get("Options") instanceof Json.JsonObject
                        ? ipam.stringMap("Options")
                        : null,
                    subnets,
                    body.bool("Internal", false),
                    body.bool("Attachable", false),
                    body.bool("Ingress", false),
                    body.object("ConfigFrom").map(c -> c.string("Network", "")).orElse(""),
                    body.bool("ConfigOnly", false),
                    body.string("Scope", ""),
                    body.stringMap("Options"),
                    body.stringMap("Labels")));
    engine.publishEvent("network", "create", n.id(), Map.of("name", n.name(), "type", n.driver()));
    r.json(
        201,
        Json.object()
            .put("Id", n.id())
            .put("Warning", String.join("; ", engine.networks().routeConflicts(n))));
  }

  private void remove(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Network n = engine.networks().find(id(p));
    engine.networks().remove(n.id());
    engine.publishEvent("network", "destroy", n.id(), Map.of("name", n.name(), "type", n.driver()));
    r.empty(204);
  }

  private void connect(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Json.JsonObject body = q.jsonOrEmpty();
    Container c = container(body);
    Json.JsonObject wish = body.object("EndpointConfig").orElseGet(Json::object);
    String name =
        engine.networks().list().stream()
            .filter(n -> n.id().equals(id(p)))
            .map(Network::name)
            .findFirst()
            .orElse(id(p));
    engine.connect(c, NetworkingRequest.endpoint(name, wish));
    r.empty(200);
  }

  private void disconnect(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Json.JsonObject body = q.jsonOrEmpty();
    Network n = engine.networks().find(id(p));
    String name = body.string("Container", "");
    if (body.bool("Force", false) && engine.find(name).isEmpty()) {
      throw new Failure.NotFound("endpoint " + name + " not found");
    }
    engine.disconnect(container(body), n.id());
    r.empty(200);
  }

  private Container container(Json.JsonObject body) {
    String name = body.string("Container", "");
    if (name.isEmpty()) {
      throw new Failure.InvalidRequest("invalid name or ID supplied: \"\"");
    }
    return engine.require(name);
  }

  private void prune(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f = Filters.parse(q.text("filters")).only(Set.of("label", "label!", "until"));
    Instant until = f.until();
    Json.JsonArray deleted = Json.array();
    for (Network n : engine.networks().list()) {
      boolean idle =
          !n.predefined() && !n.configOnly() && engine.networks().attachments(n.id()).isEmpty();
      boolean asked =
          f.labels("label", n.labels())
              && f.lacks("label!", n.labels())
              && Instant.parse(n.created()).isBefore(until);
      if (idle && asked) {
        try {
          engine.networks().remove(n.id());
        } catch (Failure e) {
          continue; // somebody has just joined it
        }
        deleted.add(n.name());
        engine.publishEvent(
            "network", "destroy", n.id(), Map.of("name", n.name(), "type", n.driver()));
      }
    }
    engine.publishEvent("network", "prune", "", Map.of("reclaimed", "0"));
    r.json(200, Json.object().put("NetworksDeleted", deleted.isEmpty() ? Json.NULL : deleted));
  }
}
