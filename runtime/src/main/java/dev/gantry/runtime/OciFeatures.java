package dev.gantry.runtime;

import dev.gantry.json.Json;
import dev.gantry.kernel.Capabilities;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.oci.RuntimeSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// What this runtime supports (features.md, features-linux.md), and a configuration to start from.
final class OciFeatures {
  private static final List<String> HOOKS =
      List.of(
          "prestart",
          "createRuntime",
          "createContainer",
          "startContainer",
          "poststart",
          "poststop");

  private OciFeatures() {}

  static Json.JsonObject document() {
    CgroupLayout cgroups = CgroupLayout.detected();
    Json.JsonObject linux =
        Json.object()
            .put("namespaces", array(NamespacePlan.types()))
            .put("capabilities", array(Capabilities.names()))
            .put(
                "cgroup",
                Json.object()
                    .put("v1", true)
                    .put("v2", true)
                    .put("systemd", false)
                    .put("systemdUser", false)
                    .put("rdma", cgroups.folder("rdma", "/").isPresent()))
            .put(
                "seccomp",
                Json.object()
                    .put("enabled", true)
                    .put("actions", array(SeccompProfiles.ACTIONS))
                    .put("operators", array(SeccompProfiles.OPERATORS))
                    .put("archs", array(SeccompProfiles.ARCHITECTURES))
                    .put("knownFlags", array(SeccompProfiles.FLAGS))
                    .put("supportedFlags", array(SeccompProfiles.FLAGS)))
            .put("apparmor", Json.object().put("enabled", true))
            .put("selinux", Json.object().put("enabled", false))
            .put("intelRdt", Json.object().put("enabled", false))
            .put("mountExtensions", Json.object().put("idmap", Json.object().put("enabled", true)))
            .put("netDevices", Json.object().put("enabled", true));
    return Json.object()
        .put("ociVersionMin", "1.0.0")
        .put("ociVersionMax", RuntimeSpec.VERSION)
        .put("hooks", array(HOOKS))
        .put("mountOptions", array(MountOptions.names()))
        .put("linux", linux);
  }

  private static Json.JsonArray array(List<String> texts) {
    Json.JsonArray array = Json.array();
    texts.forEach(array::add);
    return array;
  }

  /// A shell with Docker's defaults, its root in `rootfs`.
  static RuntimeSpec template() {
    List<RuntimeSpec.Mount> mounts = new ArrayList<>(DockerDefaults.mounts(false));
    mounts.add(
        RuntimeSpec.Mount.of(
            "/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"));
    List<RuntimeSpec.Namespace> namespaces =
        List.of("pid", "network", "ipc", "uts", "mount", "cgroup").stream()
            .map(t -> new RuntimeSpec.Namespace(t, null))
            .toList();
    return new RuntimeSpec(
        RuntimeSpec.VERSION,
        new RuntimeSpec.Root("rootfs", true),
        new RuntimeSpec.Process(
            true,
            null,
            new RuntimeSpec.User(0, 0, null, List.of()),
            List.of("sh"),
            List.of(
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"),
            "/",
            RuntimeSpec.Capabilities.of(DockerDefaults.CAPABILITIES),
            List.of(),
            true,
            null,
            null,
            null,
            null,
            null,
            null),
        "gantry",
        null,
        mounts,
        null,
        Map.of(),
        new RuntimeSpec.Linux(
            namespaces,
            List.of(),
            List.of(),
            DockerDefaults.DEVICES,
            Map.of(),
            null,
            RuntimeSpec.Resources.of(DockerDefaults.DEVICE_RULES),
            null,
            DockerDefaults.seccomp(DockerDefaults.CAPABILITIES),
            Map.of(),
            DockerDefaults.MASKED_PATHS,
            DockerDefaults.READONLY_PATHS,
            null,
            null,
            null,
            null,
            Map.of()));
  }
}
