package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.Engine;
import dev.gantry.json.Json;
import dev.gantry.network.PortExplanation;
import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// `GET /gantry/containers/ID/ports/PORT[/PROTOCOL]/explain`, which Docker has not: who reaches a
/// port, and which rule decides.
final class PortExplainRoutes {
  private static final Set<String> PROTOCOLS = Set.of("tcp", "udp", "sctp");

  private final Engine engine;

  PortExplainRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("GET", "/gantry/containers/{id}/ports/{port}/explain", this::explain);
    router.on("GET", "/gantry/containers/{id}/ports/{port}/{protocol}/explain", this::explain);
  }

  private void explain(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c = engine.require(p.getOrDefault("id", ""));
    String port = p.getOrDefault("port", "");
    String protocol = p.getOrDefault("protocol", "tcp").toLowerCase(Locale.ROOT);
    if (!port.matches("\\d{1,5}")
        || Integer.parseInt(port) < 1
        || Integer.parseInt(port) > 65_535
        || !PROTOCOLS.contains(protocol)) {
      throw new Failure.InvalidRequest("invalid port: " + port + "/" + protocol);
    }
    PortExplanation found = engine.networks().explain(c.id(), Integer.parseInt(port), protocol);
    Json.JsonArray ways = Json.array();
    for (PortExplanation.Way way : found.ways()) {
      ways.add(
          Json.object()
              .put("Address", way.address())
              .put("Who", way.who())
              .put("Reaches", way.answer().name().toLowerCase(Locale.ROOT))
              .put("Rule", way.rule()));
    }
    r.json(
        200,
        Json.object()
            .put("Container", found.container())
            .put("Port", found.port())
            .put("Ways", ways)
            .put("Notes", Json.strings(found.notes())));
  }
}
