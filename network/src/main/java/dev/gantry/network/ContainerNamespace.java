package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.NetNamespace;
import dev.gantry.kernel.Netlink;
import java.util.List;
import java.util.Map;

/// Work in the network namespaces of containers. Failures of the kernel become sentences here.
final class ContainerNamespace {
  private ContainerNamespace() {}

  /// Makes a namespace and does `work` in it, all on one thread: each change of threads would cost
  /// a start another turn on a busy processor.
  static Fd make(NetNamespace.FirstWork work) {
    try {
      return NetNamespace.create(work);
    } catch (Failure e) {
      throw e;
    } catch (Exception e) {
      throw new Failure.Internal("cannot make the network namespace: " + e.getMessage(), e);
    }
  }

  /// Changes the links of the running container whose process is `pid`.
  static void change(int pid, Map<String, String> settings, List<byte[]> messages) {
    try {
      NetNamespace.of(
          pid,
          () -> {
            change(settings, messages);
            return true;
          });
    } catch (Failure e) {
      throw e;
    } catch (Exception e) {
      throw new Failure.Internal(
          "cannot change the links of the container with process " + pid + ": " + e.getMessage(),
          e);
    }
  }

  /// Writes sysctls of a namespace.
  static void settings(Fd namespace, Map<String, String> settings) {
    try {
      NetNamespace.in(
          namespace,
          () -> {
            settings(settings);
            return true;
          });
    } catch (Failure e) {
      throw e;
    } catch (Exception e) {
      throw new Failure.Internal("cannot set the container's sysctls: " + e.getMessage(), e);
    }
  }

  /// Changes the links of the namespace that the calling thread is in.
  static void change(Map<String, String> settings, List<byte[]> messages) throws Exception {
    // before the addresses: a namespace without IPv6 so far refuses them
    settings(settings);
    try (Netlink netlink = Netlink.route()) {
      netlink.exchange(NetlinkMessage.join(messages), "the container's links");
    }
  }

  /// Writes sysctls of the namespace that the calling thread is in.
  static void settings(Map<String, String> settings) {
    settings.forEach(
        (key, value) -> HostLinks.sysctl(key.substring("net.".length()).replace('.', '/'), value));
  }
}
