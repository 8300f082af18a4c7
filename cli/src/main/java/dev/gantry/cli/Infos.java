package dev.gantry.cli;

import dev.gantry.cli.template.Scope;
import dev.gantry.cli.template.Template;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/// `info`.
final class Infos {
  private Infos() {}

  static Command command() {
    return Command.of("[OPTIONS]", 0, 0, Infos::run, Flag.format('f'));
  }

  private static int run(Session session, Words words) {
    Optional<Template> template = About.template("", words);
    About about = About.ask(session, "/info");
    Json.JsonObject info = about.answer();
    Json.JsonObject client = client(session);
    if (template.isPresent()) {
      info.put("ClientInfo", client);
      About.print(session, template.get(), info, Scope.struct("system.dockerInfo"));
    } else {
      session.out().print(text(client, info));
    }
    session.out().flush();
    if (about.problem().isPresent()) {
      throw about.problem().get();
    }
    info.strings("Warnings").forEach(session.err()::println);
    return 0;
  }

  private static Json.JsonObject client(Session session) {
    String given = Gantry.given(session.global());
    return Json.object()
        .put("Debug", session.global().on("debug"))
        .put("Version", Gantry.VERSION)
        .put("Context", new ContextStore(session.config()).current(session.global(), given))
        .put("Plugins", Json.array())
        .put("Warnings", Json.NULL);
  }

  private static String text(Json.JsonObject client, Json.JsonObject info) {
    StringBuilder text = new StringBuilder("Client:\n");
    line(text, 1, "Version", "   " + client.string("Version", ""));
    line(text, 1, "Context", "   " + client.string("Context", ""));
    line(text, 1, "Debug Mode", Boolean.toString(client.bool("Debug", false)));
    if (info.isEmpty()) {
      return text.append("\nServer:\n").toString();
    }
    text.append("\nServer:\n");
    counts(text, info);
    drivers(text, info);
    runtimes(text, info);
    machine(text, info);
    settings(text, info);
    return text.append('\n').toString();
  }

  private static void counts(StringBuilder text, Json.JsonObject info) {
    line(text, 1, "Containers", number(info, "Containers"));
    line(text, 2, "Running", number(info, "ContainersRunning"));
    line(text, 2, "Paused", number(info, "ContainersPaused"));
    line(text, 2, "Stopped", number(info, "ContainersStopped"));
    line(text, 1, "Images", number(info, "Images"));
    filled(text, info, "Server Version", "ServerVersion");
  }

  private static void drivers(StringBuilder text, Json.JsonObject info) {
    filled(text, info, "Storage Driver", "Driver");
    for (Json pair : info.items("DriverStatus")) {
      List<Json> words = Session.items(pair);
      if (words.size() == 2) {
        line(text, 2, Template.text(words.get(0)), Template.text(words.get(1)));
      }
    }
    filled(text, info, "Logging Driver", "LoggingDriver");
    filled(text, info, "Cgroup Driver", "CgroupDriver");
    filled(text, info, "Cgroup Version", "CgroupVersion");
    Json.JsonObject plugins = info.object("Plugins").orElse(Json.object());
    text.append(" Plugins:\n");
    line(text, 2, "Volume", String.join(" ", plugins.strings("Volume")));
    line(text, 2, "Network", String.join(" ", plugins.strings("Network")));
    if (!plugins.strings("Authorization").isEmpty()) {
      line(text, 2, "Authorization", String.join(" ", plugins.strings("Authorization")));
    }
    line(text, 2, "Log", String.join(" ", plugins.strings("Log")));
    list(text, "CDI spec directories", info.strings("CDISpecDirs"));
    info.object("Swarm")
        .ifPresent(swarm -> line(text, 1, "Swarm", swarm.string("LocalNodeState", "")));
  }

  private static void runtimes(StringBuilder text, Json.JsonObject info) {
    info.object("Runtimes")
        .filter(runtimes -> !runtimes.isEmpty())
        .ifPresent(
            runtimes -> {
              String names =
                  runtimes.members().keySet().stream().sorted().collect(Collectors.joining(" "));
              line(text, 1, "Runtimes", names);
              line(text, 1, "Default Runtime", info.string("DefaultRuntime", ""));
            });
    filled(text, info, "Init Binary", "InitBinary");
    commit(text, info, "containerd version", "ContainerdCommit");
    commit(text, info, "runc version", "RuncCommit");
    commit(text, info, "init version", "InitCommit");
    security(text, info.strings("SecurityOptions"));
  }

