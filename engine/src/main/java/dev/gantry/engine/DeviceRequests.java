package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.engine.devices.CdiDevices;
import dev.gantry.json.Json;
import dev.gantry.oci.RuntimeSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Devices asked for by a vendor's name (`--device vendor/class=name`) or by what they can do
/// (`--gpus`): both are found in the files of the Container Device Interface. A graphics processor
/// is whatever a vendor's class `gpu` has.
final class DeviceRequests {
  private static final String GPU = "gpu";
  private static final String ALL = "all";
  // whose come first where several vendors' are there
  private static final List<String> VENDORS = List.of("nvidia.com", "amd.com", "intel.com");

  private final CdiDevices devices;

  private DeviceRequests(CdiDevices devices) {
    this.devices = devices;
  }

  /// `config` with the devices that the container asks for.
  ///
  /// @throws Failure.Internal as Docker does where one cannot be had
  static RuntimeSpec inject(RuntimeSpec config, ContainerSpec spec, List<Path> folders) {
    List<Json.JsonObject> requests =
        spec.wire()
            .object("HostConfig")
            .map(host -> host.objects("DeviceRequests"))
            .orElse(List.of());
    if (requests.isEmpty()) {
      return config;
    }
    DeviceRequests finder = new DeviceRequests(CdiDevices.in(folders));
    List<String> names = new ArrayList<>();
    for (Json.JsonObject request : requests) {
      names.addAll(
          request.string("Driver", "").equals("cdi")
              ? request.strings("DeviceIDs")
              : finder.graphics(request));
    }
    return finder.devices.inject(config, names);
  }

  /// The names of the graphics processors that are asked for.
  private List<String> graphics(Json.JsonObject request) {
    String driver = request.string("Driver", "");
    String kind = kind(request, driver);
    List<String> wanted = request.strings("DeviceIDs");
    if (!wanted.isEmpty()) {
      return wanted.stream().map(id -> CdiDevices.isName(id) ? id : kind + "=" + id).toList();
    }
    List<String> there =
        devices.names().stream()
            .filter(name -> name.startsWith(kind + "=") && !name.equals(kind + "=" + ALL))
            .toList();
    long count = request.number("Count", 0);
    if (count < 0) {
      String all = kind + "=" + ALL;
      return devices.names().contains(all) ? List.of(all) : there;
    }
    if (count > there.size()) {
      throw new Failure.Internal(
          "could not select device driver \""
              + driver
              + "\": "
              + count
              + " devices of "
              + kind
              + " are asked for, "
              + there.size()
              + " are there");
    }
    return there.subList(0, (int) count);
  }

  /// The vendor and class whose devices fit.
  private String kind(Json.JsonObject request, String driver) {
    List<List<String>> capabilities =
        request.items("Capabilities").stream()
            .map(list -> Json.object().put("x", list).strings("x"))
            .toList();
    boolean fits = capabilities.stream().anyMatch(list -> list.contains(GPU));
    List<String> kinds =
        devices.names().stream()
            .map(name -> name.substring(0, name.indexOf('=')))
            .filter(kind -> kind.endsWith("/" + GPU))
            .filter(
                kind ->
                    driver.isEmpty()
                        || kind.startsWith(driver + ".")
                        || kind.startsWith(driver + "/"))
            .distinct()
            .sorted((a, b) -> Integer.compare(rank(a), rank(b)))
            .toList();
    if (!fits || kinds.isEmpty()) {
      throw new Failure.Internal(
          "could not select device driver \""
              + driver
              + "\" with capabilities: "
              + text(capabilities));
    }
    return kinds.getFirst();
  }

  private static int rank(String kind) {
    int rank = VENDORS.indexOf(kind.substring(0, kind.indexOf('/')));
    return rank < 0 ? VENDORS.size() : rank;
  }

  /// `[[gpu nvidia] [tpu]]`: one of the lists must be there whole.
  private static String text(List<List<String>> capabilities) {
    return "["
        + String.join(
            " ", capabilities.stream().map(list -> "[" + String.join(" ", list) + "]").toList())
        + "]";
  }
}
