package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.network.Endpoint;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Tells what containers use: their volumes and networks.
final class UseEvents {
  private final Engine engine;

  UseEvents(Engine engine) {
    this.engine = engine;
  }

  /// Tells that a container's volumes come into use or go out of it.
  void volumes(Container c, String action) {
    engine
        .volumes()
        .inUse(c)
        .forEach(
            (mount, name) -> {
              Map<String, String> attributes = new HashMap<>();
              attributes.put("container", c.id());
              attributes.put("driver", "local");
              if (action.equals("mount")) {
                attributes.put("destination", mount.target());
                attributes.put("propagation", mount.propagation());
                attributes.put("read/write", Boolean.toString(!mount.readOnly()));
              }
              engine.events().publish("volume", action, name, attributes);
            });
  }

  /// Tells that a container came to its networks or leaves them.
  void networks(Container c, String action) {
    String mode = c.spec().modes().network();
    if (mode.startsWith("container:")) {
      return;
    }
    List<String> on =
        c.attachment()
            .map(a -> a.endpoints().stream().map(Endpoint::network).toList())
            .orElse(List.of(mode));
    for (String network : on) {
      try {
        var n = engine.networks().find(network);
        engine
            .events()
            .publish(
                "network",
                action,
                n.id(),
                Map.of("container", c.id(), "name", n.name(), "type", n.driver()));
      } catch (Failure.NotFound e) {
        continue; // removed in the meantime
      }
    }
  }
}
