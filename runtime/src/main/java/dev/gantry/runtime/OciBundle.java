package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.json.JsonException;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// A bundle: the folder with a container's configuration (bundle.md).
final class OciBundle {
  private OciBundle() {}

  static RuntimeSpec read(Path bundle) {
    Path file = bundle.resolve("config.json");
    try {
      RuntimeSpec spec = RuntimeSpec.parse(Files.readString(file));
      if (spec.ociVersion() == null || !spec.ociVersion().startsWith("1.")) {
        throw new Failure.Unsupported(
            "the version " + spec.ociVersion() + " of " + file + " is not supported, 1.x is");
      }
      return spec;
    } catch (IOException e) {
      throw new Failure.NotFound("JSON specification file " + file + " not found", null, e);
    } catch (JsonException e) {
      throw new Failure.InvalidRequest(file + ": " + e.getMessage(), null, e);
    }
  }

  static Path rootfs(RuntimeSpec spec, Path bundle) throws IOException {
    RuntimeSpec.Root root = spec.root();
    if (root == null) {
      throw new Failure.InvalidRequest("the configuration has no root");
    }
    try {
      return bundle.resolve(root.path()).toRealPath();
    } catch (IOException e) {
      throw new Failure.NotFound("the root folder " + root.path() + " does not exist", null, e);
    }
  }

  /// The container's group as a path; systemd's `SLICE:PREFIX:NAME` becomes the path that systemd
  /// gives such a scope.
  static String cgroup(RuntimeSpec spec, String id, boolean systemd) {
    RuntimeSpec.Linux linux = spec.linux();
    String path = linux == null ? null : linux.cgroupsPath();
    if (path == null || path.isEmpty()) {
      return "/gantry-runtime/" + id;
    }
    String[] parts = path.split(":", -1);
    if (systemd && parts.length == 3) {
      String slice = parts[0].isEmpty() ? "system.slice" : parts[0];
      String name = parts[1].isEmpty() ? parts[2] : parts[1] + "-" + parts[2];
      return nested(slice) + "/" + (name.endsWith(".slice") ? name : name + ".scope");
    }
    return Path.of("/" + path).normalize().toString();
  }

  /// `a-b.slice` lies in `a.slice`.
  private static String nested(String slice) {
    StringBuilder path = new StringBuilder();
    String name = slice.replaceFirst("\\.slice$", "");
    if (name.equals("-")) {
      return "";
    }
    for (int dash = name.indexOf('-'); dash > 0; dash = name.indexOf('-', dash + 1)) {
      path.append('/').append(name, 0, dash).append(".slice");
    }
    return path.append('/').append(name).append(".slice").toString();
  }

  /// Sources of bind mounts are relative to the bundle.
  static RuntimeSpec absolute(RuntimeSpec s, Path bundle, String cgroup) {
    RuntimeSpec.Linux l = s.linux();
    if (l == null) {
      throw new Failure.InvalidRequest("the configuration has no linux section");
    }
    List<RuntimeSpec.Mount> mounts = s.mounts().stream().map(m -> absolute(m, bundle)).toList();
    return new RuntimeSpec(
        s.ociVersion(),
        s.root(),
        s.process(),
        s.hostname(),
        s.domainname(),
        mounts,
        s.hooks(),
        s.annotations(),
        new RuntimeSpec.Linux(
            l.namespaces(),
            l.uidMappings(),
            l.gidMappings(),
            l.devices(),
            l.netDevices(),
            cgroup,
            l.resources(),
            l.rootfsPropagation(),
            l.seccomp(),
            l.sysctl(),
            l.maskedPaths(),
            l.readonlyPaths(),
            l.mountLabel(),
            l.intelRdt(),
            l.memoryPolicy(),
            l.personality(),
            l.timeOffsets()));
  }

  private static RuntimeSpec.Mount absolute(RuntimeSpec.Mount m, Path bundle) {
    boolean bind =
        "bind".equals(m.type()) || m.options().contains("bind") || m.options().contains("rbind");
    String source = m.source();
    return bind && source != null && !source.startsWith("/")
        ? new RuntimeSpec.Mount(
            m.destination(),
            m.type(),
            bundle.resolve(source).toString(),
            m.options(),
            m.uidMappings(),
            m.gidMappings())
        : m;
  }
}
