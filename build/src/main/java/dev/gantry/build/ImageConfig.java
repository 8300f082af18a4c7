package dev.gantry.build;

import dev.gantry.base.GoDuration;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.json.Json;
import dev.gantry.kernel.Signals;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The `config` part of an image's configuration, as instructions change it.
final class ImageConfig {
  private static final int MOST_PORTS = 3 * 65_535;
  static final int MOST_VARIABLES = 10_000;
  private static final Pattern PORT =
      Pattern.compile("([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([a-zA-Z]+))?");
  private final Json.JsonObject config;
  private boolean commandIsOwn;

  ImageConfig(Json.JsonObject config) {
    this.config = config;
  }

  Json.JsonObject json() {
    return config;
  }

  // ---- environment

  Map<String, String> environment() {
    Map<String, String> all = new LinkedHashMap<>();
    for (String entry : config.strings("Env")) {
      int equals = entry.indexOf('=');
      all.put(
          equals < 0 ? entry : entry.substring(0, equals),
          equals < 0 ? "" : entry.substring(equals + 1));
    }
    return all;
  }

  void addEnvironment(String entry) throws ParseFailure {
    Map<String, String> all = environment();
    int equals = entry.indexOf('=');
    all.put(entry.substring(0, equals), entry.substring(equals + 1));
    if (all.size() > MOST_VARIABLES) {
      throw new ParseFailure(0, "more than " + MOST_VARIABLES + " variables");
    }
    Json.JsonArray list = Json.array();
    all.forEach((name, value) -> list.add(name + "=" + value));
    config.put("Env", list);
  }

  // ---- programs

  void command(List<String> words) {
    config.put("Cmd", Json.strings(words));
    config.put("ArgsEscaped", true);
    commandIsOwn = true;
  }

  /// A new entry point makes the base image's command meaningless.
  void entrypoint(List<String> words) {
    config.put("Entrypoint", Json.strings(words));
    config.put("ArgsEscaped", true);
    if (!commandIsOwn) {
      config.remove("Cmd");
    }
  }

  Optional<List<String>> shell() {
    List<String> words = config.strings("Shell");
    return words.isEmpty() ? Optional.empty() : Optional.of(words);
  }

  void shell(List<String> words) {
    config.put("Shell", Json.strings(words));
  }

  List<String> takeTriggers() {
    List<String> triggers = config.strings("OnBuild");
    config.remove("OnBuild");
    return triggers;
  }

  void trigger(String instruction) {
    List<String> all = new ArrayList<>(config.strings("OnBuild"));
    all.add(instruction);
    config.put("OnBuild", Json.strings(all));
  }

  String healthcheck(Instruction.Healthcheck check) {
    Json.JsonObject json = Json.object();
    List<String> test = new ArrayList<>();
    if (check.test().isEmpty()) {
      test.add("NONE");
    } else {
      Instruction.Program program = check.test().get();
      test.add(program.shell() ? "CMD-SHELL" : "CMD");
      test.addAll(program.words());
    }
    json.put("Test", Json.strings(test));
    Map<String, String> names =
        Map.of(
            "interval", "Interval",
            "timeout", "Timeout",
            "start-period", "StartPeriod",
            "start-interval", "StartInterval");
    for (Map.Entry<String, String> option : check.options().entrySet()) {
      String name = names.get(option.getKey());
      if (name != null) {
        long nanos = (long) GoDuration.nanos(option.getValue()).orElse(0); // the parser knows it
        if (nanos != 0) {
          json.put(name, nanos);
        }
      } else {
        int retries = Integer.parseInt(option.getValue());
        if (retries != 0) {
          json.put("Retries", retries);
        }
      }
    }
    config.put("Healthcheck", json);
    return "&{"
        + Shown.quoted(test)
        + " "
        + Stream.of("Interval", "Timeout", "StartPeriod", "StartInterval")
            .map(name -> '"' + Shown.time(json.number(name, 0)) + '"')
            .collect(Collectors.joining(" "))
        + " "
        + Shown.character(json.number("Retries", 0))
        + "}";
  }

  // ---- the rest

  String user() {
    return config.string("User", "");
  }

  void user(String user) {
    config.put("User", user);
  }

  String workdir() {
    String workdir = config.string("WorkingDir", "");
    return workdir.isEmpty() ? "/" : workdir;
  }

  void workdir(String path) {
    config.put("WorkingDir", path);
  }

  /// The path from the working directory on, without `.` and `..`.
  String resolve(String path) {
    return Path.of(workdir()).resolve(path.isEmpty() ? "." : path).normalize().toString();
  }

  void label(String name, String value) {
    Json.JsonObject labels = config.object("Labels").orElseGet(Json::object);
    config.put("Labels", labels.put(name, value));
  }

  void volumes(List<String> paths) {
    Json.JsonObject volumes = config.object("Volumes").orElseGet(Json::object);
    paths.forEach(p -> volumes.put(p, Json.object()));
    config.put("Volumes", volumes);
  }

  void stopSignal(String signal, Origin origin) throws ParseFailure {
    try {
      int ignored = Signals.number(signal);
    } catch (RuntimeException e) {
      throw origin.failure("invalid signal: " + signal);
    }
    config.put("StopSignal", signal);
  }

  /// Adds ports; what to show of them.
  String expose(List<String> ports, Origin origin) throws ParseFailure {
    Json.JsonObject all = config.object("ExposedPorts").orElseGet(Json::object);
    List<String> shown = new ArrayList<>();
    for (String port : ports) {
      String inner =
          port.substring(port.lastIndexOf(':') + 1); // a host's address and port mean nothing
      Matcher m = PORT.matcher(inner);
      if (!m.matches()) {
        throw origin.failure("invalid containerPort: " + port);
      }
      int from = Integer.parseInt(m.group(1));
      int to = m.group(2) == null ? from : Integer.parseInt(m.group(2));
      String protocol = m.group(3) == null ? "tcp" : m.group(3).toLowerCase(Locale.ROOT);
      if (to < from || to > 65535) {
        throw origin.failure("invalid containerPort: " + port);
      }
      if (!List.of("tcp", "udp", "sctp").contains(protocol)) {
        throw origin.failure("invalid port: \"" + port + "\": invalid proto: " + protocol);
      }
      if (shown.size() + to - from >= MOST_PORTS) {
        throw origin.failure("EXPOSE names more than " + MOST_PORTS + " ports");
      }
      for (int n = from; n <= to; n++) {
        all.put(n + "/" + protocol, Json.object());
        shown.add(n + "/" + protocol);
      }
    }
    config.put("ExposedPorts", all);
    return shown.toString().replace(",", "");
  }
}
