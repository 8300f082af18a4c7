package dev.gantry.engine.devices;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.oci.RuntimeSpec.Device;
import dev.gantry.oci.RuntimeSpec.DeviceRule;
import dev.gantry.oci.RuntimeSpec.Hook;
import dev.gantry.oci.RuntimeSpec.Mount;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Collects what CDI's `containerEdits` add to a container's configuration.
final class ContainerEdits {
  // the others are run by whoever looks after the container from outside, which no device needs
  private static final List<String> HOOKS =
      List.of("prestart", "createRuntime", "createContainer", "startContainer");

  private final RuntimeSpec config;
  private final List<String> environment = new ArrayList<>();
  private final List<Device> devices = new ArrayList<>();
  private final List<DeviceRule> rules = new ArrayList<>();
  private final List<Mount> mounts = new ArrayList<>();
  private final List<Long> groups = new ArrayList<>();
  private final Map<String, List<Hook>> hooks = new TreeMap<>();

  ContainerEdits(RuntimeSpec config) {
    this.config = config;
  }

  /// @throws Failure.InvalidRequest for what no container can get
  void add(Json.JsonObject edits) {
    for (String variable : edits.strings("env")) {
      if (variable.indexOf('=') < 1) {
        throw new Failure.InvalidRequest("invalid variable \"" + variable + "\"");
      }
      environment.add(variable);
    }
    edits.objects("deviceNodes").forEach(this::node);
    edits.objects("mounts").forEach(this::mount);
    edits.objects("hooks").forEach(this::hook);
    for (Json group : edits.items("additionalGids")) {
      if (group instanceof Json.JsonNumber number && number.longValue() > 0) {
        groups.add(number.longValue());
      }
    }
  }

  private void node(Json.JsonObject node) {
    String path = absolute(node, "path");
    Path host = Path.of(node.string("hostPath", path));
    String type = node.string("type", "");
    Device found = DeviceNodes.find(host, path).orElse(null);
    if (found == null && (type.isEmpty() || !node.has("major"))) {
      throw new Failure.InvalidRequest("no device node " + host);
    }
    Device device =
        new Device(
            path,
            type.isEmpty() && found != null ? found.type() : type,
            node.number("major", found == null ? 0 : found.major()),
            node.number("minor", found == null ? 0 : found.minor()),
            (int) node.number("fileMode", mode(found)),
            node.number("uid", owner(found == null ? null : found.uid())),
            node.number("gid", owner(found == null ? null : found.gid())));
    String access = node.string("permissions", "rwm");
    if (!access.matches("[rwm]{0,3}")) {
      throw new Failure.InvalidRequest("invalid permissions \"" + access + "\" of " + path);
    }
    devices.add(device);
    if (!access.isEmpty() && List.of("b", "c").contains(device.type())) {
      rules.add(new DeviceRule(true, device.type(), device.major(), device.minor(), access));
    }
  }

  private static int mode(@Nullable Device found) {
    Integer mode = found == null ? null : found.fileMode();
    return mode == null ? 0660 : mode;
  }

  private static long owner(@Nullable Long id) {
    return id == null ? 0 : id;
  }

  private void mount(Json.JsonObject mount) {
    String source = absolute(mount, "hostPath");
    String target = absolute(mount, "containerPath");
    List<String> options = new ArrayList<>(mount.strings("options"));
    String type = mount.string("type", "bind");
    if (type.equals("bind") && !options.contains("bind") && !options.contains("rbind")) {
      options.addFirst("rbind");
    }
    mounts.add(Mount.of(target, type, source, options.toArray(String[]::new)));
  }

  private void hook(Json.JsonObject hook) {
    String name = hook.string("hookName", "");
    if (!HOOKS.contains(name)) {
      throw new Failure.InvalidRequest("hooks \"" + name + "\" are not run");
    }
    long timeout = hook.number("timeout", 0);
    hooks
        .computeIfAbsent(name, n -> new ArrayList<>())
        .add(
            new Hook(
                absolute(hook, "path"),
                hook.strings("args"),
                hook.strings("env"),
                timeout > 0 ? (int) Math.min(timeout, Integer.MAX_VALUE) : null));
  }

