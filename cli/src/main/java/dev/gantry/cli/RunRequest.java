package dev.gantry.cli;

import dev.gantry.json.Json;
import dev.gantry.kernel.Terminals;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// The body of `POST /containers/create` that the flags of `run` make.
final class RunRequest {

  private final Words words;
  private final NetworkFlags networks;

  RunRequest(Words words) {
    this.words = words;
    this.networks = new NetworkFlags(words);
    String restart = words.text("restart", "no");
    if (words.on("rm") && !restart.equals("no") && !restart.isEmpty()) {
      throw new Refused("conflicting options: cannot specify both --restart and --rm");
    }
  }

  String image() {
    return words.argument(0);
  }

  boolean removes() {
    return words.on("rm");
  }

  /// True if `stdin`, `stdout` or `stderr` is joined.
  boolean attaches(String stream) {
    if (words.on("detach")) {
      return false;
    }
    if (words.has("attach")) {
      return words.list("attach").stream()
          .anyMatch(given -> given.toLowerCase(Locale.ROOT).equals(stream));
    }
    return !stream.equals("stdin") || words.on("interactive");
  }

  Json.JsonObject body() throws IOException {
    List<String> arguments = words.arguments();
    Environment environment = new Environment(words);
    PortFlags ports = new PortFlags(words.list("publish"), words.list("expose"));
    boolean open = words.on("interactive");
    Json.JsonObject body =
        Json.object()
            .put("Hostname", words.text("hostname", ""))
            .put("Domainname", words.text("domainname", ""))
            .put("User", words.text("user", ""))
            .put("AttachStdin", attaches("stdin"))
            .put("AttachStdout", attaches("stdout"))
            .put("AttachStderr", attaches("stderr"))
            .put("ExposedPorts", ports.exposed())
            .put("Tty", words.on("tty"))
            .put("OpenStdin", open)
            .put("StdinOnce", open && attaches("stdin"))
            .put("Env", Json.strings(environment.entries()))
            .put(
                "Cmd",
                arguments.size() > 1
                    ? Json.strings(arguments.subList(1, arguments.size()))
                    : Json.NULL)
            .put("Image", image())
            .put("Volumes", volumes())
            .put("WorkingDir", words.text("workdir", ""))
            .put("Labels", pairs(environment.lines("label", "label-file")));
    words.text("entrypoint").ifPresent(e -> body.put("Entrypoint", Json.strings(List.of(e))));
    words.text("stop-signal").ifPresent(s -> body.put("StopSignal", s));
    words.text("stop-timeout").ifPresent(t -> body.put("StopTimeout", Numbers.value(t)));
    healthcheck(words).ifPresent(check -> body.put("Healthcheck", check));
    Json.JsonObject host = new HostFlags(words).settings();
    host.put("NetworkMode", networks.mode()).put("PortBindings", ports.bindings());
    host.put("ConsoleSize", consoleSize());
    return body.put("HostConfig", host)
        .put("NetworkingConfig", Json.object().put("EndpointsConfig", networks.endpoints()));
  }

  private Json consoleSize() {
    Terminals.Size none = new Terminals.Size(0, 0);
    Terminals.Size size =
        words.on("tty") && Streams.outputIsTerminal()
            ? Streams.size(Surroundings.STDOUT).orElse(none)
            : none;
    return Json.array().add(size.rows()).add(size.columns());
  }

  /// What the flags say about the health check; empty if they say nothing.
  static Optional<Json> healthcheck(Words words) {
    boolean set =
        words.has("health-cmd")
            || words.has("health-interval")
            || words.has("health-timeout")
            || words.has("health-start-period")
            || words.has("health-start-interval")
            || words.has("health-retries")
            || words.has("health-http")
            || words.has("health-tcp")
            || words.has("health-on-failure");
    if (words.on("no-healthcheck")) {
      if (set) {
        throw new Refused("--no-healthcheck conflicts with --health-* options");
      }
      return Optional.of(Json.object().put("Test", Json.strings(List.of("NONE"))));
    }
    if (!set) {
      return Optional.empty();
    }
    Json.JsonObject check = Json.object();
    words
        .text("health-cmd")
        .ifPresent(command -> check.put("Test", Json.strings(List.of("CMD-SHELL", command))));
    // what Docker has not
    words
        .text("health-http")
        .ifPresent(url -> check.put("Test", Json.strings(List.of("HTTP", url))));
    words
        .text("health-tcp")
        .ifPresent(port -> check.put("Test", Json.strings(List.of("TCP", port))));
    words.text("health-on-failure").ifPresent(action -> check.put("OnFailure", action));
    for (String part : List.of("interval", "timeout", "start-period", "start-interval")) {
      if (words.nanos("health-" + part) < 0) {
        throw new Refused("--health-" + part + " cannot be negative");
      }
    }
    if (words.number("health-retries", 0) < 0) {
      throw new Refused("--health-retries cannot be negative");
    }
    return Optional.of(
        check
            .put("Interval", words.nanos("health-interval"))
            .put("Timeout", words.nanos("health-timeout"))
            .put("StartPeriod", words.nanos("health-start-period"))
            .put("StartInterval", words.nanos("health-start-interval"))
            .put("Retries", words.number("health-retries", 0)));
  }

  private Json.JsonObject volumes() {
    Json.JsonObject volumes = Json.object();
    words.list("volume").stream()
        .filter(v -> v.indexOf(':') < 0)
        .forEach(v -> volumes.put(v, Json.object()));
    return volumes;
  }

  /// `NAME=VALUE` entries, sorted by name as Go's maps are sent; a name alone has an empty value.
  static Json.JsonObject pairs(List<String> entries) {
    Map<String, String> sorted = new TreeMap<>();
    for (String entry : entries) {
      int equals = entry.indexOf('=');
      sorted.put(
          equals < 0 ? entry : entry.substring(0, equals),
          equals < 0 ? "" : entry.substring(equals + 1));
    }
    Json.JsonObject object = Json.object();
    sorted.forEach(object::put);
    return object;
  }
}
