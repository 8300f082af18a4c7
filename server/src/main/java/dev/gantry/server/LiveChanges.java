package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.Engine;
import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The member `Gantry` of an update's body, which Docker has not: changes of what Docker fixes when
/// a container is made. Its members are those of create: `Labels` (null takes a label away),
/// `Healthcheck`, `LogConfig` (the options; the driver stays), `PortBindings`, `Env`, `Cmd`,
/// `Entrypoint`, `Binds`, `Mounts`, `Tmpfs`; each replaces what was.
final class LiveChanges {
  private static final List<String> OF_CONFIG =
      List.of("Labels", "Healthcheck", "Env", "Cmd", "Entrypoint");
  private static final List<String> OF_HOST =
      List.of("LogConfig", "PortBindings", "Binds", "Mounts", "Tmpfs");

  /// Components of the specification that a member changes.
  private static final Map<String, String> COMPONENTS =
      Map.of(
          "Labels", "labels",
          "Healthcheck", "health",
          "Env", "environment",
          "Cmd", "command",
          "Entrypoint", "command",
          "LogConfig", "logging",
          "PortBindings", "ports",
          "Binds", "mounts",
          "Mounts", "mounts",
          "Tmpfs", "mounts");

  private LiveChanges() {}

  /// `spec` with what `wishes` change.
  static ContainerSpec apply(Engine engine, ContainerSpec spec, Json.JsonObject wishes) {
    for (String key : wishes.members().keySet()) {
      if (!COMPONENTS.containsKey(key)) {
        throw new Failure.InvalidRequest(
            "Gantry." + key + " cannot be changed; what can: " + COMPONENTS.keySet());
      }
    }
    Json.JsonObject config = part(spec, "Config");
    Json.JsonObject host = part(spec, "HostConfig");
    for (String key : OF_CONFIG) {
      if (wishes.has(key)) {
        config.put(key, key.equals("Labels") ? labels(spec, wishes) : asked(wishes, key));
      }
    }
    for (String key : OF_HOST) {
      if (wishes.has(key)) {
        host.put(key, asked(wishes, key));
      }
    }
    if (wishes.has("LogConfig")) {
      sameDriver(spec, host);
    }
    if (wishes.has("PortBindings")) {
      expose(config, host);
    }
    boolean mounts =
        COMPONENTS.entrySet().stream()
            .anyMatch(e -> e.getValue().equals("mounts") && wishes.has(e.getKey()));
    ContainerSpec fresh =
        ContainerRequests.again(engine, ((Json.JsonObject) config.copy()).put("HostConfig", host));
    Json.JsonObject now = JsonRecords.write(fresh);
    Map<String, String> changed = new LinkedHashMap<>(COMPONENTS);
    changed.keySet().removeIf(key -> !wishes.has(key));
    return spec.with(
        json -> {
          changed
              .values()
              .forEach(
                  component -> {
                    Json value = now.get(component);
                    json.remove(component);
                    json.putIfPresent(component, value);
                  });
          Json.JsonObject wire = (Json.JsonObject) spec.wire().copy();
          take(wire, fresh, "Config", OF_CONFIG, wishes);
          take(wire, fresh, "HostConfig", OF_HOST, wishes);
          if (wishes.has("PortBindings")) {
            take(wire, fresh, "Config", List.of("ExposedPorts"), config);
          }
          if (wishes.has("Cmd") || wishes.has("Entrypoint")) {
            wire.putIfPresent("Argv", fresh.wire().get("Argv"));
          }
          if (mounts) {
            take(wire, fresh, "HostConfig", List.of("Binds", "Mounts", "Tmpfs"), host);
          }
          json.put("wire", wire);
        });
  }

  private static Json asked(Json.JsonObject wishes, String key) {
    Json value = wishes.get(key);
    return value == null ? Json.NULL : value;
  }

  private static Json.JsonObject part(ContainerSpec spec, String name) {
    return (Json.JsonObject) spec.wire().object(name).orElseGet(Json::object).copy();
  }

  /// What `fresh` shows of `keys`, where they are among `asked`.
  private static void take(
      Json.JsonObject wire,
      ContainerSpec fresh,
      String part,
      List<String> keys,
      Json.JsonObject asked) {
    Json.JsonObject shown = wire.object(part).orElseGet(Json::object);
    Json.JsonObject from = fresh.wire().object(part).orElseGet(Json::object);
    for (String key : keys) {
      if (asked.has(key)) {
        shown.remove(key);
        shown.putIfPresent(key, from.get(key));
      }
    }
    wire.put(part, shown);
  }

  private static Json.JsonObject labels(ContainerSpec spec, Json.JsonObject wishes) {
    Json.JsonObject labels = Json.object();
    spec.labels().forEach(labels::put);
    wishes
        .object("Labels")
        .orElseGet(Json::object)
        .members()
        .forEach(
            (name, value) -> {
              if (value == Json.NULL) {
                labels.remove(name);
              } else {
                labels.put(name, value);
              }
            });
    return labels;
  }

  private static void sameDriver(ContainerSpec spec, Json.JsonObject host) {
    Json.JsonObject log = host.object("LogConfig").orElseGet(Json::object);
    String driver = log.string("Type", spec.logging().driver());
    if (!driver.equals(spec.logging().driver())) {
      throw new Failure.InvalidRequest(
          "the log driver of a container cannot be changed, only its options: it is "
              + spec.logging().driver());
    }
    log.put("Type", driver);
  }

  private static void expose(Json.JsonObject config, Json.JsonObject host) {
    Json.JsonObject exposed = config.object("ExposedPorts").orElseGet(Json::object);
    host.object("PortBindings")
        .ifPresent(ports -> ports.members().keySet().forEach(p -> exposed.put(p, Json.object())));
    config.put("ExposedPorts", exposed);
  }
}
