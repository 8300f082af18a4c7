package dev.gantry.daemon;

import dev.gantry.engine.Engine;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.registryclient.RegistryOptions;
import dev.gantry.server.EngineId;
import dev.gantry.server.ServerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The event of the engine itself: its settings were read again. As dockerd's it has the settings
/// that may change while it runs, each as a text.
final class ReloadEvent {
  private ReloadEvent() {}

  static void publish(Engine engine, ServerSettings settings, Flags flags) {
    engine.publishEvent(
        "daemon", "reload", EngineId.of(settings.dataRoot()), attributes(settings, flags));
  }

  private static Map<String, String> attributes(ServerSettings settings, Flags flags) {
    RegistryOptions registries = settings.registries();
    Map<String, String> all = new TreeMap<>();
    all.put("debug", Boolean.toString(settings.debug()));
    all.put(
        "default-cgroupns-mode",
        or(
            settings.containers().cgroupnsMode(),
            CgroupLayout.detected().isUnified() ? "private" : "host"));
    all.put("default-ipc-mode", or(settings.containers().ipcMode(), "private"));
    all.put("default-runtime", "runc");
    all.put("default-shm-size", Long.toString(shmSize(settings)));
    all.put("features", "map[]");
    all.put("insecure-registries", list(registries.insecure()));
    all.put("labels", list(settings.labels()));
    all.put("live-restore", Boolean.toString(settings.liveRestore()));
    all.put("max-concurrent-downloads", Integer.toString(registries.downloads()));
    all.put("max-concurrent-uploads", Integer.toString(registries.uploads()));
    all.put("max-download-attempts", Integer.toString(registries.attempts()));
    all.put("name", hostName());
    all.put("registry-mirrors", list(registries.mirrors().stream().map(String::valueOf).toList()));
    all.put("runtimes", "");
    all.put("shutdown-timeout", Integer.toString(flags.number("shutdown-timeout", 15)));
    return all;
  }

  private static String or(String text, String otherwise) {
    return text.isEmpty() ? otherwise : text;
  }

  private static long shmSize(ServerSettings settings) {
    long size = settings.containers().shmSize();
    return size == 0 ? 64L << 20 : size;
  }

  private static String list(List<String> texts) {
    return Json.strings(texts).text();
  }

  private static String hostName() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException e) {
      return "localhost";
    }
  }
}
