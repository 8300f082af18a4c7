package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Limits given on the command line, and figures read from the control groups.
final class OciUpdate {
  private OciUpdate() {}

  /// From a document (`--resources FILE`, `-` for standard input) or from single options.
  static RuntimeSpec.Resources resources(OciArguments a) throws IOException {
    Optional<String> file = a.value("resources");
    if (file.isPresent()) {
      String text =
          file.get().equals("-")
              ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
              : Files.readString(Path.of(file.get()));
      return JsonRecords.read(Json.parseObject(text), RuntimeSpec.Resources.class);
    }
    Long pids = number(a, "pids-limit");
    return new RuntimeSpec.Resources(
        List.of(),
        new RuntimeSpec.Memory(
            number(a, "memory"),
            number(a, "memory-reservation"),
            number(a, "memory-swap"),
            null,
            null,
            null,
            null,
            null,
            null),
        new RuntimeSpec.Cpu(
            number(a, "cpu-share"),
            number(a, "cpu-quota"),
            null,
            number(a, "cpu-period"),
            number(a, "cpu-rt-runtime"),
            number(a, "cpu-rt-period"),
            a.value("cpuset-cpus").orElse(null),
            a.value("cpuset-mems").orElse(null),
            number(a, "cpu-idle")),
        pids == null ? null : new RuntimeSpec.Pids(pids),
        null,
        List.of(),
        null,
        Map.of(),
        Map.of());
  }

  private static @Nullable Long number(OciArguments a, String name) {
    Optional<String> text = a.value(name);
    if (text.isEmpty()) {
      return null;
    }
    try {
      return Long.valueOf(text.get());
    } catch (NumberFormatException e) {
      throw new Failure.InvalidRequest(
          "the option --" + name + " needs a number, not \"" + text.get() + "\"", null, e);
    }
  }

  /// One line of `events --stats`.
  static Json.JsonObject stats(String id, String group, CgroupLayout cgroups) {
    Json.JsonObject data = Json.object();
    Json.JsonObject pids = Json.object();
    read(cgroups, "pids", group, "pids.current").ifPresent(v -> pids.put("current", v));
    read(cgroups, "pids", group, "pids.max").ifPresent(v -> pids.put("limit", v));
    data.put("pids", pids);
    Json.JsonObject usage = Json.object();
    read(cgroups, "memory", group, "memory.usage_in_bytes")
        .or(() -> read(cgroups, "memory", group, "memory.current"))
        .ifPresent(v -> usage.put("usage", v));
    read(cgroups, "memory", group, "memory.limit_in_bytes")
        .or(() -> read(cgroups, "memory", group, "memory.max"))
        .ifPresent(v -> usage.put("limit", v));
    data.put("memory", Json.object().put("usage", usage));
    Json.JsonObject cpu = Json.object();
    read(cgroups, "cpuacct", group, "cpuacct.usage")
        .or(() -> microseconds(cgroups, group))
        .ifPresent(v -> cpu.put("total", v));
    data.put("cpu", Json.object().put("usage", cpu));
    return Json.object().put("type", "stats").put("id", id).put("data", data);
  }

  private static Optional<Long> microseconds(CgroupLayout cgroups, String group) {
    return cgroups
        .folder("cpu", group)
        .flatMap(
            folder -> {
              try {
                return Files.readAllLines(folder.resolve("cpu.stat")).stream()
                    .filter(l -> l.startsWith("usage_usec "))
                    .map(l -> Long.parseLong(l.substring(11).trim()) * 1000)
                    .findFirst();
              } catch (IOException e) {
                return Optional.empty();
              }
            });
  }

  private static Optional<Long> read(
      CgroupLayout cgroups, String controller, String group, String file) {
    return cgroups
        .folder(controller, group)
        .flatMap(
            folder -> {
              try {
                String text = Files.readString(folder.resolve(file)).trim();
                return text.equals("max") ? Optional.empty() : Optional.of(Long.valueOf(text));
              } catch (IOException e) {
                return Optional.empty(); // the other version's file
              }
            });
  }
}
