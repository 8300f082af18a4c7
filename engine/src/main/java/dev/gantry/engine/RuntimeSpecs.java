package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.engine.devices.DeviceNodes;
import dev.gantry.json.Json;
import dev.gantry.kernel.Capabilities;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.oci.RuntimeSpec.Device;
import dev.gantry.oci.RuntimeSpec.DeviceRule;
import dev.gantry.oci.RuntimeSpec.Mount;
import dev.gantry.oci.RuntimeSpec.Namespace;
import dev.gantry.runtime.DockerDefaults;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Writes the OCI configuration of a container: what Docker's options mean for the kernel.
final class RuntimeSpecs {
  private static final String DEFAULT_PATH =
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  /// What is known only at the start.
  ///
  /// @param mounts sources and targets of binds, volumes and tmpfs, in order
  /// @param linkedEnvironment variables that tell of linked containers
  /// @param joined namespace paths by type, of other containers that are joined
  record Start(
      Container container,
      Users.Found user,
      List<Mount> mounts,
      Map<String, String> joined,
      @Nullable Path shm,
      String cgroup,
      List<String> linkedEnvironment) {}

  private RuntimeSpecs() {}

  static RuntimeSpec of(Start start) {
    ContainerSpec spec = start.container().spec();
    ContainerSpec.Security security = spec.security();
    List<String> capabilities = capabilities(security);
    return new RuntimeSpec(
        RuntimeSpec.VERSION,
        new RuntimeSpec.Root("rootfs", spec.readonlyRoot()),
        process(start, capabilities),
        spec.modes().uts().equals("host") ? null : spec.hostname(),
        spec.modes().uts().equals("host") ? null : spec.domainname(),
        mounts(start),
        null,
        Map.of(),
        new RuntimeSpec.Linux(
            namespaces(spec, start.joined()),
            List.of(),
            List.of(),
            devices(security),
            Map.of(),
            start.cgroup(),
            resources(spec),
            propagation(spec),
            seccomp(security, capabilities),
            sysctls(spec),
            security.privileged() ? List.of() : security.maskedPaths(),
            security.privileged() ? List.of() : security.readonlyPaths(),
            null,
            null,
            null,
            null,
            Map.of()));
  }

  private static RuntimeSpec.Process process(Start start, List<String> capabilities) {
    ContainerSpec spec = start.container().spec();
    List<String> args = new ArrayList<>(spec.command());
    if (spec.init()) {
      args.addAll(0, List.of("/sbin/docker-init", "--"));
    }
    return new RuntimeSpec.Process(
        spec.tty(),
        consoleSize(spec),
        start.user().user(),
        args,
        withLinks(environment(spec, start.user().home()), start.linkedEnvironment()),
        spec.workingDirectory().isEmpty() ? "/" : spec.workingDirectory(),
        RuntimeSpec.Capabilities.of(capabilities),
        spec.ulimits(),
        spec.security().noNewPrivileges(),
        null,
        spec.oomScoreAdj(),
        null,
        null,
        null,
        null);
  }

  /// Of the terminal at the start; null where nothing was said.
  private static RuntimeSpec.@Nullable ConsoleSize consoleSize(ContainerSpec spec) {
    List<Json> size =
        spec.wire().object("HostConfig").map(h -> h.items("ConsoleSize")).orElse(List.of());
    return size.size() == 2
            && size.get(0) instanceof Json.JsonNumber height
            && size.get(1) instanceof Json.JsonNumber width
            && height.longValue() > 0
        ? new RuntimeSpec.ConsoleSize((int) height.longValue(), (int) width.longValue())
        : null;
  }

  /// Links come behind PATH and HOSTNAME.
  private static List<String> withLinks(List<String> environment, List<String> links) {
    List<String> all = new ArrayList<>(environment);
    all.addAll(Math.min(2, all.size()), links);
    return all;
  }

