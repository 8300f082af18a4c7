package dev.gantry.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every row of dockerd's flags, settings, variables, sockets and behaviours, as the table beside
/// the tree lists them: each is honoured or refused with a reason.
class KnownFlagsTest {
  /// Where each behaviour is shown.
  private static final Map<String, String> BEHAVIOURS =
      Map.of(
          "SIGHUP reload of daemon.json", "EngineSettingsIT",
          "SIGTERM/SIGINT graceful stop", "EngineSettingsIT",
          "SIGUSR1 stack dump", "EngineSettingsIT",
          "SIGQUIT force quit", "EngineSettingsIT",
          "systemd sd_notify READY/STOPPING", "ServiceManagerIT",
          "/metrics prometheus endpoint", "EngineTlsIT");

  @TempDir Path folder;

  /// @param key the key in daemon.json; empty for none
  private record Row(String kind, String name, String key, String type) {
    static Row parse(String line) {
      String[] cells = line.split("\t", -1);
      return new Row(cells[0], cells[1], cells[3], cells[4]);
    }
  }

  @Test
  void everyRowIsHonouredOrRefusedWithAReason() throws IOException {
    Set<String> unknown = new TreeSet<>();
    List<Row> rows =
        Files.readAllLines(Needs.shared("features/dockerd.tsv")).stream()
            .skip(1)
            .map(Row::parse)
            .toList();
    for (Row row : rows) {
      boolean known =
          switch (row.kind()) {
            case "flag" -> isFlag(row.name()) && (row.key().isEmpty() || isKey(row.key()));
            case "config-key" -> isSetting(row);
            case "env" -> isVariable(row.name());
            case "socket" -> isSocket(row.name());
            case "behaviour" -> isShown(row.name());
            default -> false;
          };
      if (!known) {
        unknown.add(row.kind() + " " + row.name() + row.key());
      }
    }
    assertEquals(Set.of(), unknown);
    assertTrue(rows.size() > 140, rows.size() + " rows");
  }

  private static boolean isFlag(String name) {
    return KnownFlags.written(name).isPresent() || KnownFlags.reason(name).isPresent();
  }

  private static boolean isKey(String key) {
    return KnownFlags.key(key).isPresent() || KnownFlags.reason(key).isPresent();
  }

  private static boolean isVariable(String name) {
    return KnownEnvironment.isHonoured(name) != KnownEnvironment.reason(name).isPresent();
  }

  private static boolean isSocket(String scheme) {
    return Listeners.isKnown(scheme + (scheme.equals("unix://") ? "/a" : ""))
        || Listeners.reason(scheme).isPresent();
  }

  private static boolean isShown(String behaviour) {
    Path tests = Needs.tree().resolve("tests/integration/src/test/java/dev/gantry/integration");
    String name = BEHAVIOURS.getOrDefault(behaviour, "nowhere");
    return Files.exists(tests.resolve(name + ".java"));
  }

  /// A file with this setting alone is taken, or refused with the setting's reason.
  private boolean isSetting(Row row) throws IOException {
    Path file = folder.resolve("daemon.json");
    Json.JsonObject settings = Json.object();
    put(settings, List.of(row.key().split("\\.")), value(row));
    if (row.key().startsWith("default-ulimits")) {
      complete(settings.object("default-ulimits").orElseThrow().object("nofile").orElseThrow());
    }
    Files.writeString(file, settings.text());
    try {
      Flags flags = Flags.parse(new String[] {"--config-file", file.toString()});
      NetworkFlags.read(flags);
      return !ServerFlags.read(flags, "1", folder).version().isEmpty();
    } catch (Failure.InvalidRequest e) {
      String first = row.key().replaceFirst("[.\\[].*", "");
      boolean whole = KnownFlags.reason(first).filter(e.text()::contains).isPresent();
      return whole || e.text().matches("(?s).*does not honour \\S+: .+");
    }
  }

  private static void complete(Json.JsonObject limit) {
    for (String part : List.of("Soft", "Hard")) {
      if (!limit.has(part)) {
        limit.put(part, 1);
      }
    }
  }

  /// `a.b[].c` as `{"a": {"b": [{"c": VALUE}]}}`, with a name for `<name>`.
  private static void put(Json.JsonObject object, List<String> path, Json value) {
    String key = path.getFirst().replace("<name>", "nofile");
    if (path.size() == 1) {
      object.put(key, value);
      return;
    }
    Json.JsonObject inner = Json.object();
    put(inner, path.subList(1, path.size()), value);
    if (key.endsWith("[]")) {
      if (key.startsWith("default-address-pools")) {
        inner.putIfPresent(inner.has("base") ? "size" : "base", pool(inner.has("base")));
      }
      object.put(key.replace("[]", ""), Json.array().add(inner));
    } else {
      object.put(key, inner);
    }
  }

  private static Json pool(boolean size) {
    return size ? Json.of(24) : Json.of("10.1.0.0/16");
  }

  private static Json value(Row row) {
    return switch (row.type().replaceFirst(" .*", "")) {
      case "bool" -> Json.of(true);
      case "int", "uint32" -> Json.of(24);
      case "list" -> Json.array().add("type=source.local");
      case "duration" -> Json.of("24h");
      case "size" -> Json.of("1GB");
      case "cidr" -> Json.of("10.1.0.0/16");
      case "net.IP" -> Json.of("192.0.2.1");
      case "object", "BuilderConfig" -> Json.object();
      default -> Json.of("nofile");
    };
  }
}
