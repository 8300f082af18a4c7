package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.oci.ImageReference;
import java.io.IOException;
import java.util.Map;
import java.util.Set;

/// Plugins: there are none, so a list is empty and a name is unknown.
final class PluginRoutes {
  void addTo(Router router) {
    router.on("GET", "/plugins", PluginRoutes::list);
    router.on("GET", "/plugins/{name:.*}/json", PluginRoutes::unknown);
    router.on("POST", "/plugins/{name:.*}/disable", PluginRoutes::unknown);
    router.on("POST", "/plugins/{name:.*}/set", PluginRoutes::unknown);
    router.on("POST", "/plugins/{name:.*}/push", PluginRoutes::unknown);
    router.on("DELETE", "/plugins/{name:.*}", PluginRoutes::unknown);
    router.on("POST", "/plugins/{name:.*}/enable", PluginRoutes::enable);
    router.on("GET", "/plugins/privileges", PluginRoutes::privileges);
    router.on("POST", "/plugins/pull", PluginRoutes::pull);
    router.on("POST", "/plugins/{name:.*}/upgrade", PluginRoutes::unknown);
    router.on("POST", "/plugins/create", (q, r, p) -> none());
  }

  private static void list(HttpRequest q, HttpResponse r, Map<String, String> p)
      throws IOException {
    Filters filters = Filters.parse(q.text("filters")).only(Set.of("enabled", "capability"));
    if (filters.has("enabled")) {
      boolean ignored = filters.bool("enabled");
    }
    r.json(200, Json.array());
  }

  private static void privileges(HttpRequest q, HttpResponse r, Map<String, String> p) {
    ImageReference ignored = ImageReference.parse(q.text("remote"));
    none();
  }

  private static void pull(HttpRequest q, HttpResponse r, Map<String, String> p) {
    ImageReference ignored = ImageReference.parse(q.text("remote"));
    none();
  }

  /// Docker's plugins are programs for its own daemon.
  private static void none() {
    throw new Failure.Unsupported("this engine takes no plugins");
  }

  private static void enable(HttpRequest q, HttpResponse r, Map<String, String> p) {
    int ignored = HttpRequest.number(q.text("timeout"));
    unknown(q, r, p);
  }

  private static void unknown(HttpRequest q, HttpResponse r, Map<String, String> p) {
    throw new Failure.NotFound("plugin \"" + p.get("name") + "\" not found");
  }
}
