package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The engine's flags, with dockerd's names, and the same settings from daemon.json. A setting that
/// is said in both places is an error, as dockerd has it, and one that the engine does not honour
/// is refused with its name.
final class Flags {
  private enum Kind {
    TEXT,
    LIST,
    BOOL
  }

  /// @param file the key in daemon.json
  private record Flag(String name, String shorthand, String file, Kind kind, String help) {}

  private static final List<Flag> KNOWN =
      List.of(
          new Flag(
              "host",
              "H",
              "hosts",
              Kind.LIST,
              "socket to listen on: unix:///path, tcp://127.0.0.1:port (repeatable)"),
          new Flag(
              "data-root", "", "data-root", Kind.TEXT, "what survives a reboot (/var/lib/gantry)"),
          new Flag(
              "exec-root",
              "",
              "exec-root",
              Kind.TEXT,
              "what lives as long as the containers run, on a tmpfs (/run/gantry)"),
          new Flag(
              "pidfile",
              "p",
              "pidfile",
              Kind.TEXT,
              "where the process id is written (EXEC-ROOT/gantryd.pid)"),
          new Flag(
              "group", "G", "group", Kind.TEXT, "group that may use the unix sockets (docker)"),
          new Flag(
              "config-file", "", "", Kind.TEXT, "file with settings (/etc/gantry/daemon.json)"),
          new Flag("bip", "", "bip", Kind.TEXT, "address of the default bridge, as 172.30.0.1/16"),
          new Flag(
              "bridge",
              "b",
              "bridge",
              Kind.TEXT,
              "link name of the default bridge (gantry0); none for no bridge"),
          new Flag("mtu", "", "mtu", Kind.TEXT, "largest packet on the default bridge (1500)"),
          new Flag(
              "fixed-cidr",
              "",
              "fixed-cidr",
              Kind.TEXT,
              "part of the default bridge's subnet for containers"),
          new Flag(
              "icc",
              "",
              "icc",
              Kind.BOOL,
              "containers of the default bridge reach each other (true)"),
          new Flag(
              "ip", "", "ip", Kind.TEXT, "address for published ports that name none (0.0.0.0)"),
          new Flag(
              "ip-masq",
              "",
              "ip-masq",
              Kind.BOOL,
              "hide containers behind the host's address (true)"),
          new Flag(
              "ip-forward", "", "ip-forward", Kind.BOOL, "switch the host's forwarding on (true)"),
          new Flag("iptables", "", "iptables", Kind.BOOL, "keep the firewall table (true)"),
          new Flag(
              "publish-by-input-rules",
              "",
              "publish-by-input-rules",
              Kind.BOOL,
              "published ports obey the host's input rules"),
          new Flag(
              "default-address-pool",
              "",
              "default-address-pools",
              Kind.LIST,
              "where new networks get subnets, as base=172.30.0.0/16,size=24 (repeatable)"),
          new Flag("dns", "", "dns", Kind.LIST, "name server for containers (repeatable)"),
          new Flag(
              "dns-search",
              "",
              "dns-search",
              Kind.LIST,
              "search domain for containers (repeatable)"),
          new Flag(
              "dns-opt", "", "dns-opts", Kind.LIST, "resolver option for containers (repeatable)"),
          new Flag(
              "cgroup-parent",
              "",
              "cgroup-parent",
              Kind.TEXT,
              "control group that holds the containers' own"),
          new Flag(
              "init-path",
              "",
              "init-path",
              Kind.TEXT,
              "program that containers with --init start with"),
          new Flag(
              "live-restore",
              "",
              "live-restore",
              Kind.BOOL,
              "containers outlive the engine: always the case here"),
          new Flag("log-level", "l", "log-level", Kind.TEXT, "debug, info, warn, error (info)"),
          new Flag("debug", "D", "debug", Kind.BOOL, "the same as --log-level debug"),
          new Flag("validate", "", "", Kind.BOOL, "check the settings and end"),
          new Flag("version", "v", "", Kind.BOOL, "print the version and end"),
          new Flag("help", "h", "", Kind.BOOL, "print this and end"));

  private final Map<String, List<String>> values = new LinkedHashMap<>();

