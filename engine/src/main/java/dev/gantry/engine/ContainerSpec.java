package dev.gantry.engine;

import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import dev.gantry.oci.RuntimeSpec;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// What a container shall be: fixed at its creation, apart from its name.
///
/// @param image the image as the request named it
/// @param imageId its id
/// @param layers diff ids of the image's layers, the lowest first
/// @param command the program and its arguments, entrypoint and command joined
/// @param environment `NAME=value`, the image's included
/// @param user as `user`, `user:group` or numbers; empty for root
/// @param stopSignal number of the signal that asks it to end
/// @param stopTimeout seconds between that and SIGKILL; -1 for never
/// @param networkMode `bridge`, `host`, `none`, `container:ID` or a network's name
/// @param wire the request's `Config`, `HostConfig` and `NetworkingConfig` as they are shown again:
///   kept for the face that made it, never read here
public record ContainerSpec(
    String image,
    String imageId,
    List<String> layers,
    List<String> command,
    List<String> environment,
    String workingDirectory,
    String user,
    List<String> additionalGroups,
    String hostname,
    String domainname,
    boolean tty,
    boolean openStdin,
    boolean stdinOnce,
    int stopSignal,
    int stopTimeout,
    boolean autoRemove,
    Map<String, String> labels,
    List<Mount> mounts,
    boolean readonlyRoot,
    boolean init,
    Security security,
    RuntimeSpec.Resources resources,
    List<RuntimeSpec.Rlimit> ulimits,
    Map<String, String> sysctls,
    @Nullable Integer oomScoreAdj,
    long shmSize,
    @Nullable String cgroupParent,
    Modes modes,
    List<String> extraHosts,
    List<String> dns,
    List<String> dnsSearch,
    List<String> dnsOptions,
    List<dev.gantry.network.EndpointRequest> endpoints,
    List<dev.gantry.network.PortRequest> ports,
    Restart restart,
    Logging logging,
    @Nullable HealthCheck health,
    Json.JsonObject wire) {

  /// The same with other components, changed in the form in which the journal keeps it.
  public ContainerSpec with(Consumer<Json.JsonObject> change) {
    Json.JsonObject record = JsonRecords.write(this);
    change.accept(record);
    return JsonRecords.read(record, ContainerSpec.class);
  }

  /// The same with other networks to be on.
  ContainerSpec withEndpoints(List<dev.gantry.network.EndpointRequest> others) {
    Json.JsonArray list = Json.array();
    others.forEach(endpoint -> list.add(JsonRecords.write(endpoint)));
    return with(json -> json.put("endpoints", list));
  }

  /// A mount of any kind.
  ///
  /// @param kind `bind`, `volume` or `tmpfs`
  /// @param source a host path, or a volume's name; empty for an anonymous volume
  /// @param makeSource make a missing host folder (`-v`) instead of refusing (`--mount`)
  public record Mount(
      String kind,
      String source,
      String target,
      boolean readOnly,
      String propagation,
      boolean makeSource,
      boolean noCopy,
      List<String> options) {}

  /// Rights.
  ///
  /// @param seccomp `default`, `unconfined`, or a profile as JSON
  public record Security(
      boolean privileged,
      List<String> addCapabilities,
      List<String> dropCapabilities,
      boolean noNewPrivileges,
      String seccomp,
      List<String> maskedPaths,
      List<String> readonlyPaths,
      List<Device> devices,
      List<RuntimeSpec.DeviceRule> deviceRules) {}

  /// A host device in the container.
  public record Device(String source, String target, String access) {}

  /// Which namespaces are whose: empty or `private` for the container's own, `host`, `shareable`,
  /// `container:ID`.
  public record Modes(String network, String pid, String ipc, String uts, String cgroup) {}

  /// `no`, `always`, `unless-stopped`, or `on-failure` with a count.
  public record Restart(String policy, int maximumRetries) {}

  /// The log driver and its options.
  public record Logging(String driver, Map<String, String> options) {}
}
