package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Health;
import dev.gantry.engine.HealthCheck;
import dev.gantry.json.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Health checks on Docker's wire: `Config.Healthcheck` with what we add to it (the tests `HTTP`
/// and `TCP`, and `OnFailure`), and `State.Health`.
final class HealthChecks {
  private static final List<String> KEYS =
      List.of("Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries");

  private HealthChecks() {}

  /// The request's check, completed by the image's; null if there is neither.
  static @Nullable Json merged(Json.JsonObject config, Json.JsonObject image) {
    Json.JsonObject wanted = said(config.get("Healthcheck"));
    Json.JsonObject base = said(image.get("Healthcheck"));
    if (wanted == null || base == null) {
      return wanted == null ? base : wanted;
    }
    Json.JsonObject all = (Json.JsonObject) wanted.copy();
    for (String key : KEYS) {
      boolean unset =
          key.equals("Test") ? wanted.strings(key).isEmpty() : wanted.number(key, 0) == 0;
      if (unset) {
        all.putIfPresent(key, base.get(key));
      }
    }
    return all;
  }

  /// The check without members that are null: some clients send those for what they do not say.
  private static Json.@Nullable JsonObject said(@Nullable Json check) {
    if (!(check instanceof Json.JsonObject given)) {
      return null;
    }
    Json.JsonObject said = Json.object();
    given
        .members()
        .forEach(
            (key, value) -> {
              if (!(value instanceof Json.JsonNull)) {
                said.put(key, value);
              }
            });
    return said;
  }

  /// The check that a container of `config` and `image` gets; null for none.
  static @Nullable HealthCheck read(Json.JsonObject config, Json.JsonObject image) {
    if (!(merged(config, image) instanceof Json.JsonObject h)) {
      return null;
    }
    List<String> test = h.strings("Test");
    String action = h.string("OnFailure", "");
    if (!List.of("", "none", "kill", "stop", "restart").contains(action)) {
      throw new Failure.InvalidRequest(
          "invalid OnFailure in Healthcheck: '"
              + action
              + "'; use one of 'none', 'kill', 'stop', or 'restart'");
    }
    HealthCheck check =
        new HealthCheck(
            test,
            h.number("Interval", 0),
            h.number("Timeout", 0),
            h.number("StartPeriod", 0),
            h.number("StartInterval", 0),
            (int) h.number("Retries", 0),
            config.strings("Shell").isEmpty() ? image.strings("Shell") : config.strings("Shell"),
            action);
    check.validate();
    return check;
  }

  static Json json(Health health) {
    Json.JsonArray log = Json.array();
    for (Health.Result r : health.log()) {
      log.add(
          Json.object()
              .put("Start", ContainerJson.time(r.start()))
              .put("End", ContainerJson.time(r.end()))
              .put("ExitCode", r.exitCode())
              .put("Output", r.output()));
    }
    return Json.object()
        .put("Status", health.status().word())
        .put("FailingStreak", health.failingStreak())
        .put("Log", log);
  }

  /// As it stands behind "Up 2 seconds".
  static String text(Health health) {
    return switch (health.status()) {
      case STARTING -> " (health: starting)";
      case HEALTHY -> " (healthy)";
      case UNHEALTHY -> " (unhealthy)";
    };
  }
}