  static Flags parse(String[] arguments) {
    Flags flags = new Flags();
    for (int i = 0; i < arguments.length; i++) {
      String argument = arguments[i];
      if (!argument.startsWith("-") || argument.equals("-")) {
        throw new Failure.InvalidRequest("gantryd takes no arguments, only flags: " + argument);
      }
      int equals = argument.indexOf('=');
      String name = equals < 0 ? argument : argument.substring(0, equals);
      Flag flag = find(name);
      String value;
      if (equals >= 0) {
        value = argument.substring(equals + 1);
      } else if (flag.kind() == Kind.BOOL) {
        value = "true";
      } else if (i + 1 < arguments.length) {
        value = arguments[++i];
      } else {
        throw new Failure.InvalidRequest("flag needs an argument: " + argument);
      }
      flags.values.computeIfAbsent(flag.name(), n -> new ArrayList<>()).add(value);
    }
    flags.readFile();
    return flags;
  }

  private static Flag find(String written) {
    for (Flag flag : KNOWN) {
      if (written.equals("--" + flag.name())
          || (!flag.shorthand().isEmpty() && written.equals("-" + flag.shorthand()))) {
        return flag;
      }
    }
    throw new Failure.InvalidRequest(
        "unknown flag: " + written + "\nSee 'gantryd --help' for what this engine honours.");
  }

  private void readFile() {
    boolean said = values.containsKey("config-file");
    Path file = Path.of(text("config-file", "/etc/gantry/daemon.json"));
    if (!Files.exists(file)) {
      if (said) {
        throw new Failure.NotFound("the file of --config-file does not exist: " + file);
      }
      return;
    }
    try {
      Json.JsonObject settings = Json.parseObject(Files.readString(file));
      List<String> unknown = new ArrayList<>();
      List<String> twice = new ArrayList<>();
      for (String key : settings.members().keySet()) {
        Flag flag =
            KNOWN.stream()
                .filter(f -> !f.file().isEmpty() && f.file().equals(key))
                .findFirst()
                .orElse(null);
        if (flag == null) {
          unknown.add(key);
        } else if (values.containsKey(flag.name())) {
          twice.add(key);
        } else {
          values.put(flag.name(), texts(settings, key));
        }
      }
      if (!unknown.isEmpty()) {
        throw new Failure.InvalidRequest(
            file
                + ": the following settings are not known or not honoured by this engine: "
                + String.join(", ", unknown));
      }
      if (!twice.isEmpty()) {
        throw new Failure.InvalidRequest(
            "the following settings are specified both as a flag and in "
                + file
                + ": "
                + String.join(", ", twice));
      }
    } catch (IOException | JsonException e) {
      throw new Failure.InvalidRequest(
          "unable to configure the engine with file " + file + ": " + e.getMessage(), null, e);
    }
  }

  private static List<String> texts(Json.JsonObject settings, String key) {
    return switch (settings.get(key)) {
      case Json.JsonArray a -> a.items().stream().map(Flags::text).toList();
      case Json.JsonString s -> List.of(s.value());
      case null -> List.of();
      case Json other -> List.of(other.text());
    };
  }

  /// An item of a list; an object in the form of the flag, `base=10.0.0.0/8,size=24`.
  private static String text(Json item) {
    return switch (item) {
      case Json.JsonString s -> s.value();
      case Json.JsonObject o ->
          o.members().entrySet().stream()
              .map(member -> member.getKey() + "=" + text(member.getValue()))
              .collect(java.util.stream.Collectors.joining(","));
      default -> item.text();
    };
  }

  String text(String name, String absent) {
    List<String> all = values.get(name);
    return all == null || all.isEmpty() ? absent : all.getLast();
  }

  List<String> list(String name) {
    return values.getOrDefault(name, List.of());
  }

  boolean flag(String name) {
    return flag(name, false);
  }

  boolean flag(String name, boolean fallback) {
    String value = text(name, String.valueOf(fallback));
    if (!Set.of("true", "false", "1", "0").contains(value)) {
      throw new Failure.InvalidRequest(
          "invalid argument \"" + value + "\" for \"--" + name + "\" flag: parse error");
    }
    return value.equals("true") || value.equals("1");
  }

  static String help() {
    StringBuilder help =
        new StringBuilder("Usage: gantryd [OPTIONS]\n\nThe container engine.\n\nOptions:\n");
    for (Flag f : KNOWN) {
      String left =
          (f.shorthand().isEmpty() ? "      " : "  -" + f.shorthand() + ", ")
              + "--"
              + f.name()
              + (f.kind() == Kind.BOOL ? "" : f.kind() == Kind.LIST ? " list" : " string");
      help.append(String.format(java.util.Locale.ROOT, "%-32s%s%n", left, f.help()));
    }
    return help.toString();
  }
}
