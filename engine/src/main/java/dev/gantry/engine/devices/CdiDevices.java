package dev.gantry.engine.devices;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedSet;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Devices that vendors describe in files (Container Device Interface, SPEC.md):
/// `vendor/class=name` stands for device nodes, mounts, variables, groups and hooks that a
/// container with it gets.
///
/// Files are `*.json` and `*.yaml` in some folders. Of two folders that have a device the later one
/// wins; a device that two files of one folder have belongs to nobody. Files are read anew for each
/// container that wants a device, of which there are few; one that cannot be read is passed over,
/// and its reason is told where a device is missing.
public final class CdiDevices {
  /// Where vendors put them; what is made at run time comes later and wins.
  public static final List<Path> FOLDERS = List.of(Path.of("/etc/cdi"), Path.of("/var/run/cdi"));

  private static final long LARGEST = 16 << 20;

  /// A device as its file has it.
  ///
  /// @param common what every container with any of the file's devices gets
  private record Device(Path file, Json.JsonObject common, Json.JsonObject own) {}

  private final Map<String, Device> devices;
  private final List<String> complaints;

  private CdiDevices(Map<String, Device> devices, List<String> complaints) {
    this.devices = devices;
    this.complaints = complaints;
  }

  /// Reads what `folders` have now, the most important last.
  public static CdiDevices in(List<Path> folders) {
    Map<String, Device> all = new TreeMap<>();
    List<String> complaints = new ArrayList<>();
    for (Path folder : folders) {
      Map<String, Device> here = new TreeMap<>();
      SequencedSet<String> twice = new LinkedHashSet<>();
      for (Path file : files(folder, complaints)) {
        try {
          read(file)
              .forEach(
                  (name, device) -> {
                    if (here.putIfAbsent(name, device) != null) {
                      twice.add(name);
                    }
                  });
        } catch (IOException | JsonException | Failure.InvalidRequest e) {
          complaints.add(file + ": " + e.getMessage());
        }
      }
      all.putAll(here);
      for (String name : twice) {
        all.remove(name);
        complaints.add(name + " is in two files of " + folder);
      }
    }
    return new CdiDevices(all, complaints);
  }

  private static List<Path> files(Path folder, List<String> complaints) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> isSpecification(file.getFileName().toString())).sorted().toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException e) {
      complaints.add(folder + ": " + e.getMessage());
      return List.of();
    }
  }

  private static boolean isSpecification(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".json") || lower.endsWith(".yaml") || lower.endsWith(".yml");
  }

  private static Map<String, Device> read(Path file) throws IOException {
    if (Files.size(file) > LARGEST) {
      throw new Failure.InvalidRequest("larger than " + LARGEST + " bytes");
    }
    String text = Files.readString(file);
    Json.JsonObject spec =
        file.toString().endsWith(".json") ? Json.parseObject(text) : BlockYaml.parse(text);
    String kind = spec.string("kind", "");
    if (!kind.matches("[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*")) {
      throw new Failure.InvalidRequest("invalid kind \"" + kind + "\"");
    }
    Json.JsonObject common = spec.object("containerEdits").orElse(Json.object());
    Map<String, Device> devices = new TreeMap<>();
    for (Json.JsonObject device : spec.objects("devices")) {
      String name = device.string("name", "");
      if (!name.matches("[A-Za-z0-9][A-Za-z0-9_.:-]*")) {
        throw new Failure.InvalidRequest("invalid device name \"" + name + "\"");
      }
      Json.JsonObject own = device.object("containerEdits").orElse(Json.object());
      devices.put(kind + "=" + name, new Device(file, common, own));
    }
    return devices;
  }

  /// Whether `text` has the form `vendor/class=name`, which no path on the host has.
  public static boolean isName(String text) {
    return text.matches(
        "[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*");
  }

  /// All names, sorted.
  public List<String> names() {
    return List.copyOf(devices.keySet());
  }

  /// `config` with the devices `names`.
  ///
  /// @throws Failure.Internal in Docker's words if one is not known or cannot be had
  public RuntimeSpec inject(RuntimeSpec config, List<String> names) {
    List<String> unknown = names.stream().filter(name -> !devices.containsKey(name)).toList();
    if (!unknown.isEmpty()) {
      throw failed(
          "unresolvable CDI devices "
              + String.join(", ", unknown)
              + (complaints.isEmpty() ? "" : " (" + String.join("; ", complaints) + ")"));
    }
    ContainerEdits edits = new ContainerEdits(config);
    SequencedSet<Path> files = new LinkedHashSet<>();
    for (String name : new LinkedHashSet<>(names)) {
      Device device = devices.get(name);
      if (device == null) {
        continue;
      }
      try {
        if (files.add(device.file())) {
          edits.add(device.common());
        }
        edits.add(device.own());
      } catch (JsonException | Failure.InvalidRequest e) {
        throw failed(name + " in " + device.file() + ": " + e.getMessage());
      }
    }
    return edits.applied();
  }

  private static Failure.Internal failed(String why) {
    return new Failure.Internal("CDI device injection failed: " + why);
  }
}
