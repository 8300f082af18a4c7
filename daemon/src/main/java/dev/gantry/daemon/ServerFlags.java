package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.server.ServerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The flags that the API applies or shows, checked.
final class ServerFlags {
  private static final Pattern SIZE = Pattern.compile("(\\d{1,12})([kmgt]?)(i?b)?");
  private static final Pattern LIMIT =
      Pattern.compile("([a-z]{2,16})=(-1|\\d{1,18})(?::(-1|\\d{1,18}))?");

  private ServerFlags() {}

  static ServerSettings read(Flags flags, String version, Path dataRoot) {
    String driver = System.getenv().getOrDefault("DOCKER_DRIVER", "");
    only("storage-driver", flags.text("storage-driver", driver), "overlay2", "overlayfs", "");
    only("firewall-backend", flags.text("firewall-backend", ""), "nftables", "");
    only("default-runtime", flags.text("default-runtime", ""), "runc", "io.containerd.runc.v2", "");
    for (String option : flags.list("exec-opt")) {
      if (!option.equals("native.cgroupdriver=cgroupfs")) {
        throw new Failure.InvalidRequest(
            "this engine does not honour --exec-opt " + option + ": the cgroup driver is cgroupfs");
      }
    }
    for (String label : flags.list("label")) {
      if (!label.matches("[^=\\s]+=.*")) {
        throw new Failure.InvalidRequest("bad attribute format: " + label);
      }
    }
    return new ServerSettings(
        version,
        dataRoot,
        flags.flag("debug"),
        flags.list("label"),
        defaults(flags),
        RegistryFlags.read(flags),
        flags.flag("live-restore", true),
        BuilderFlags.read(flags, dataRoot));
  }

  private static ServerSettings.Defaults defaults(Flags flags) {
    return new ServerSettings.Defaults(
        flags.flag("init"),
        oneOf(flags, "default-cgroupns-mode", "", "private", "host"),
        oneOf(flags, "default-ipc-mode", "", "private", "shareable"),
        flags.text("default-shm-size", "").isEmpty()
            ? 0
            : bytes("default-shm-size", flags.text("default-shm-size", "")),
        flags.number("default-stop-timeout", 0),
        ulimits(flags),
        securityOptions(flags),
        flags.text("log-driver", "json-file"),
        logOptions(flags));
  }

  private static String oneOf(Flags flags, String name, String... known) {
    String value = flags.text(name, known[0]);
    if (!Set.of(known).contains(value)) {
      throw Flags.invalid(name, value);
    }
    return value;
  }

  /// Refuses what this engine does in one way alone.
  private static void only(String name, String value, String... ways) {
    if (!Set.of(ways).contains(value)) {
      throw new Failure.InvalidRequest(
          "this engine does not honour --" + name + " " + value + ": it knows " + ways[0]);
    }
  }

  /// `64M`, `1g`, `1073741824`.
  static long bytes(String flag, String text) {
    Matcher m = SIZE.matcher(text.toLowerCase(Locale.ROOT));
    if (!m.matches()) {
      throw Flags.invalid(flag, text);
    }
    int shift = "kmgt".indexOf(m.group(2)) + 1;
    return Math.multiplyExact(
        Long.parseLong(m.group(1)), 1L << (m.group(2).isEmpty() ? 0 : 10 * shift));
  }

  private static Json.JsonArray ulimits(Flags flags) {
    Json.JsonArray limits = Json.array();
    for (String text : flags.list("default-ulimit")) {
      Matcher m = LIMIT.matcher(text);
      if (!m.matches()) {
        throw Flags.invalid("default-ulimit", text);
      }
      long soft = Long.parseLong(m.group(2));
      limits.add(
          Json.object()
              .put("Name", m.group(1))
              .put("Hard", m.group(3) == null ? soft : Long.parseLong(m.group(3)))
              .put("Soft", soft));
    }
    return limits;
  }

  private static List<String> securityOptions(Flags flags) {
    List<String> options = new ArrayList<>();
    if (flags.flag("no-new-privileges")) {
      options.add("no-new-privileges");
    }
    String profile = flags.text("seccomp-profile", "");
    if (profile.equals("unconfined")) {
      options.add("seccomp=unconfined");
    } else if (!profile.isEmpty() && !profile.equals("builtin")) {
      try {
        options.add("seccomp=" + Files.readString(Path.of(profile)));
      } catch (IOException e) {
        throw new Failure.InvalidRequest(
            "the file of --seccomp-profile cannot be read: " + profile, null, e);
      }
    }
    return List.copyOf(options);
  }

  private static Json.JsonObject logOptions(Flags flags) {
    Json.JsonObject options = Json.object();
    for (String option : flags.list("log-opt")) {
      int equals = option.indexOf('=');
      if (equals < 1) {
        throw Flags.invalid("log-opt", option);
      }
      options.put(option.substring(0, equals), option.substring(equals + 1));
    }
    return options;
  }
}
