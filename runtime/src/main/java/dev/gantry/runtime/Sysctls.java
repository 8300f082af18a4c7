package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.oci.RuntimeSpec;
import java.util.Set;

/// Which kernel parameters a container may set: those that are its own, in a namespace of its own.
/// All others would change the host (OCI runtime-spec config-linux.md#sysctl). The texts are
/// runc's.
public final class Sysctls {
  private static final Set<String> IPC =
      Set.of(
          "kernel.msgmax",
          "kernel.msgmnb",
          "kernel.msgmni",
          "kernel.sem",
          "kernel.shmall",
          "kernel.shmmax",
          "kernel.shmmni",
          "kernel.shm_rmid_forced");

  private Sysctls() {}

  /// Refuses with an `InvalidRequest` the first one that is not the container's own.
  public static void check(RuntimeSpec spec) {
    if (spec.linux() != null) {
      for (String written : spec.linux().sysctl().keySet()) {
        // in the form with slashes, dots are parts of names
        String name = written.contains("/") ? written.replace('/', '.') : written;
        String wrong = wrong(spec, name);
        if (!wrong.isEmpty()) {
          throw new Failure.InvalidRequest("sysctl \"" + written + "\" " + wrong);
        }
      }
    }
  }

  /// The file of a parameter below /proc/sys.
  static String file(String name) {
    return name.indexOf('/') >= 0 ? name : name.replace('.', '/');
  }

  private static String wrong(RuntimeSpec spec, String name) {
    if (name.contains("..") || name.startsWith(".")) {
      return "is no name of a kernel parameter"; // nor a way out of the part that is the
      // container's
    }
    if (IPC.contains(name) || name.startsWith("fs.mqueue.")) {
      return has(spec, "ipc") ? "" : "is not allowed in the hosts ipc namespace";
    }
    if (name.startsWith("net.")) {
      return has(spec, "network") ? "" : "not allowed in host network namespace";
    }
    return switch (name) {
      case "kernel.domainname" ->
          has(spec, "uts") ? "" : "is not allowed in the hosts uts namespace";
      case "kernel.hostname" -> "is not allowed as it conflicts with the OCI \"hostname\" field";
      default -> "is not in a separate kernel namespace";
    };
  }

  private static boolean has(RuntimeSpec spec, String type) {
    return spec.linux() != null
        && spec.linux().namespaces().stream().anyMatch(namespace -> namespace.type().equals(type));
  }
}
