package dev.gantry.cli;

import java.util.ArrayList;
import java.util.List;

/// The flags of `run` and `create`, by topic.
final class RunFlags {
  private RunFlags() {}

  static List<Flag> create() {
    List<Flag> flags = new ArrayList<>();
    flags.addAll(process());
    flags.addAll(limits());
    flags.addAll(files());
    flags.addAll(network());
    flags.addAll(life());
    flags.addAll(isolation());
    return flags;
  }

  static List<Flag> run() {
    List<Flag> flags = new ArrayList<>(create());
    flags.add(Flag.bool("detach", 'd', "Leave it in the background and print its id"));
    flags.add(Containers.detachKeys());
    flags.add(Flag.bool("sig-proxy", ' ', "Pass signals on to it").standard("true"));
    return flags;
  }

  private static List<Flag> process() {
    return List.of(
        Flag.list("attach", 'a', "Join only this stream: stdin, stdout or stderr")
            .checked(FlagChecks::stream),
        Flag.text("entrypoint", ' ', "The program, instead of the image's"),
        Flag.list("env", 'e', "Set a variable: NAME=VALUE, or NAME for ours"),
        Flag.list("env-file", ' ', "Read variables from a file"),
        Flag.list("group-add", ' ', "A further group of the process"),
        Flag.text("hostname", 'h', "Name of the machine that it sees"),
        Flag.text("domainname", ' ', "Domain of the machine that it sees"),
        Flag.bool("init", ' ', "Put a small process 1 before it that ends zombies"),
        Flag.bool("interactive", 'i', "Give it our standard input"),
        Flag.bool("tty", 't', "Give it a terminal"),
        Flag.text("user", 'u', "As this user: NAME or UID, with :GROUP or :GID"),
        Flag.text("workdir", 'w', "In this folder of the container"),
        Flag.list("label", 'l', "A label: NAME=VALUE"),
        Flag.list("label-file", ' ', "Read labels from a file"),
        Flag.map("annotation", ' ', "An annotation for the OCI runtime: NAME=VALUE"));
  }

  private static List<Flag> limits() {
    return List.of(
        Flag.uint16("blkio-weight", ' ', "Share of the disks, 10 to 1000, 0 for none")
            .standard("0"),
        Flag.list("blkio-weight-device", ' ', "Share of one disk: DEVICE:WEIGHT")
            .checked(FlagChecks::weightDevice),
        Flag.integer("cpu-count", ' ', "Of another operating system").hide(),
        Flag.integer("cpu-percent", ' ', "Of another operating system").hide(),
        Flag.integer("cpu-period", ' ', "Microseconds in which --cpu-quota counts"),
        Flag.integer("cpu-quota", ' ', "Microseconds of processor time in each period"),
        Flag.integer("cpu-rt-period", ' ', "The same of real-time processes"),
        Flag.integer("cpu-rt-runtime", ' ', "The same of real-time processes"),
        Flag.integer("cpu-shares", 'c', "Weight when processors are scarce"),
        Flag.decimal("cpus", ' ', "How many processors, e.g. 1.5"),
        Flag.text("cpuset-cpus", ' ', "Only these processors, e.g. 0-2,4"),
        Flag.text("cpuset-mems", ' ', "Only these memory nodes, e.g. 0,1"),
        Flag.list("device-read-bps", ' ', "Bytes read per second: DEVICE:RATE")
            .checked(FlagChecks::rateDevice),
        Flag.list("device-read-iops", ' ', "Reads per second: DEVICE:NUMBER")
            .checked(FlagChecks::operationsDevice),
        Flag.list("device-write-bps", ' ', "Bytes written per second: DEVICE:RATE")
            .checked(FlagChecks::rateDevice),
        Flag.list("device-write-iops", ' ', "Writes per second: DEVICE:NUMBER")
            .checked(FlagChecks::operationsDevice),
        Flag.bytes("io-maxbandwidth", ' ', "Of another operating system").hide(),
        Flag.integer("io-maxiops", ' ', "Of another operating system").hide(),
        Flag.bytes("kernel-memory", ' ', "No longer has an effect").hide(),
        Flag.bytes("memory", 'm', "How much memory, e.g. 64m"),
        Flag.bytes("memory-reservation", ' ', "How much memory when it is scarce"),
        Flag.bytes("memory-swap", ' ', "Memory and swap together, -1 for no limit"),
        Flag.integer("memory-swappiness", ' ', "How readily it is swapped out, 0 to 100")
            .standard("-1"),
        Flag.bool("oom-kill-disable", ' ', "Let it wait instead of killing it"),
        Flag.integer("oom-score-adj", ' ', "How likely it is killed first, -1000 to 1000"),
        Flag.integer("pids-limit", ' ', "How many processes, -1 for no limit"),
        Flag.bytes("shm-size", ' ', "Size of /dev/shm"),
        Flag.list("ulimit", ' ', "A limit of processes: TYPE=SOFT:HARD")
            .checked(FlagChecks::ulimit));
  }

