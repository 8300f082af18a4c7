package dev.gantry.cli;

import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;

/// The flags of `volume create` for volumes of a swarm: whichever is given makes it one, and an
/// engine that is in no swarm says so.
final class ClusterVolumes {
  private static final List<Flag> FLAGS =
      List.of(
          Flag.text("availability", ' ', "In a swarm: 'active', 'pause' or 'drain'")
              .standard("active"),
          Flag.text("group", ' ', "In a swarm: the group of volumes that it is one of"),
          Flag.bytes("limit-bytes", ' ', "In a swarm: the most that it may hold").standard("0"),
          Flag.bytes("required-bytes", ' ', "In a swarm: the least that it must hold")
              .standard("0"),
          Flag.text("scope", ' ', "In a swarm: on one node or several, 'single' or 'multi'")
              .standard("single"),
          Flag.map("secret", ' ', "In a swarm: a secret of its driver's, KEY=SECRET"),
          Flag.text(
                  "sharing", ' ', "In a swarm: 'none', 'readonly', 'onewriter' or 'all' at a time")
              .standard("none"),
          Flag.list("topology-preferred", ' ', "In a swarm: where it had better be, KEY=VALUE,..."),
          Flag.list("topology-required", ' ', "In a swarm: where it must be, KEY=VALUE,..."),
          Flag.text("type", ' ', "In a swarm: how it is reached, 'mount' or 'block'")
              .standard("block"));

  private ClusterVolumes() {}

  /// `own` and those.
  static Flag[] with(Flag... own) {
    List<Flag> all = new ArrayList<>(List.of(own));
    all.addAll(FLAGS);
    return all.toArray(Flag[]::new);
  }

  static boolean isWanted(Words words) {
    return FLAGS.stream().anyMatch(flag -> words.has(flag.name()));
  }

  /// The request's `ClusterVolumeSpec`.
  static Json.JsonObject spec(Words words) {
    Json.JsonObject access =
        Json.object()
            .put("Scope", words.text("scope", "single"))
            .put("Sharing", words.text("sharing", "none"));
    String type = words.text("type", "block");
    if (!type.equals("mount") && !type.equals("block")) {
      throw new Exit(1, "volume type must be one of mount or block, and is \"" + type + "\"");
    }
    access.put(type.equals("mount") ? "MountVolume" : "BlockVolume", Json.object());
    Json.JsonArray secrets = Json.array();
    RunRequest.pairs(words.list("secret"))
        .members()
        .forEach((key, secret) -> secrets.add(Json.object().put("Key", key).put("Secret", secret)));
    return Json.object()
        .put("Group", words.text("group", ""))
        .put("AccessMode", access)
        .put(
            "AccessibilityRequirements",
            Json.object()
                .put("Requisite", places(words.list("topology-required")))
                .put("Preferred", places(words.list("topology-preferred"))))
        .put(
            "CapacityRange",
            Json.object()
                .put("RequiredBytes", words.bytes("required-bytes", 0))
                .put("LimitBytes", words.bytes("limit-bytes", 0)))
        .put("Secrets", secrets)
        .put("Availability", words.text("availability", "active"));
  }

  private static Json.JsonArray places(List<String> topologies) {
    Json.JsonArray places = Json.array();
    topologies.forEach(
        text ->
            places.add(Json.object().put("Segments", RunRequest.pairs(List.of(text.split(","))))));
    return places;
  }
}
