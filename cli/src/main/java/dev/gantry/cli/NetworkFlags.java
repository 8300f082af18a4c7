package dev.gantry.cli;

import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// `--network` of `run`, in its short form and its long one (`name=net,alias=a,ip=…`), with the
/// flags that belong to the first network.
final class NetworkFlags {
  private final Words words;
  private final Map<String, Json.JsonObject> networks = new LinkedHashMap<>();

  NetworkFlags(Words words) {
    this.words = words;
    List<String> values = new ArrayList<>(words.list("network"));
    values.addAll(words.list("net"));
    for (String value : values) {
      add(value);
    }
    if (networks.isEmpty()) {
      networks.put("default", Json.object());
    }
    first();
  }

  /// `NetworkMode` of the API.
  String mode() {
    return networks.keySet().iterator().next();
  }

  /// `EndpointsConfig` of the API.
  Json.JsonObject endpoints() {
    Json.JsonObject endpoints = Json.object();
    boolean several = networks.size() > 1;
    networks.forEach(
        (name, settings) -> {
          if (several || !settings.isEmpty()) {
            endpoints.put(name, settings);
          }
        });
    return endpoints;
  }

  private void add(String value) {
    Json.JsonObject settings = Json.object();
    String name = value;
    if (value.indexOf('=') >= 0 && !value.startsWith("container:")) {
      name = "";
      Json.JsonArray aliases = Json.array();
      Json.JsonArray local = Json.array();
      Json.JsonObject addresses = Json.object();
      Json.JsonObject options = Json.object();
      for (String field : value.split(",")) {
        int equals = field.indexOf('=');
        if (equals < 0) {
          throw bad(value, "invalid field " + field);
        }
        String content = field.substring(equals + 1);
        switch (field.substring(0, equals).strip().toLowerCase(Locale.ROOT)) {
          case "name" -> name = content;
          case "alias" -> aliases.add(content);
          case "ip" -> addresses.put("IPv4Address", content);
          case "ip6" -> addresses.put("IPv6Address", content);
          case "link-local-ip" -> local.add(content);
          case "mac-address" -> settings.put("MacAddress", content);
          case "driver-opt" -> {
            int at = content.indexOf('=');
            if (at < 0) {
              throw bad(value, "invalid key value pair format in driver options");
            }
            options.put(content.substring(0, at), content.substring(at + 1));
          }
          case "gw-priority" -> settings.put("GwPriority", Numbers.value(content));
          default -> throw bad(value, "invalid field key " + field.substring(0, equals));
        }
      }
      if (!aliases.isEmpty()) {
        settings.put("Aliases", aliases);
      }
      if (!local.isEmpty()) {
        addresses.put("LinkLocalIPs", local);
      }
      if (!addresses.isEmpty()) {
        settings.put("IPAMConfig", addresses);
      }
      if (!options.isEmpty()) {
        settings.put("DriverOpts", options);
      }
    }
    if (networks.put(name, settings) != null) {
      throw new Refused("network \"" + name + "\" is specified multiple times");
    }
  }

  private static UsageError bad(String value, String why) {
    return new UsageError(125, "invalid argument \"" + value + "\" for \"--network\" flag: " + why);
  }

  /// What other flags say belongs to the first network.
  private void first() {
    Json.JsonObject settings = networks.values().iterator().next();
    Json.JsonObject addresses =
        settings.get("IPAMConfig") instanceof Json.JsonObject there ? there : Json.object();
    words.text("ip").ifPresent(ip -> addresses.put("IPv4Address", ip));
    words.text("ip6").ifPresent(ip -> addresses.put("IPv6Address", ip));
    if (words.has("link-local-ip")) {
      addresses.put("LinkLocalIPs", Json.strings(words.list("link-local-ip")));
    }
    if (!addresses.isEmpty()) {
      settings.put("IPAMConfig", addresses);
    }
    List<String> aliases = new ArrayList<>(words.list("network-alias"));
    aliases.addAll(words.list("net-alias"));
    if (!aliases.isEmpty()) {
      settings.put("Aliases", Json.strings(aliases));
    }
    if (words.has("link") && isUserDefined()) {
      settings.put("Links", Json.strings(words.list("link")));
    }
    words.text("mac-address").ifPresent(mac -> settings.put("MacAddress", mac));
  }

  private boolean isUserDefined() {
    String mode = mode();
    return !List.of("default", "bridge", "host", "none").contains(mode)
        && !mode.startsWith("container:");
  }
}