  private static List<Flag> files() {
    return List.of(
        Flag.list("device", ' ', "A device of this machine: PATH[:INSIDE[:RIGHTS]]"),
        Flag.list("device-cgroup-rule", ' ', "Further devices it may use, e.g. 'c 1:3 rwm'")
            .checked(FlagChecks::deviceRule),
        Flag.text("gpus", ' ', "Graphics processors: all, or a number"),
        Flag.list("mount", ' ', "A `mount`: type=bind|volume|tmpfs,src=…,dst=…")
            .checked(MountFlag::problem),
        Flag.bool("read-only", ' ', "Nobody can write to its root"),
        Flag.map("storage-opt", ' ', "An option of the storage driver"),
        Flag.list("tmpfs", ' ', "A folder in memory: PATH[:OPTIONS]"),
        Flag.list("volume", 'v', "A folder or volume: SOURCE:PATH[:ro]"),
        Flag.text("volume-driver", ' ', "What makes its volumes"),
        Flag.list("volumes-from", ' ', "The volumes of this container"));
  }

  private static List<Flag> network() {
    return List.of(
        Flag.list("add-host", ' ', "A line of /etc/hosts: NAME:ADDRESS")
            .checked(FlagChecks::extraHost),
        Flag.list("dns", ' ', "A server that it asks for names"),
        Flag.list("dns-option", ' ', "An option of resolv.conf"),
        Flag.list("dns-opt", ' ', "Older name of --dns-option").hide(),
        Flag.list("dns-search", ' ', "A domain to look names up in"),
        Flag.list("expose", ' ', "A port it listens on, or a range"),
        Flag.text("ip", ' ', "Its IPv4 address"),
        Flag.text("ip6", ' ', "Its IPv6 address"),
        Flag.list("link", ' ', "Know another container: NAME[:ALIAS]"),
        Flag.list("link-local-ip", ' ', "A link-local address"),
        Flag.text("mac-address", ' ', "Its MAC address"),
        Flag.list("network", ' ', "The `network`, host, none, or container:NAME"),
        Flag.list("net", ' ', "Older name of --network").hide(),
        Flag.list("network-alias", ' ', "A further name in the network"),
        Flag.list("net-alias", ' ', "Older name of --network-alias").hide(),
        Flag.list("publish", 'p', "A port for the outside: [[IP:]PORT:]INSIDE[/udp]"),
        Flag.bool("publish-all", 'P', "All its ports, on any ports of this machine"));
  }

  private static List<Flag> life() {
    return List.of(
        Flag.text("cidfile", ' ', "Write its id into this new file"),
        Flag.bool("disable-content-trust", ' ', "Has no effect").standard("true").hide(),
        Flag.text("health-cmd", ' ', "The command that tells whether it is well"),
        Flag.duration("health-interval", ' ', "How often it is asked"),
        Flag.integer("health-retries", ' ', "How many failures in a row make it unhealthy"),
        Flag.duration("health-start-interval", ' ', "How often while it starts"),
        Flag.duration("health-start-period", ' ', "How long failures do not count"),
        Flag.duration("health-timeout", ' ', "How long an answer may take"),
        Flag.text(
            "health-http", ' ', "The page whose answer tells it, e.g. http://localhost:8080/"),
        Flag.text("health-tcp", ' ', "The port that tells it by taking connections"),
        Flag.text(
            "health-on-failure",
            ' ',
            "What an unhealthy container gets: none, kill, stop, restart"),
        Flag.bool("no-healthcheck", ' ', "Without the image's health check"),
        Flag.text("log-driver", ' ', "Where its output goes"),
        Flag.list("log-opt", ' ', "An option of the log driver"),
        Flag.text("name", ' ', "Its name"),
        Flag.text("platform", ' ', "The platform of the image"),
        Flag.text("pull", ' ', "When to fetch the image: always, missing, never")
            .standard("missing"),
        Flag.bool("quiet", 'q', "Without the progress of fetching"),
        Flag.text("restart", ' ', "When it ends: no, always, unless-stopped, on-failure[:TIMES]")
            .standard("no"),
        Flag.bool("rm", ' ', "Remove it when it ends"),
        Flag.text("stop-signal", ' ', "The signal that asks it to end"),
        Flag.integer("stop-timeout", ' ', "Seconds until it is killed"));
  }

  private static List<Flag> isolation() {
    return List.of(
        Flag.list("cap-add", ' ', "A further capability"),
        Flag.list("cap-drop", ' ', "A capability less"),
        Flag.text("cgroup-parent", ' ', "The cgroup that its own lies in"),
        Flag.text("cgroupns", ' ', "Its view of cgroups: host or private"),
        Flag.text("ipc", ' ', "Shared memory and queues: private, shareable, host, container:NAME"),
        Flag.text("isolation", ' ', "Of another operating system").hide(),
        Flag.text("pid", ' ', "Its view of processes: host, or container:NAME"),
        Flag.bool("privileged", ' ', "Everything that root may"),
        Flag.text("runtime", ' ', "The OCI runtime that starts it"),
        Flag.list("security-opt", ' ', "seccomp=FILE, no-new-privileges, label=…, apparmor=…"),
        Flag.map("sysctl", ' ', "A kernel setting of its own: NAME=VALUE")
            .checked(FlagChecks::sysctl),
        Flag.bool("use-api-socket", ' ', "Give it the engine's socket"),
        Flag.text("userns", ' ', "Its view of users: host"),
        Flag.text("uts", ' ', "Its view of the machine's name: host"));
  }
}
