package dev.gantry.cli;

import dev.gantry.cli.template.Scope;
import dev.gantry.cli.template.Template;
import dev.gantry.client.EngineClient;
import dev.gantry.json.Json;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// `version`.
final class Versions {
  private Versions() {}

  static Command command() {
    return Command.of("[OPTIONS]", 0, 0, Versions::run, Flag.format('f'));
  }

  private static int run(Session session, Words words) {
    Optional<Template> template = About.template("version", words);
    About about = About.ask(session, "/version");
    boolean answered = about.problem().isEmpty();
    Json.JsonObject client = client(session, answered);
    if (template.isEmpty()) {
      session.out().print(text(client, about.answer()));
    } else {
      Json.JsonObject both = Json.object().put("Client", client);
      both.put("Server", answered ? about.answer() : Json.NULL);
      About.print(session, template.get(), both, new Known());
    }
    session.out().flush();
    if (about.problem().isPresent()) {
      throw about.problem().get();
    }
    return 0;
  }

  private static Json.JsonObject client(Session session, boolean agreed) {
    String api = agreed ? session.engine().agreed() : EngineClient.newest();
    return Json.object()
        .put("Version", Gantry.VERSION)
        .put("ApiVersion", api)
        .put("DefaultAPIVersion", EngineClient.newest())
        .put("JavaVersion", Runtime.version().toString())
        .put("Os", "linux")
        .put("Arch", Gantry.architecture())
        .put(
            "Context",
            new ContextStore(session.config())
                .current(session.global(), Gantry.given(session.global())));
  }

  /// Fields that Go's structs name in another way than the JSON does.
  private static final class Known implements Scope {
    private static final Map<String, String> OTHERS =
        Map.of("APIVersion", "ApiVersion", "MinAPIVersion", "MinAPIVersion");

    @Override
    public Optional<Json> missing(String holder, String name) {
      return Optional.empty();
    }

    @Override
    public String other(String name) {
      return OTHERS.getOrDefault(name, name);
    }

    @Override
    public String refusal(String name) {
      return "can't evaluate field " + name + " in type system.versionInfo";
    }
  }

  private static String text(Json.JsonObject client, Json.JsonObject server) {
    StringBuilder text = new StringBuilder("Client:\n");
    String api = client.string("ApiVersion", "");
    String newest = client.string("DefaultAPIVersion", "");
    line(text, 1, "Version", client.string("Version", ""));
    line(
        text,
        1,
        "API version",
        api + (api.equals(newest) ? "" : " (downgraded from " + newest + ")"));
    line(text, 1, "Java version", client.string("JavaVersion", ""));
    line(text, 1, "OS/Arch", client.string("Os", "") + "/" + client.string("Arch", ""));
    line(text, 1, "Context", client.string("Context", ""));
    if (server.isEmpty()) {
      return text.toString();
    }
    String platform =
        server.object("Platform").flatMap(p -> p.string("Name")).map(n -> " " + n).orElse("");
    text.append("\nServer:").append(platform.isBlank() ? "" : platform).append('\n');
    for (Json.JsonObject component : server.objects("Components")) {
      text.append(' ').append(component.string("Name", "")).append(":\n");
      line(text, 2, "Version", component.string("Version", ""));
      component(component.object("Details").orElse(Json.object()))
          .forEach((k, v) -> line(text, 2, k, v));
    }
    return text.toString();
  }

  /// The details of a part of the engine under the names that people read.
  private static Map<String, String> component(Json.JsonObject details) {
    Map<String, String> lines = new LinkedHashMap<>();
    details
        .string("ApiVersion")
        .ifPresent(
            api ->
                lines.put(
                    "API version",
                    api + " (minimum version " + details.string("MinAPIVersion", "") + ")"));
    details
        .string("GoVersion")
        .filter(v -> !v.isEmpty())
        .ifPresent(v -> lines.put("Go version", v));
    details.string("JavaVersion").ifPresent(v -> lines.put("Java version", v));
    boolean engine = details.has("ApiVersion");
    details
        .string("GitCommit")
        .filter(commit -> !engine || !commit.isEmpty())
        .ifPresent(commit -> lines.put(engine ? "Git commit" : "GitCommit", commit));
    details.string("BuildTime").filter(v -> !v.isEmpty()).ifPresent(v -> lines.put("Built", v));
    details
        .string("Os")
        .ifPresent(os -> lines.put("OS/Arch", os + "/" + details.string("Arch", "")));
    details
        .string("Experimental")
        .ifPresent(e -> lines.put("Experimental", e.toLowerCase(Locale.ROOT)));
    return lines;
  }

  private static void line(StringBuilder text, int depth, String name, String value) {
    String left = " ".repeat(depth) + name + ":";
    text.append(left)
        .append(" ".repeat(Math.max(1, 20 - left.length())))
        .append(value)
        .append('\n');
  }
}