  /// PATH and HOSTNAME first, the container's own, HOME if nobody set it (the order of Docker).
  static List<String> environment(ContainerSpec spec, String home) {
    List<String> own = spec.environment();
    List<String> result = new ArrayList<>();
    if (own.stream().noneMatch(e -> e.startsWith("PATH="))) {
      result.add(DEFAULT_PATH);
    } else {
      own.stream().filter(e -> e.startsWith("PATH=")).forEach(result::add);
    }
    result.add("HOSTNAME=" + spec.hostname());
    if (spec.tty()) {
      result.add("TERM=xterm");
    }
    for (String entry : own) {
      if (!entry.startsWith("PATH=") && entry.contains("=")) {
        if (entry.startsWith("HOSTNAME=") || entry.startsWith("TERM=")) {
          String key = entry.substring(0, entry.indexOf('=') + 1);
          result.removeIf(e -> e.startsWith(key));
        }
        result.add(entry);
      }
    }
    if (result.stream().noneMatch(e -> e.startsWith("HOME="))) {
      result.add("HOME=" + home);
    }
    return List.copyOf(result);
  }

  static List<String> capabilities(ContainerSpec.Security security) {
    if (security.privileged()) {
      return Capabilities.names();
    }
    List<String> add = names("CapAdd", security.addCapabilities());
    List<String> drop = names("CapDrop", security.dropCapabilities());
    List<String> base =
        add.contains("CAP_ALL")
            ? Capabilities.names()
            : drop.contains("CAP_ALL") ? List.of() : DockerDefaults.CAPABILITIES;
    List<String> result = new ArrayList<>(base);
    result.removeIf(drop::contains);
    for (String name : add) {
      if (!name.equals("CAP_ALL") && !result.contains(name)) {
        result.add(name);
      }
    }
    return List.copyOf(result);
  }

  /// @param field of the request, for the error
  private static List<String> names(String field, List<String> texts) {
    List<String> names = new ArrayList<>();
    for (String text : texts) {
      String upper = text.toUpperCase(Locale.ROOT);
      String name = upper.startsWith("CAP_") ? upper : "CAP_" + upper;
      if (!name.equals("CAP_ALL") && Capabilities.bit(name).isEmpty()) {
        throw new Failure.InvalidRequest(
            "invalid " + field + ": unknown capability: \"" + name + "\"");
      }
      names.add(name);
    }
    return names;
  }

  /// Refuses unknown capabilities at creation.
  static void check(ContainerSpec.Security security) {
    names("CapAdd", security.addCapabilities());
    names("CapDrop", security.dropCapabilities());
  }

  static RuntimeSpec.@Nullable Seccomp seccomp(
      ContainerSpec.Security security, List<String> capabilities) {
    if (security.privileged() || security.seccomp().equals("unconfined")) {
      return null;
    }
    if (security.seccomp().equals("default")) {
      return DockerDefaults.seccomp(capabilities);
    }
    return SeccompFile.parse(security.seccomp(), capabilities);
  }

  private static List<Mount> mounts(Start start) {
    ContainerSpec spec = start.container().spec();
    List<Mount> mounts = new ArrayList<>(DockerDefaults.mounts(spec.security().privileged()));
    if (!spec.modes().ipc().equals("none")) {
      Path shared = start.shm();
      mounts.add(
          shared != null
              ? Mount.of("/dev/shm", "bind", shared.toString(), "rbind", "rprivate")
              : Mount.of(
                  "/dev/shm",
                  "tmpfs",
                  "shm",
                  "nosuid",
                  "noexec",
                  "nodev",
                  "mode=1777",
                  "size=" + spec.shmSize()));
    }
    // what a user mounts there replaces the default
    for (Mount own : start.mounts()) {
      mounts.removeIf(m -> m.destination().equals(own.destination()));
    }
    mounts.addAll(start.mounts());
    return List.copyOf(mounts);
  }

  private static List<Namespace> namespaces(ContainerSpec spec, Map<String, String> joined) {
    List<Namespace> namespaces = new ArrayList<>();
    namespaces.add(new Namespace("mount", null));
    add(namespaces, "network", spec.modes().network(), joined);
    add(namespaces, "pid", spec.modes().pid(), joined);
    add(namespaces, "ipc", spec.modes().ipc(), joined);
    add(namespaces, "uts", spec.modes().uts(), joined);
    if (spec.modes().cgroup().equals("private")) {
      namespaces.add(new Namespace("cgroup", null));
    }
    return namespaces;
  }

  private static void add(
      List<Namespace> namespaces, String type, String mode, Map<String, String> joined) {
    if (!mode.equals("host")) {
      namespaces.add(new Namespace(type, joined.get(type)));
    }
  }