  private static String absolute(Json.JsonObject object, String key) {
    String path = object.string(key, "");
    if (!path.startsWith("/")) {
      throw new Failure.InvalidRequest(key + " is no absolute path: \"" + path + "\"");
    }
    return path;
  }

  /// The configuration with all of it. What is there already and has the same name is replaced.
  RuntimeSpec applied() {
    RuntimeSpec.Process process = config.process();
    RuntimeSpec.Linux linux = config.linux();
    return new RuntimeSpec(
        config.ociVersion(),
        config.root(),
        process == null ? null : with(process),
        config.hostname(),
        config.domainname(),
        replaced(config.mounts(), mounts, Mount::destination),
        hooks(),
        config.annotations(),
        linux == null ? null : with(linux));
  }

  private static <T> List<T> replaced(List<T> old, List<T> added, Function<T, String> name) {
    SequencedMap<String, T> all = new LinkedHashMap<>();
    for (List<T> list : List.of(old, added)) {
      for (T item : list) {
        all.remove(name.apply(item)); // what comes later is mounted, or made, later
        all.put(name.apply(item), item);
      }
    }
    return List.copyOf(all.values());
  }

  private static String key(String variable) {
    return variable.substring(0, Math.max(0, variable.indexOf('=')));
  }

  private RuntimeSpec.Process with(RuntimeSpec.Process p) {
    RuntimeSpec.User user = p.user();
    SequencedSet<Long> all = new LinkedHashSet<>(user.additionalGids());
    all.addAll(groups);
    return p.with(
        p.terminal(),
        p.consoleSize(),
        new RuntimeSpec.User(user.uid(), user.gid(), user.umask(), List.copyOf(all)),
        p.args(),
        replaced(p.env(), environment, ContainerEdits::key),
        p.cwd(),
        p.noNewPrivileges());
  }

  private RuntimeSpec.Linux with(RuntimeSpec.Linux l) {
    return new RuntimeSpec.Linux(
        l.namespaces(),
        l.uidMappings(),
        l.gidMappings(),
        replaced(l.devices(), devices, Device::path),
        l.netDevices(),
        l.cgroupsPath(),
        with(l.resources()),
        l.rootfsPropagation(),
        l.seccomp(),
        l.sysctl(),
        l.maskedPaths(),
        l.readonlyPaths(),
        l.mountLabel(),
        l.intelRdt(),
        l.memoryPolicy(),
        l.personality(),
        l.timeOffsets());
  }

  private RuntimeSpec.@Nullable Resources with(RuntimeSpec.@Nullable Resources r) {
    if (r == null) {
      return null;
    }
    List<DeviceRule> all = new ArrayList<>(r.devices());
    all.addAll(rules);
    return r.with(List.copyOf(all));
  }

  private RuntimeSpec.@Nullable Hooks hooks() {
    RuntimeSpec.Hooks old = config.hooks();
    if (hooks.isEmpty()) {
      return old;
    }
    RuntimeSpec.Hooks own =
        old != null
            ? old
            : new RuntimeSpec.Hooks(
                List.of(), List.of(), List.of(), List.of(), List.of(), List.of());
    return new RuntimeSpec.Hooks(
        with(own.prestart(), "prestart"),
        with(own.createRuntime(), "createRuntime"),
        with(own.createContainer(), "createContainer"),
        with(own.startContainer(), "startContainer"),
        own.poststart(),
        own.poststop());
  }

  private List<Hook> with(List<Hook> old, String name) {
    List<Hook> all = new ArrayList<>(old);
    all.addAll(hooks.getOrDefault(name, List.of()));
    return List.copyOf(all);
  }
}
