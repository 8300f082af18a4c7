package dev.gantry.oci;

import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The Linux part of the OCI runtime configuration (runtime-spec config.md, config-linux.md).
///
/// Component names are the document's keys. An absent list or map is empty; a component that may be
/// absent where zero means something else is nullable.
public record RuntimeSpec(
    String ociVersion,
    @Nullable Root root,
    @Nullable Process process,
    @Nullable String hostname,
    @Nullable String domainname,
    List<Mount> mounts,
    @Nullable Hooks hooks,
    Map<String, String> annotations,
    @Nullable Linux linux) {

  /// The version of the specification that this engine writes.
  public static final String VERSION = "1.3.0";

  /// Reads a config.json; what cannot be one is a [dev.gantry.json.JsonException] naming the path.
  public static RuntimeSpec parse(String text) {
    return JsonRecords.read(Json.parseObject(text), RuntimeSpec.class);
  }

  public String toJson() {
    return JsonRecords.write(this).text();
  }

  public record Root(String path, boolean readonly) {}

  public record Mount(
      String destination,
      @Nullable String type,
      @Nullable String source,
      List<String> options,
      List<IdMapping> uidMappings,
      List<IdMapping> gidMappings) {
    public static Mount of(String destination, String type, String source, String... options) {
      return new Mount(destination, type, source, List.of(options), List.of(), List.of());
    }
  }

  public record Hooks(
      List<Hook> prestart,
      List<Hook> createRuntime,
      List<Hook> createContainer,
      List<Hook> startContainer,
      List<Hook> poststart,
      List<Hook> poststop) {}

  public record Hook(String path, List<String> args, List<String> env, @Nullable Integer timeout) {}

  public record Process(
      boolean terminal,
      @Nullable ConsoleSize consoleSize,
      User user,
      List<String> args,
      List<String> env,
      String cwd,
      @Nullable Capabilities capabilities,
      List<Rlimit> rlimits,
      boolean noNewPrivileges,
      @Nullable String apparmorProfile,
      @Nullable Integer oomScoreAdj,
      @Nullable String selinuxLabel,
      @Nullable IoPriority ioPriority,
      @Nullable Scheduler scheduler,
      @Nullable CpuAffinity execCPUAffinity) {
    /// The same rights and limits for another call.
    public Process with(
        boolean newTerminal,
        @Nullable ConsoleSize size,
        User newUser,
        List<String> newArgs,
        List<String> newEnv,
        String newCwd,
        boolean withoutNewPrivileges) {
      return new Process(
          newTerminal,
          size,
          newUser,
          newArgs,
          newEnv,
          newCwd,
          capabilities,
          rlimits,
          withoutNewPrivileges,
          apparmorProfile,
          oomScoreAdj,
          selinuxLabel,
          ioPriority,
          scheduler,
          execCPUAffinity);
    }
  }

  public record ConsoleSize(int height, int width) {}

  public record User(long uid, long gid, @Nullable Integer umask, List<Long> additionalGids) {}

  public record Capabilities(
      List<String> bounding,
      List<String> effective,
      List<String> inheritable,
      List<String> permitted,
      List<String> ambient) {
    /// The sets of a container: bounding, effective and permitted alike, nothing inheritable
    /// (CVE-2022-24769).
    public static Capabilities of(List<String> names) {
      return new Capabilities(names, names, List.of(), names, List.of());
    }
  }

  public record Rlimit(String type, long soft, long hard) {}

  public record IoPriority(@dev.gantry.json.JsonName("class") String kind, int priority) {}

  public record Scheduler(
      String policy,
      int nice,
      int priority,
      List<String> flags,
      long runtime,
      long deadline,
      long period) {}

  public record CpuAffinity(
      @Nullable String initial, @dev.gantry.json.JsonName("final") @Nullable String last) {}

  public record Linux(
      List<Namespace> namespaces,
      List<IdMapping> uidMappings,
      List<IdMapping> gidMappings,
      List<Device> devices,
      Map<String, NetDevice> netDevices,
      @Nullable String cgroupsPath,
      @Nullable Resources resources,
      @Nullable String rootfsPropagation,
      @Nullable Seccomp seccomp,
      Map<String, String> sysctl,
      List<String> maskedPaths,
      List<String> readonlyPaths,
      @Nullable String mountLabel,
      @Nullable IntelRdt intelRdt,
      @Nullable MemoryPolicy memoryPolicy,
      @Nullable Personality personality,
      Map<String, TimeOffset> timeOffsets) {}

  public record NetDevice(@Nullable String name) {}

  public record Namespace(String type, @Nullable String path) {}

  public record IdMapping(long containerID, long hostID, long size) {}

  public record Device(
      String path,
      String type,
      long major,
      long minor,
      @Nullable Integer fileMode,
      @Nullable Long uid,
      @Nullable Long gid) {}

  public record Resources(
      List<DeviceRule> devices,
      @Nullable Memory memory,
      @Nullable Cpu cpu,
      @Nullable Pids pids,
      @Nullable BlockIo blockIO,
      List<HugepageLimit> hugepageLimits,
      @Nullable NetworkResources network,
      Map<String, Rdma> rdma,
      Map<String, String> unified) {
    /// No limits but which devices may be used.
    public static Resources of(List<DeviceRule> devices) {
      return new Resources(devices, null, null, null, null, List.of(), null, Map.of(), Map.of());
    }

    /// The same with other rules for devices.
    public Resources with(List<DeviceRule> rules) {
      return new Resources(
          rules, memory, cpu, pids, blockIO, hugepageLimits, network, rdma, unified);
    }
  }

  public record DeviceRule(
      boolean allow,
      @Nullable String type,
      @Nullable Long major,
      @Nullable Long minor,
      @Nullable String access) {}

  public record Memory(
      @Nullable Long limit,
      @Nullable Long reservation,
      @Nullable Long swap,
      @Nullable Long kernel,
      @Nullable Long kernelTCP,
      @Nullable Long swappiness,
      @Nullable Boolean disableOOMKiller,
      @Nullable Boolean useHierarchy,
      @Nullable Boolean checkBeforeUpdate) {}

  public record Cpu(
      @Nullable Long shares,
      @Nullable Long quota,
      @Nullable Long burst,
      @Nullable Long period,
      @Nullable Long realtimeRuntime,
      @Nullable Long realtimePeriod,
      @Nullable String cpus,
      @Nullable String mems,
      @Nullable Long idle) {}

  public record Pids(long limit) {}

  public record BlockIo(
      @Nullable Integer weight,
      @Nullable Integer leafWeight,
      List<WeightDevice> weightDevice,
      List<ThrottleDevice> throttleReadBpsDevice,
      List<ThrottleDevice> throttleWriteBpsDevice,
      List<ThrottleDevice> throttleReadIOPSDevice,
      List<ThrottleDevice> throttleWriteIOPSDevice) {}

  public record WeightDevice(
      long major, long minor, @Nullable Integer weight, @Nullable Integer leafWeight) {}

  public record ThrottleDevice(long major, long minor, long rate) {}

  public record HugepageLimit(String pageSize, long limit) {}

  public record NetworkResources(@Nullable Long classID, List<InterfacePriority> priorities) {}

  public record InterfacePriority(String name, long priority) {}

  public record Rdma(@Nullable Long hcaHandles, @Nullable Long hcaObjects) {}

  public record Seccomp(
      String defaultAction,
      @Nullable Integer defaultErrnoRet,
      List<String> architectures,
      List<String> flags,
      @Nullable String listenerPath,
      @Nullable String listenerMetadata,
      List<SeccompSyscall> syscalls) {}

  public record SeccompSyscall(
      List<String> names, String action, @Nullable Integer errnoRet, List<SeccompArgument> args) {}

  public record SeccompArgument(int index, long value, @Nullable Long valueTwo, String op) {}

  public record IntelRdt(
      @Nullable String closID,
      List<String> schemata,
      @Nullable String l3CacheSchema,
      @Nullable String memBwSchema,
      boolean enableMonitoring) {}

  public record MemoryPolicy(String mode, @Nullable String nodes, List<String> flags) {}

  public record Personality(String domain, List<String> flags) {}

  public record TimeOffset(long secs, long nanosecs) {}
}