  private static String propagation(ContainerSpec spec) {
    boolean shared = spec.mounts().stream().anyMatch(m -> m.propagation().contains("shared"));
    boolean slave = spec.mounts().stream().anyMatch(m -> m.propagation().contains("slave"));
    return shared ? "rshared" : slave ? "rslave" : "rprivate";
  }

  private static Map<String, String> sysctls(ContainerSpec spec) {
    Map<String, String> all = new java.util.TreeMap<>(spec.sysctls());
    if (!spec.modes().network().equals("host")
        && !spec.modes().network().startsWith("container:")) {
      // as Docker: an unprivileged user may serve port 80 and ping
      all.putIfAbsent("net.ipv4.ip_unprivileged_port_start", "0");
      all.putIfAbsent("net.ipv4.ping_group_range", "0 2147483647");
    }
    return all;
  }

  private static List<Device> devices(ContainerSpec.Security security) {
    List<Device> devices = new ArrayList<>(DockerDefaults.DEVICES);
    if (security.privileged()) {
      hostDevices(Path.of("/dev"), devices);
      return devices;
    }
    for (ContainerSpec.Device d : security.devices()) {
      DeviceNodes.find(Path.of(d.source()), d.target())
          .ifPresentOrElse(
              devices::add,
              () -> {
                throw new Failure.Internal(
                    "error gathering device information while adding custom device \""
                        + d.source()
                        + "\": no such file or directory");
              });
    }
    return devices;
  }

  private static void hostDevices(Path folder, List<Device> devices) {
    try (var files = Files.list(folder)) {
      for (Path file : files.sorted().toList()) {
        String name = file.getFileName().toString();
        if (Files.isDirectory(file, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
          if (!List.of("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev")
              .contains(name)) {
            hostDevices(file, devices);
          }
        } else if (!name.equals("console")
            && devices.stream().noneMatch(d -> d.path().equals(file.toString()))) {
          DeviceNodes.find(file, file.toString()).ifPresent(devices::add);
        }
      }
    } catch (IOException e) {
      throw new Failure.Internal("could not list " + folder + ": " + e.getMessage(), e);
    }
  }

  private static RuntimeSpec.Resources resources(ContainerSpec spec) {
    List<DeviceRule> rules = new ArrayList<>();
    if (spec.security().privileged()) {
      rules.add(new DeviceRule(true, null, null, null, "rwm"));
    } else {
      rules.addAll(DockerDefaults.DEVICE_RULES);
      for (ContainerSpec.Device d : spec.security().devices()) {
        DeviceNodes.find(Path.of(d.source()), d.target())
            .ifPresent(
                n -> rules.add(new DeviceRule(true, n.type(), n.major(), n.minor(), d.access())));
      }
      rules.addAll(spec.security().deviceRules());
    }
    return spec.resources().with(rules);
  }

  /// The configuration of an exec.
  static RuntimeSpec.Process execProcess(
      Container container, Exec.Spec exec, RuntimeSpec.User user, String home) {
    ContainerSpec spec = container.spec();
    List<String> environment = new ArrayList<>(environment(spec, home));
    if (exec.tty() && environment.stream().noneMatch(e -> e.startsWith("TERM="))) {
      environment.add("TERM=xterm");
    }
    for (String entry : exec.environment()) {
      int equals = entry.indexOf('=');
      if (equals > 0) {
        String key = entry.substring(0, equals + 1);
        environment.removeIf(e -> e.startsWith(key));
        environment.add(entry);
      }
    }
    String cwd =
        exec.workingDirectory().isEmpty() ? spec.workingDirectory() : exec.workingDirectory();
    List<String> capabilities =
        exec.privileged() ? Capabilities.names() : capabilities(spec.security());
    return new RuntimeSpec.Process(
        exec.tty(),
        null,
        user,
        exec.command(),
        environment,
        cwd.isEmpty() ? "/" : cwd,
        RuntimeSpec.Capabilities.of(capabilities),
        spec.ulimits(),
        spec.security().noNewPrivileges(),
        null,
        spec.oomScoreAdj(),
        null,
        null,
        null,
        null);
  }

  /// A host name from an id, as Docker's default.
  static String hostname(String id) {
    return Ids.shorten(id);
  }
}
