package dev.gantry.cli;

import dev.gantry.json.Json;
import java.util.List;

/// Devices, their limits, graphics processors and process limits of `run`.
final class DeviceFlags {
  private final Words words;

  DeviceFlags(Words words) {
    this.words = words;
  }

  void into(Json.JsonObject host) {
    host.put("BlkioWeight", words.number("blkio-weight", 0))
        .put("BlkioWeightDevice", limits("blkio-weight-device", "Weight"))
        .put("BlkioDeviceReadBps", limits("device-read-bps", "Rate"))
        .put("BlkioDeviceWriteBps", limits("device-write-bps", "Rate"))
        .put("BlkioDeviceReadIOps", limits("device-read-iops", "Rate"))
        .put("BlkioDeviceWriteIOps", limits("device-write-iops", "Rate"))
        .put("Devices", devices())
        .put("DeviceCgroupRules", HostFlags.orNull(words.list("device-cgroup-rule")))
        .put("Ulimits", ulimits());
    Json.JsonArray requests = Json.array();
    words.text("gpus").ifPresent(value -> requests.add(gpus(value)));
    List<String> named = words.list("device").stream().filter(DeviceFlags::isVendors).toList();
    if (!named.isEmpty()) {
      requests.add(Json.object().put("Driver", "cdi").put("DeviceIDs", Json.strings(named)));
    }
    if (!requests.items().isEmpty()) {
      host.put("DeviceRequests", requests);
    }
  }

  /// `vendor.com/class=name`, a device by the name that its vendor gives it.
  private static boolean isVendors(String device) {
    return device.matches("[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*=[A-Za-z0-9][^/]*");
  }

  private Json limits(String flag, String field) {
    Json.JsonArray limits = Json.array();
    for (String value : words.list(flag)) {
      int colon = value.indexOf(':');
      limits.add(
          Json.object()
              .put("Path", value.substring(0, colon))
              .put(field, Humans.bytes(value.substring(colon + 1))));
    }
    return limits;
  }

  private Json devices() {
    Json.JsonArray devices = Json.array();
    for (String device : words.list("device")) {
      if (isVendors(device)) {
        continue;
      }
      String[] parts = device.split(":", -1);
      if (parts.length > 3 || parts[0].isEmpty()) {
        throw new Refused("invalid device specification: " + device);
      }
      boolean rights = parts.length == 2 && parts[1].matches("[rwm]{1,3}");
      String inside = parts.length > 1 && !rights ? parts[1] : parts[0];
      String access = parts.length == 3 ? parts[2] : rights ? parts[1] : "rwm";
      if (!access.matches("[rwm]{1,3}")) {
        throw new Refused("invalid device mode: " + access);
      }
      devices.add(
          Json.object()
              .put("PathOnHost", parts[0])
              .put("PathInContainer", inside)
              .put("CgroupPermissions", access));
    }
    return devices;
  }

  private Json ulimits() {
    Json.JsonArray limits = Json.array();
    for (String limit : words.list("ulimit")) {
      String[] parts = limit.split("[=:]");
      limits.add(
          Json.object()
              .put("Name", parts[0])
              .put("Hard", Numbers.value(parts[parts.length - 1]))
              .put("Soft", Numbers.value(parts[1])));
    }
    return limits;
  }

  /// `all`, a number, or `count=…,device=…,driver=…,capabilities=…`.
  private static Json gpus(String value) {
    Json.JsonArray wanted = Json.array().add("gpu");
    Json.JsonObject request =
        Json.object().put("Driver", "").put("Count", 1).put("DeviceIDs", Json.NULL);
    for (String field : value.split(",")) {
      int equals = field.indexOf('=');
      String key = equals < 0 ? "count" : field.substring(0, equals);
      String content = field.substring(equals + 1);
      switch (key) {
        case "count" -> {
          if (!content.matches("all|\\d{1,6}")) {
            throw new Refused(
                "invalid count (" + content + "): value must be either \"all\" or an integer");
          }
          request.put("Count", content.equals("all") ? -1 : Long.parseLong(content));
        }
        case "device" ->
            request.put("DeviceIDs", Json.strings(List.of(content.split(";")))).put("Count", 0);
        case "driver" -> request.put("Driver", content);
        case "capabilities" -> wanted.add(content);
        default -> throw new Refused("unexpected key '" + key + "' in '" + field + "'");
      }
    }
    return request.put("Capabilities", Json.array().add(wanted)).put("Options", Json.object());
  }
}
