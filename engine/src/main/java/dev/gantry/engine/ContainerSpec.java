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
  /// @param kind `bind`, `volume`, `tmpfs` or `image`
  /// @param source a host path, a volume's name or an image's; empty for an anonymous volume
  /// @param makeSource make a missing host folder (`-v`) instead of refusing (`--mount`)
  /// @param options of a tmpfs; of an image the diff ids of its layers, the lowest first
  /// @param subpath the part of a volume or image that is mounted; the whole if absent
  /// @param recursion what is mounted below a bind: `none` to leave it out, `writable` to leave it
  ///   writable in a read-only bind; absent for it to be as the bind
  /// @param volume how the volume is made if there is none
  public record Mount(
      String kind,
      String source,
      String target,
      boolean readOnly,
      String propagation,
      boolean makeSource,
      boolean noCopy,
      List<String> options,
      @Nullable String subpath,
      @Nullable String recursion,
      @Nullable VolumeWish volume) {
    public Mount(
        String kind,
        String source,
        String target,
        boolean readOnly,
        String propagation,
        boolean makeSource,
        boolean noCopy,
        List<String> options) {
      this(
          kind,
          source,
          target,
          readOnly,
          propagation,
          makeSource,
          noCopy,
          options,
          null,
          null,
          null);
    }
  }

  /// What a volume shall be that is made with its container.
  public record VolumeWish(Map<String, String> labels, Map<String, String> options) {
    static final VolumeWish NONE = new VolumeWish(Map.of(), Map.of());
  }

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
