package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.HostMounts;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Mounts what volumes with driver options stand for while containers use them: the first user
/// mounts, the last one unmounts. Thread-safe.
final class VolumeMounts {
  private static final Set<String> KNOWN = Set.of("type", "o", "device", "size");
  private static final Map<String, List<String>> NEEDED =
      Map.of("device", List.of("type"), "type", List.of("device"), "o", List.of("device", "type"));

  private final Map<String, Set<String>> users = new HashMap<>();

  /// Refuses options that no mount can be made of; the texts are Docker's.
  static void check(String name, Map<String, String> options) {
    String prefix = "create " + name + ": ";
    for (String option : options.keySet()) {
      if (!KNOWN.contains(option)) {
        throw new Failure.InvalidRequest(prefix + "invalid option: \"" + option + "\"");
      }
    }
    for (String given : List.of("device", "o", "type")) {
      for (String needed :
          options.containsKey(given) ? NEEDED.getOrDefault(given, List.of()) : List.<String>of()) {
        if (!options.containsKey(needed)) {
          throw new Failure.InvalidRequest(prefix + "missing required option: \"" + needed + "\"");
        }
      }
    }
    if (options.containsKey("size")) {
      throw new Failure.InvalidRequest(prefix + "quota size requested but no quota support");
    }
  }

  /// Makes sure that `volume` is there for the container `id`.
  synchronized void acquire(Volumes.Volume volume, String id) {
    if (volume.options().isEmpty()) {
      return;
    }
    if (!HostMounts.isMounted(volume.mountpoint())) {
      mount(volume);
    }
    users.computeIfAbsent(volume.name(), n -> new HashSet<>()).add(id);
  }

  /// The container `id` needs `volume` no longer.
  synchronized void release(Volumes.Volume volume, String id) {
    if (volume.options().isEmpty()) {
      return;
    }
    Set<String> left = users.getOrDefault(volume.name(), new HashSet<>());
    left.remove(id);
    if (left.isEmpty()) {
      users.remove(volume.name());
      unmount(volume);
    }
  }

  /// Takes away what an engine before this one has left mounted, if nobody uses it.
  synchronized void settle(Volumes.Volume volume) {
    if (!volume.options().isEmpty() && !users.containsKey(volume.name())) {
      unmount(volume);
    }
  }

  private static void unmount(Volumes.Volume volume) {
    try {
      HostMounts.unmount(volume.mountpoint());
    } catch (Errno e) {
      System.getLogger("gantryd")
          .log(System.Logger.Level.WARNING, "volume " + volume.name() + ": " + e.getMessage());
    }
  }

  private static void mount(Volumes.Volume volume) {
    Map<String, String> options = volume.options();
    String device = options.getOrDefault("device", "");
    String type = options.getOrDefault("type", "");
    List<String> words = new ArrayList<>(List.of(options.getOrDefault("o", "").split(",")));
    try {
      // the kernel wants addresses
      if (type.startsWith("nfs") || type.equals("cifs")) {
        words.replaceAll(VolumeMounts::resolved);
      }
      if (type.equals("cifs") && words.stream().noneMatch(w -> w.startsWith("addr="))) {
        device = withAddress(device);
      }
      Files.createDirectories(volume.mountpoint());
      HostMounts.mount(device, volume.mountpoint(), type, HostMounts.Options.parse(words));
    } catch (IOException e) {
      Path point = volume.mountpoint();
      throw new Failure.Internal(
          "error while mounting volume '"
              + point
              + "': failed to mount local volume: mount "
              + device
              + ":"
              + point
              + shown(HostMounts.Options.parse(words))
              + ": "
              + (e instanceof Errno errno
                  ? Errno.describe(errno.number())
                  : String.valueOf(e.getMessage())),
          e);
    }
  }

  private static String shown(HostMounts.Options options) {
    return (options.flags() == 0 ? "" : ", flags: 0x" + Long.toHexString(options.flags()))
        + (options.data().isEmpty() ? "" : ", data: " + withoutPassword(options.data()));
  }

  static String withoutPassword(String data) {
    return data.replaceAll("(^|,)password=[^,]*", "$1password=********");
  }

  private static String resolved(String option) {
    return option.startsWith("addr=")
        ? "addr=" + address(option.substring("addr=".length()))
        : option;
  }

  /// `//HOST/SHARE` with the host's address.
  static String withAddress(String device) {
    int slash = device.startsWith("//") ? device.indexOf('/', 2) : -1;
    return slash <= 2
        ? device
        : "//" + address(device.substring(2, slash)) + device.substring(slash);
  }

  private static String address(String host) {
    try {
      return InetAddress.getByName(host).getHostAddress();
    } catch (IOException e) {
      throw new Failure.Internal(
          "error while mounting volume: error resolving passed in network volume address: lookup "
              + host
              + ": no such host",
          e);
    }
  }
}
