package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// What the API's version changes in the body of a create request: a field that came later than the
/// client's version is overlooked, or refused where overlooking it would mislead; a field that has
/// gone means nothing.
final class CreateVersions {
  private final Json.JsonObject body;
  private final Json.JsonObject host;
  private final ApiVersion version;
  private final List<String> warnings = new ArrayList<>();

  private CreateVersions(Json.JsonObject body, ApiVersion version) {
    this.body = body;
    this.host = body.object("HostConfig").orElseGet(Json::object);
    this.version = version;
  }

  /// Changes `body` in place.
  ///
  /// @return what the client should be told
  static List<String> apply(Json.JsonObject body, ApiVersion version) {
    CreateVersions v = new CreateVersions(body, version);
    v.containers();
    v.mounts();
    v.networks();
    v.ports();
    return v.warnings;
  }

  private boolean before(int minor) {
    return !version.atLeast(minor);
  }

  private static void refuse(boolean wrong, String text) {
    if (wrong) {
      throw new Failure.InvalidRequest(text);
    }
  }

  private void containers() {
    if (before(25)) {
      host.remove("AutoRemove"); // such clients remove the container themselves
    }
    if (before(42)) {
      host.remove("ConsoleSize");
    }
    if (before(43)) {
      host.remove("Annotations");
    }
    if (before(44)) {
      body.object("Healthcheck").ifPresent(h -> h.remove("StartInterval"));
    }
    if (before(56)) {
      host.remove("Umask");
    }
    if (!before(52)) {
      body.remove("MacAddress");
    }
  }

  private void mounts() {
    for (Json.JsonObject mount : host.objects("Mounts")) {
      boolean bind = mount.string("Type", "").equals("bind");
      Json.JsonObject options = mount.object("BindOptions").orElseGet(Json::object);
      if (before(40)) {
        options.remove("NonRecursive");
      }
      if (before(42)) {
        options.remove("CreateMountpoint");
        foreign(mount, "VolumeOptions", "volume");
        foreign(mount, "TmpfsOptions", "tmpfs");
      }
      refuse(
          before(44) && bind && options.bool("ReadOnlyForceRecursive", false),
          "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer");
      String subpath = mount.object("VolumeOptions").map(o -> o.string("Subpath", "")).orElse("");
      refuse(before(45) && !subpath.isEmpty(), "VolumeOptions.Subpath needs API v1.45 or newer");
    }
  }

  private static void foreign(Json.JsonObject mount, String options, String type) {
    if (!mount.string("Type", "").equals(type)) {
      mount.remove(options);
    }
  }

  private void networks() {
    if (!before(48)) {
      return;
    }
    Json.JsonObject networking = body.object("NetworkingConfig").orElseGet(Json::object);
    for (Json endpoint :
        networking.object("EndpointsConfig").map(e -> e.members().values()).orElse(List.of())) {
      if (endpoint instanceof Json.JsonObject e) {
        e.remove("GwPriority");
        if (before(44)) {
          e.remove("MacAddress");
        }
      }
    }
  }

  /// A port that is published nowhere: any port of the machine before 1.53, nothing since.
  private void ports() {
    Json.JsonObject bindings = host.object("PortBindings").orElseGet(Json::object);
    List<String> empty = new ArrayList<>();
    for (Map.Entry<String, Json> binding : bindings.members().entrySet()) {
      boolean none =
          binding.getValue() instanceof Json.JsonNull
              || binding.getValue() instanceof Json.JsonArray list && list.isEmpty();
      if (none) {
        empty.add(binding.getKey());
      }
    }
    if (!before(53)) {
      empty.forEach(bindings::remove);
      return;
    }
    if (!before(52) && !empty.isEmpty()) {
      empty.forEach(port -> bindings.put(port, Json.array().add(Json.object())));
      warnings.add(
          "Following container port(s) have an empty list of port-bindings: "
              + String.join(", ", empty)
              + ". Starting with API 1.53, such bindings will be discarded.");
    }
  }
}
