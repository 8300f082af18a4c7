package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.util.List;

/// What a node that is in no swarm answers about swarms: parameters are checked first, as Docker's
/// daemon does, in every API version, also in those from before the endpoint existed.
final class SwarmRoutes {
  static final String NO_SWARM =
      "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to"
          + " connect this node to swarm and try again.";

  private static final List<String> LISTS =
      List.of("/nodes", "/services", "/tasks", "/secrets", "/configs");

  void addTo(Router router) {
    router.on("GET", "/swarm", (q, r, p) -> noSwarm());
    router.on("GET", "/swarm/unlockkey", (q, r, p) -> noSwarm());
    router.on("POST", "/swarm/unlock", (q, r, p) -> noSwarm());
    router.on(
        "POST",
        "/swarm/leave",
        (q, r, p) -> {
          throw new Failure.Unavailable("This node is not part of a swarm");
        });
    router.on("POST", "/swarm/update", (q, r, p) -> update(q, "swarm"));
    router.on("POST", "/swarm/init", (q, r, p) -> listen(q, "swarm init"));
    router.on("POST", "/swarm/join", (q, r, p) -> listen(q, "swarm join"));
    for (String list : LISTS) {
      router.on(
          "GET",
          list,
          (q, r, p) -> {
            Filters.parse(q.text("filters"));
            noSwarm();
          });
      router.on("GET", list + "/{id}", (q, r, p) -> noSwarm());
    }
    for (String noun : List.of("node", "service", "secret", "config")) {
      router.on("DELETE", "/" + noun + "s/{id}", (q, r, p) -> noSwarm());
      router.on("POST", "/" + noun + "s/{id}/update", (q, r, p) -> update(q, noun));
    }
    for (String nouns : List.of("services", "secrets", "configs")) {
      router.on("POST", "/" + nouns + "/create", (q, r, p) -> noSwarm());
    }
    router.on("GET", "/services/{id}/logs", (q, r, p) -> logs(q));
    router.on("GET", "/tasks/{id}/logs", (q, r, p) -> logs(q));
  }

  private static void noSwarm() {
    throw new Failure.Unavailable(NO_SWARM);
  }

  private static void update(HttpRequest q, String noun) {
    String version = q.text("version");
    if (!version.matches("[0-9]{1,19}")) {
      throw new Failure.InvalidRequest(
          "invalid "
              + noun
              + " version '"
              + version
              + "': strconv.ParseUint: parsing "
              + Json.of(version).text()
              + ": invalid syntax");
    }
    noSwarm();
  }

  private static void logs(HttpRequest q) {
    if (!q.flag("stdout") && !q.flag("stderr")) {
      throw new Failure.InvalidRequest("Bad parameters: you must choose at least one stream");
    }
    noSwarm();
  }

  private static void listen(HttpRequest q, String verb) {
    Json.JsonObject body = q.jsonOrEmpty();
    String address = body.string("ListenAddr", "");
    if (address.isEmpty()) {
      throw new Failure.InvalidRequest("invalid ListenAddr \"\": invalid empty address");
    }
    if (!address.matches("(\\[[0-9a-fA-F:.%]+]|[^:]*)(:[0-9]{1,5})?")) {
      throw new Failure.InvalidRequest("could not parse listen address " + address);
    }
    String token = body.string("JoinToken", "");
    if (verb.equals("swarm join") && !token.matches("SWMTKN-[0-9]+-[0-9a-z]+-[0-9a-z]+")) {
      throw new Failure.InvalidRequest("invalid join token");
    }
    throw new Failure.Unsupported(verb + ": this engine has no swarm mode yet");
  }
}
