package dev.gantry.server;

import dev.gantry.engine.Death;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Why;
import dev.gantry.engine.logs.LogEntry;
import dev.gantry.json.Json;
import java.io.IOException;
import java.util.Map;

/// `GET /gantry/containers/ID/why`, which Docker has not: why a container is as it is.
final class WhyRoutes {
  private final Engine engine;

  WhyRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("GET", "/gantry/containers/{id}/why", this::why);
  }

  private void why(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Why.Answer answer = engine.why().explain(p.getOrDefault("id", ""));
    Json.JsonObject json =
        Json.object()
            .put("Id", answer.container().id())
            .put("Name", "/" + answer.container().name())
            .put("Status", answer.container().state().word())
            .put("RestartCount", answer.container().restartCount())
            .put("Sentence", answer.sentence())
            .put("Hint", answer.hint());
    answer.death().ifPresent(death -> add(json, death));
    answer.health().ifPresent(health -> json.put("Health", HealthChecks.json(health)));
    Json.JsonArray lines = Json.array();
    for (LogEntry line : answer.log()) {
      lines.add(
          Json.object()
              .put("Time", ContainerJson.time(line.time()))
              .put("Stream", line.stream())
              .put("Text", Why.text(line)));
    }
    r.json(200, json.put("Log", lines));
  }

  private static void add(Json.JsonObject json, Death death) {
    json.put("Cause", death.cause().toLowerCase(java.util.Locale.ROOT).replace('_', '-'))
        .put("ExitCode", death.exitCode())
        .put("Signal", death.signal())
        .put("SentBy", death.sentBy())
        .put("SentSignal", death.sentSignal())
        .put("OOMKills", death.oomKills())
        .put("Error", death.error())
        .put("StartedAt", death.startedAt())
        .put("EndedAt", death.endedAt())
        .put("WithoutEngine", death.seenLate())
        .put("Usage", numbers(death.usage()))
        .put("Limits", numbers(death.limits()))
        .put("Changes", Json.strings(death.changes()));
  }

  private static Json.JsonObject numbers(Map<String, Long> numbers) {
    Json.JsonObject json = Json.object();
    numbers.forEach(json::put);
    return json;
  }
}
