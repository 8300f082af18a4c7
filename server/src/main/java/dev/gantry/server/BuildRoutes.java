package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.io.IOException;
import java.util.Map;
import java.util.Set;

/// The build cache, which is empty as long as nothing was built, and the doors that only BuildKit's
/// clients open.
final class BuildRoutes {
  private static final Set<String> PRUNE_FILTERS =
      Set.of(
          "description",
          "id",
          "inuse",
          "parent",
          "private",
          "shared",
          "type",
          "until",
          "unused-for");

  void addTo(Router router) {
    router.on("POST", "/build/prune", BuildRoutes::prune);
    router.on("POST", "/build/cancel", BuildRoutes::cancel);
    router.on("POST", "/session", BuildRoutes::upgrade);
    router.on("POST", "/grpc", BuildRoutes::upgrade);
  }

  private static void prune(HttpRequest q, HttpResponse r, Map<String, String> p)
      throws IOException {
    for (String key :
        new String[] {"keep-storage", "reserved-space", "max-used-space", "min-free-space"}) {
      String text = q.text(key);
      if (!text.isEmpty() && !text.matches("[+-]?[0-9]{1,18}")) {
        throw new Failure.InvalidRequest(
            key
                + " is in bytes and expects an integer, got "
                + text
                + ": strconv.Atoi: parsing "
                + Json.of(text).text()
                + ": invalid syntax");
      }
    }
    try {
      Filters ignored = Filters.parse(q.text("filters")).only(PRUNE_FILTERS);
    } catch (Failure.InvalidRequest e) {
      throw new Failure.InvalidRequest("failed to prune build cache: " + e.text(), null, e);
    }
    r.json(200, Json.object().put("CachesDeleted", Json.NULL).put("SpaceReclaimed", 0));
  }

  private static void cancel(HttpRequest q, HttpResponse r, Map<String, String> p)
      throws IOException {
    if (q.text("id").isEmpty()) {
      throw new Failure.InvalidRequest("build ID not provided");
    }
    r.header("Content-Type", "application/json");
    r.empty(200);
  }

  private static void upgrade(HttpRequest q, HttpResponse r, Map<String, String> p) {
    if (q.header("Upgrade").isEmpty()) {
      throw new Failure.InvalidRequest("no upgrade proto in request");
    }
    throw new Failure.Unsupported("this engine has no BuildKit");
  }
}
