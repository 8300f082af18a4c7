package dev.gantry.cli;

import java.util.ArrayList;
import java.util.List;

/// The flags of `run` and `create`.
final class RunFlags {
  static final List<Flag> CREATE =
      List.of(
          Flag.list("add-host", ' ', "Add a custom host-to-IP mapping (host:ip)"),
          Flag.list(
              "annotation",
              ' ',
              "Add an annotation to the container (passed through to the OCI runtime)"),
          Flag.list("attach", 'a', "Attach to STDIN, STDOUT or STDERR"),
          Flag.integer(
              "blkio-weight",
              ' ',
              "Block IO (relative weight), between 10 and 1000, or 0 to disable"),
          Flag.list("cap-add", ' ', "Add Linux capabilities"),
          Flag.list("cap-drop", ' ', "Drop Linux capabilities"),
          Flag.text("cgroup-parent", ' ', "Optional parent cgroup for the container"),
          Flag.text("cgroupns", ' ', "Cgroup namespace to use (host|private)"),
          Flag.text("cidfile", ' ', "Write the container ID to the file"),
          Flag.integer("cpu-period", ' ', "Limit CPU CFS (Completely Fair Scheduler) period"),
          Flag.integer("cpu-quota", ' ', "Limit CPU CFS (Completely Fair Scheduler) quota"),
          Flag.integer("cpu-shares", 'c', "CPU shares (relative weight)"),
          Flag.decimal("cpus", ' ', "Number of CPUs"),
          Flag.text("cpuset-cpus", ' ', "CPUs in which to allow execution (0-3, 0,1)"),
          Flag.text("cpuset-mems", ' ', "MEMs in which to allow execution (0-3, 0,1)"),
          Flag.list("device", ' ', "Add a host device to the container"),
          Flag.list("device-cgroup-rule", ' ', "Add a rule to the cgroup allowed devices list"),
          Flag.list("dns", ' ', "Set custom DNS servers"),
          Flag.list("dns-option", ' ', "Set DNS options"),
          Flag.list("dns-search", ' ', "Set custom DNS search domains"),
          Flag.text("domainname", ' ', "Container NIS domain name"),
          Flag.text("entrypoint", ' ', "Overwrite the default ENTRYPOINT of the image"),
          Flag.list("env", 'e', "Set environment variables"),
          Flag.list("env-file", ' ', "Read in a file of environment variables"),
          Flag.list("expose", ' ', "Expose a port or a range of ports"),
          Flag.list("group-add", ' ', "Add additional groups to join"),
          Flag.text("hostname", 'h', "Container host name"),
          Flag.bool(
              "init",
              ' ',
              "Run an init inside the container that forwards signals and reaps processes"),
          Flag.bool("interactive", 'i', "Keep STDIN open even if not attached"),
          Flag.text("ip", ' ', "IPv4 address (e.g., 172.30.100.104)"),
          Flag.text("ip6", ' ', "IPv6 address (e.g., 2001:db8::33)"),
          Flag.text("ipc", ' ', "IPC mode to use"),
          Flag.list("label", 'l', "Set meta data on a container"),
          Flag.list("label-file", ' ', "Read in a line delimited file of labels"),
          Flag.list("link", ' ', "Add link to another container"),
          Flag.text("log-driver", ' ', "Logging driver for the container"),
          Flag.list("log-opt", ' ', "Log driver options"),
          Flag.text("mac-address", ' ', "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
          Flag.bytes("memory", 'm', "Memory limit"),
          Flag.bytes("memory-reservation", ' ', "Memory soft limit"),
          Flag.bytes(
              "memory-swap",
              ' ',
              "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
          Flag.integer("memory-swappiness", ' ', "Tune container memory swappiness (0 to 100)"),
          Flag.list("mount", ' ', "Attach a filesystem `mount` to the container"),
          Flag.text("name", ' ', "Assign a name to the container"),
          Flag.list("network", ' ', "Connect a container to a `network`"),
          Flag.list("net", ' ', "Connect a container to a `network`"),
          Flag.list("network-alias", ' ', "Add network-scoped alias for the container"),
          Flag.bool("oom-kill-disable", ' ', "Disable OOM Killer"),
          Flag.integer("oom-score-adj", ' ', "Tune host's OOM preferences (-1000 to 1000)"),
          Flag.text("pid", ' ', "PID namespace to use"),
          Flag.integer("pids-limit", ' ', "Tune container pids limit (set -1 for unlimited)"),
          Flag.text("platform", ' ', "Set platform if server is multi-platform capable"),
          Flag.bool("privileged", ' ', "Give extended privileges to this container"),
          Flag.list("publish", 'p', "Publish a container's port(s) to the host"),
          Flag.bool("publish-all", 'P', "Publish all exposed ports to random ports"),
          Flag.text("pull", ' ', "Pull image before creating (\"always\", \"missing\", \"never\")"),
          Flag.bool("quiet", 'q', "Suppress the pull output"),
          Flag.bool("read-only", ' ', "Mount the container's root filesystem as read only"),
          Flag.text("restart", ' ', "Restart policy to apply when a container exits"),
          Flag.bool("rm", ' ', "Automatically remove the container when it exits"),
          Flag.text("runtime", ' ', "Runtime to use for this container"),
          Flag.list("security-opt", ' ', "Security Options"),
          Flag.bytes("shm-size", ' ', "Size of /dev/shm"),
          Flag.text("stop-signal", ' ', "Signal to stop the container"),
          Flag.integer("stop-timeout", ' ', "Timeout (in seconds) to stop a container"),
          Flag.list("sysctl", ' ', "Sysctl options"),
          Flag.list("tmpfs", ' ', "Mount a tmpfs directory"),
          Flag.bool("tty", 't', "Allocate a pseudo-TTY"),
          Flag.list("ulimit", ' ', "Ulimit options"),
          Flag.text("user", 'u', "Username or UID (format: <name|uid>[:<group|gid>])"),
          Flag.text("userns", ' ', "User namespace to use"),
          Flag.text("uts", ' ', "UTS namespace to use"),
          Flag.list("volume", 'v', "Bind mount a volume"),
          Flag.list("volumes-from", ' ', "Mount volumes from the specified container(s)"),
          Flag.text("workdir", 'w', "Working directory inside the container"));

  static final List<Flag> RUN = run();

  private RunFlags() {}

  private static List<Flag> run() {
    List<Flag> flags = new ArrayList<>(CREATE);
    flags.add(Flag.bool("detach", 'd', "Run container in background and print container ID"));
    flags.add(Flag.text("detach-keys", ' ', "Override the key sequence for detaching a container"));
    flags.add(Flag.bool("sig-proxy", ' ', "Proxy received signals to the process"));
    return List.copyOf(flags);
  }
}
