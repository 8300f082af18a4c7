package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.util.List;

/// Devices asked for by what they can do (`--gpus`) or by a vendor's name (CDI). Such a wish is
/// kept with the container; no driver of this engine can fulfil it, which its start says as Docker
/// does on a machine without the driver.
final class DeviceRequests {
  private DeviceRequests() {}

  /// @throws Failure.Internal if the container asks for any
  static void check(ContainerSpec spec) {
    List<Json.JsonObject> requests =
        spec.wire()
            .object("HostConfig")
            .map(host -> host.objects("DeviceRequests"))
            .orElse(List.of());
    for (Json.JsonObject request : requests) {
      String driver = request.string("Driver", "");
      if (driver.equals("cdi")) {
        throw new Failure.Internal(
            "CDI device injection failed: unresolvable CDI devices "
                + String.join(", ", request.strings("DeviceIDs")));
      }
      throw new Failure.Internal(
          "could not select device driver \""
              + driver
              + "\" with capabilities: "
              + capabilities(request));
    }
  }

  /// `[[gpu nvidia] [tpu]]`: one of the lists must be there whole.
  private static String capabilities(Json.JsonObject request) {
    List<String> lists =
        request.items("Capabilities").stream()
            .map(list -> Json.object().put("x", list).strings("x"))
            .map(words -> "[" + String.join(" ", words) + "]")
            .toList();
    return "[" + String.join(" ", lists) + "]";
  }
}
