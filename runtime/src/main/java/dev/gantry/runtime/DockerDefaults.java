package dev.gantry.runtime;

import dev.gantry.oci.RuntimeSpec;
import dev.gantry.oci.RuntimeSpec.Device;
import dev.gantry.oci.RuntimeSpec.DeviceRule;
import dev.gantry.oci.RuntimeSpec.Mount;
import dev.gantry.oci.RuntimeSpec.SeccompArgument;
import dev.gantry.oci.RuntimeSpec.SeccompSyscall;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a container gets when nobody says otherwise: Docker's capabilities, system call filter,
/// protected paths, mounts and devices.
public final class DockerDefaults {
  /// Begins an option of a bind mount that the OCI specification has not: the part of the source to
  /// mount, found inside the source by the kernel when the container starts, so that no link in it
  /// leads elsewhere.
  public static final String SUBPATH = "x-gantry.subpath=";

  public static final List<String> CAPABILITIES =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_FSETID",
          "CAP_FOWNER",
          "CAP_MKNOD",
          "CAP_NET_RAW",
          "CAP_SETGID",
          "CAP_SETUID",
          "CAP_SETFCAP",
          "CAP_SETPCAP",
          "CAP_NET_BIND_SERVICE",
          "CAP_SYS_CHROOT",
          "CAP_KILL",
          "CAP_AUDIT_WRITE");

  public static final List<String> MASKED_PATHS =
      List.of(
          "/proc/asound",
          "/proc/acpi",
          "/proc/interrupts",
          "/proc/kcore",
          "/proc/keys",
          "/proc/latency_stats",
          "/proc/timer_list",
          "/proc/timer_stats",
          "/proc/sched_debug",
          "/proc/scsi",
          "/sys/firmware",
          "/sys/devices/virtual/powercap");

  public static final List<String> READONLY_PATHS =
      List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

  public static final List<Device> DEVICES =
      List.of(
          device("/dev/null", 1, 3),
          device("/dev/zero", 1, 5),
          device("/dev/full", 1, 7),
          device("/dev/random", 1, 8),
          device("/dev/urandom", 1, 9),
          device("/dev/tty", 5, 0));

  /// Nothing but what is listed: the devices above, making any node, the terminals.
  public static final List<DeviceRule> DEVICE_RULES =
      List.of(
          new DeviceRule(false, null, null, null, "rwm"),
          rule("c", null, null, "m"),
          rule("b", null, null, "m"),
          rule("c", 1L, 3L, "rwm"),
          rule("c", 1L, 5L, "rwm"),
          rule("c", 1L, 7L, "rwm"),
          rule("c", 1L, 8L, "rwm"),
          rule("c", 1L, 9L, "rwm"),
          rule("c", 5L, 0L, "rwm"),
          rule("c", 5L, 1L, "rwm"),
          rule("c", 5L, 2L, "rwm"),
          rule("c", 136L, null, "rwm"));

  /// Further calls that come with a capability.
  private static final Map<String, Set<String>> BY_CAPABILITY =
      Map.ofEntries(
          Map.entry("CAP_DAC_READ_SEARCH", Set.of("open_by_handle_at")),
          Map.entry(
              "CAP_SYS_ADMIN",
              Set.of(
                  "bpf",
                  "clone",
                  "clone3",
                  "fanotify_init",
                  "fsconfig",
                  "fsmount",
                  "fsopen",
                  "fspick",
                  "lookup_dcookie",
                  "lsm_get_self_attr",
                  "lsm_list_modules",
                  "lsm_set_self_attr",
                  "mount",
                  "mount_setattr",
                  "move_mount",
                  "open_tree",
                  "perf_event_open",
                  "quotactl",
                  "quotactl_fd",
                  "setdomainname",
                  "sethostname",
                  "setns",
                  "syslog",
                  "umount",
                  "umount2",
                  "unshare")),
          Map.entry("CAP_SYS_BOOT", Set.of("reboot")),
          Map.entry("CAP_SYS_CHROOT", Set.of("chroot")),
          Map.entry("CAP_SYS_MODULE", Set.of("delete_module", "init_module", "finit_module")),
          Map.entry("CAP_SYS_PACCT", Set.of("acct")),
          Map.entry(
              "CAP_SYS_PTRACE",
              Set.of(
                  "kcmp",
                  "pidfd_getfd",
                  "process_madvise",
                  "process_vm_readv",
                  "process_vm_writev",
                  "ptrace")),
          Map.entry("CAP_SYS_RAWIO", Set.of("iopl", "ioperm")),
          Map.entry(
              "CAP_SYS_TIME", Set.of("settimeofday", "stime", "clock_settime", "clock_settime64")),
          Map.entry("CAP_SYS_TTY_CONFIG", Set.of("vhangup")),
          Map.entry(
              "CAP_SYS_NICE",
              Set.of("get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node")),
          Map.entry("CAP_SYSLOG", Set.of("syslog")),
          Map.entry("CAP_BPF", Set.of("bpf")),
          Map.entry("CAP_PERFMON", Set.of("perf_event_open")));

  private static final class Calls {
    static final List<String> ALWAYS = read();

    private static List<String> read() {
      try (InputStream in = DockerDefaults.class.getResourceAsStream("seccomp-default.txt")) {
        if (in == null) {
          throw new IllegalStateException("the default seccomp profile is missing");
        }
        List<String> names = new ArrayList<>();
        for (String line : new String(in.readAllBytes(), StandardCharsets.US_ASCII).split("\n")) {
          if (!line.startsWith("#")) {
            names.addAll(List.of(line.trim().split(" +")));
          }
        }
        return List.copyOf(names);
      } catch (IOException e) {
        throw new IllegalStateException("the default seccomp profile cannot be read", e);
      }
    }
  }

  private DockerDefaults() {}

  private static Device device(String path, int major, int minor) {
    return new Device(path, "c", major, minor, 0666, 0L, 0L);
  }

  /// @param major absent for every one, as runtimes other than ours want it said; so is `minor`
  private static DeviceRule rule(
      String type, @Nullable Long major, @Nullable Long minor, String access) {
    return new DeviceRule(true, type, major, minor, access);
  }

  /// The file systems that every container has; /dev/shm is the engine's, since containers may
  /// share it.
  public static List<Mount> mounts(boolean privileged) {
    String access = privileged ? "rw" : "ro";
    return List.of(
        Mount.of("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        Mount.of("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        Mount.of(
            "/dev/pts",
            "devpts",
            "devpts",
            "nosuid",
            "noexec",
            "newinstance",
            "ptmxmode=0666",
            "mode=0620",
            "gid=5"),
        Mount.of("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", access),
        Mount.of("/sys/fs/cgroup", "cgroup", "cgroup", access, "nosuid", "noexec", "nodev"),
        Mount.of("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"));
  }

  /// Docker's filter for a container with `capabilities`.
  public static RuntimeSpec.Seccomp seccomp(List<String> capabilities) {
    List<SeccompSyscall> calls = new ArrayList<>();
    calls.add(allow(Calls.ALWAYS));
    // AF_VSOCK (40) would reach the hypervisor's host
    calls.add(
        new SeccompSyscall(
            List.of("socket"),
            "SCMP_ACT_ALLOW",
            null,
            List.of(new SeccompArgument(0, 40, null, "SCMP_CMP_NE"))));
    for (long persona : new long[] {0x0, 0x0008, 0x20000, 0x20008, 0xffffffffL}) {
      calls.add(
          new SeccompSyscall(
              List.of("personality"),
              "SCMP_ACT_ALLOW",
              null,
              List.of(new SeccompArgument(0, persona, null, "SCMP_CMP_EQ"))));
    }
    for (String capability : capabilities) {
      Set<String> more = BY_CAPABILITY.get(capability);
      if (more != null) {
        calls.add(allow(more.stream().sorted().toList()));
      }
    }
    if (!capabilities.contains("CAP_SYS_ADMIN")) {
      // clone without any new namespace; clone3 hides its flags in memory: say "unknown", so that
      // the C library falls back to clone
      calls.add(
          new SeccompSyscall(
              List.of("clone"),
              "SCMP_ACT_ALLOW",
              null,
              List.of(new SeccompArgument(0, 0x7e020000L, 0L, "SCMP_CMP_MASKED_EQ"))));
      calls.add(new SeccompSyscall(List.of("clone3"), "SCMP_ACT_ERRNO", 38, List.of()));
    }
    return new RuntimeSpec.Seccomp(
        "SCMP_ACT_ERRNO",
        1,
        List.of("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
        List.of(),
        null,
        null,
        List.copyOf(calls));
  }

  private static SeccompSyscall allow(List<String> names) {
    return new SeccompSyscall(names, "SCMP_ACT_ALLOW", null, List.of());
  }
}
