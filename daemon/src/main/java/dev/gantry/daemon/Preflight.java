package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Capabilities;
import dev.gantry.kernel.CgroupLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Looks at the machine before the engine opens: what it cannot do without is an error, what
/// containers will miss is a line in the log.
final class Preflight {
  private static final Pattern VERSION = Pattern.compile("(\\d+)\\.(\\d+).*", Pattern.DOTALL);
  private static final List<String> NEEDED =
      List.of("CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_MKNOD");

  private Preflight() {}

  static void check() {
    long effective = Capabilities.effective();
    List<String> missing =
        NEEDED.stream()
            .filter(name -> (effective & Capabilities.mask(List.of(name))) == 0)
            .toList();
    if (!missing.isEmpty()) {
      throw new Failure.Forbidden(
          "the engine needs root with all capabilities; missing here: "
              + String.join(", ", missing));
    }
    String version = read("/proc/sys/kernel/osrelease").strip();
    Matcher numbers = VERSION.matcher(version);
    if (numbers.matches()
        && Integer.parseInt(numbers.group(1)) * 1000 + Integer.parseInt(numbers.group(2)) < 5012) {
      throw new Failure.Unsupported(
          "the engine needs Linux 5.12 or newer (mount_setattr and the openat2 family); this is "
              + version);
    }
    if (!read("/proc/filesystems").contains("\toverlay\n")) {
      Log.warn(
          "the kernel has no overlay file system loaded: containers cannot start until it is"
              + " (modprobe overlay)");
    }
    if (!Files.exists(Path.of("/proc/self/ns/net"))) {
      Log.warn("the kernel has no network namespaces: only --network host will work");
    }
    CgroupLayout cgroups = CgroupLayout.detected();
    for (String controller : List.of("memory", "cpu", "pids")) {
      if (cgroups.folder(controller, "/").isEmpty()) {
        Log.warn("no cgroup controller " + controller + " here: its limits are refused");
      }
    }
  }

  private static String read(String file) {
    try {
      return Files.readString(Path.of(file));
    } catch (IOException e) {
      return "";
    }
  }
}