  private static void commit(StringBuilder text, Json.JsonObject info, String name, String key) {
    info.object(key)
        .flatMap(commit -> commit.string("ID"))
        .ifPresent(id -> line(text, 1, name, id));
  }

  /// `name=seccomp,profile=builtin` is a name with settings below it.
  private static void security(StringBuilder text, List<String> options) {
    if (options.isEmpty()) {
      return;
    }
    text.append(" Security Options:\n");
    for (String option : options) {
      for (String part : option.split(",")) {
        int equals = part.indexOf('=');
        String key = equals < 0 ? "" : part.substring(0, equals);
        String value = part.substring(equals + 1);
        if (key.equals("name")) {
          text.append("  ").append(value).append('\n');
        } else if (!key.isEmpty()) {
          String title = key.substring(0, 1).toUpperCase(Locale.ROOT) + key.substring(1);
          line(text, 3, title, value);
        }
      }
    }
  }

  private static void machine(StringBuilder text, Json.JsonObject info) {
    filled(text, info, "Kernel Version", "KernelVersion");
    filled(text, info, "Operating System", "OperatingSystem");
    filled(text, info, "OSType", "OSType");
    filled(text, info, "Architecture", "Architecture");
    line(text, 1, "CPUs", number(info, "NCPU"));
    line(text, 1, "Total Memory", Humans.binary(info.number("MemTotal", 0)));
    filled(text, info, "Name", "Name");
    filled(text, info, "ID", "ID");
    filled(text, info, "Docker Root Dir", "DockerRootDir");
    boolean debug = info.bool("Debug", false);
    line(text, 1, "Debug Mode", Boolean.toString(debug));
    if (debug) {
      line(text, 2, "File Descriptors", number(info, "NFd"));
      line(text, 2, "Goroutines", number(info, "NGoroutines"));
      line(text, 2, "System Time", info.string("SystemTime", ""));
      line(text, 2, "EventsListeners", number(info, "NEventsListener"));
    }
  }

  private static void settings(StringBuilder text, Json.JsonObject info) {
    filled(text, info, "HTTP Proxy", "HttpProxy");
    filled(text, info, "HTTPS Proxy", "HttpsProxy");
    filled(text, info, "No Proxy", "NoProxy");
    list(text, "Labels", info.strings("Labels"));
    line(text, 1, "Experimental", Boolean.toString(info.bool("ExperimentalBuild", false)));
    Json.JsonObject registries = info.object("RegistryConfig").orElse(Json.object());
    List<String> insecure = new ArrayList<>();
    registries
        .object("IndexConfigs")
        .ifPresent(
            indexes ->
                indexes
                    .members()
                    .forEach(
                        (name, index) -> {
                          if (!Session.object(index).bool("Secure", true)) {
                            insecure.add(name);
                          }
                        }));
    insecure.addAll(registries.strings("InsecureRegistryCIDRs"));
    list(text, "Insecure Registries", insecure);
    list(text, "Registry Mirrors", registries.strings("Mirrors"));
    line(text, 1, "Live Restore Enabled", Boolean.toString(info.bool("LiveRestoreEnabled", false)));
    filled(text, info, "Product License", "ProductLicense");
    List<Json.JsonObject> pools = info.objects("DefaultAddressPools");
    if (!pools.isEmpty()) {
      text.append(" Default Address Pools:\n");
      for (Json.JsonObject pool : pools) {
        line(text, 3, "Base", pool.string("Base", "") + ", Size: " + number(pool, "Size"));
      }
    }
  }

  private static String number(Json.JsonObject info, String key) {
    return Long.toString(info.number(key, 0));
  }

  private static void filled(StringBuilder text, Json.JsonObject info, String name, String key) {
    String value = info.string(key, "");
    if (!value.isEmpty()) {
      line(text, 1, name, value);
    }
  }

  private static void list(StringBuilder text, String name, List<String> values) {
    if (!values.isEmpty()) {
      text.append(' ').append(name).append(":\n");
      values.forEach(value -> text.append("  ").append(value).append('\n'));
    }
  }

  private static void line(StringBuilder text, int depth, String name, String value) {
    text.append(" ".repeat(depth)).append(name).append(": ").append(value).append('\n');
  }
}
