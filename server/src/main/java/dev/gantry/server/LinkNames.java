package dev.gantry.server;

import dev.gantry.engine.Container;
import dev.gantry.engine.Engine;
import dev.gantry.json.Json;
import dev.gantry.network.EndpointRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Legacy links on the default bridge as Docker shows them: a container is also called
/// `/PARENT/ALIAS` by each that links to it, and the parent's link reads `/NAME:/PARENT/ALIAS`.
final class LinkNames {
  private LinkNames() {}

  /// The further names of containers that others link to, by id.
  static Map<String, List<String>> all(Engine engine) {
    Map<String, List<String>> names = new HashMap<>();
    for (Container parent : engine.list()) {
      for (String link : links(parent)) {
        engine
            .find(target(link))
            .ifPresent(
                c ->
                    names
                        .computeIfAbsent(c.id(), id -> new ArrayList<>())
                        .add("/" + parent.name() + "/" + alias(link)));
      }
    }
    return names;
  }

  /// `HostConfig.Links` of a container.
  static Json shown(Engine engine, Container c) {
    Json.JsonArray shown = Json.array();
    for (String link : links(c)) {
      String name = engine.find(target(link)).map(Container::name).orElse(target(link));
      shown.add("/" + name + ":/" + c.name() + "/" + alias(link));
    }
    return shown.isEmpty() ? Json.NULL : shown;
  }

  private static List<String> links(Container c) {
    return c.spec().endpoints().stream()
        .filter(e -> e.network().equals("bridge"))
        .map(EndpointRequest::links)
        .flatMap(List::stream)
        .toList();
  }

  private static String target(String link) {
    return link.split(":", 2)[0];
  }

  private static String alias(String link) {
    return link.substring(link.indexOf(':') + 1);
  }
}
