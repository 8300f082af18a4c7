package dev.gantry.daemon;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What the engine can be told: dockerd's flags and keys of daemon.json. Those that this engine has
/// no use for are listed with the reason, which is what whoever sets them reads.
final class KnownFlags {
  enum Kind {
    TEXT,
    LIST,
    BOOL
  }

  /// @param file the key in daemon.json; empty for none
  record Flag(String name, String shorthand, String file, Kind kind, String help) {}

  // name, shorthand, key of the file, kind, help
  private static final String HONOURED =
      """
      host | H | hosts | list | where to listen: unix:///path, tcp://address:port, fd:// (repeatable)
      tls | | tls | bool | TLS on tcp sockets; --tlsverify implies it
      tlsverify | | tlsverify | bool | TLS, and clients must show a certificate of --tlscacert
      tlscacert | | tlscacert | text | authorities of clients' certificates (~/.docker/ca.pem)
      tlscert | | tlscert | text | certificate of the engine (~/.docker/cert.pem)
      tlskey | | tlskey | text | key of the engine (~/.docker/key.pem)
      metrics-addr | | metrics-addr | text | address of Prometheus metrics, as 127.0.0.1:9323
      data-root | | data-root | text | what survives a reboot (/var/lib/gantry)
      exec-root | | exec-root | text | what lives as long as the containers run, on a tmpfs (/run/gantry)
      pidfile | p | pidfile | text | where the process id is written (EXEC-ROOT/gantryd.pid)
      group | G | group | text | group that may use the unix sockets (docker)
      config-file | | | text | file with settings (/etc/gantry/daemon.json)
      validate | | | bool | check the settings and end
      debug | D | debug | bool | the same as --log-level debug
      log-level | l | log-level | text | debug, info, warn, error (info)
      log-format | | log-format | text | text or json (text)
      raw-logs | | raw-logs | bool | plain lines without colours: always the case here
      label | | labels | list | key=value that /info shows (repeatable)
      builder | | builder | text | settings of builds as in the file: {"gc": {"defaultMaxUsedSpace": "20GB"}}
      live-restore | | live-restore | bool | containers outlive the engine (true); false ends them with it
      shutdown-timeout | | shutdown-timeout | text | seconds that containers get at the end with --live-restore=false (15)
      bridge | b | bridge | text | link name of the default bridge (gantry0); none for no bridge
      bip | | bip | text | address of the default bridge, as 172.30.0.1/16
      fixed-cidr | | fixed-cidr | text | part of the default bridge's subnet for containers
      ipv6 | | ipv6 | bool | the default bridge has IPv6 too
      bip6 | | bip6 | text | IPv6 address of the default bridge, as fd00:30::1/64
      fixed-cidr-v6 | | fixed-cidr-v6 | text | IPv6 subnet of the default bridge, or the part of it for containers
      default-gateway | | default-gateway | text | router of containers on the default bridge, instead of the bridge
      default-gateway-v6 | | default-gateway-v6 | text | the same for IPv6
      mtu | | mtu | text | largest packet on the default bridge (1500)
      icc | | icc | bool | containers of the default bridge reach each other (true)
      ip | | ip | text | address for published ports that name none (0.0.0.0)
      ip-masq | | ip-masq | bool | hide containers behind the host's address (true)
      ip-forward | | ip-forward | bool | switch the host's forwarding on (true)
      iptables | | iptables | bool | keep the firewall table (true)
      ip6tables | | ip6tables | bool | no effect: the firewall table has both families (--iptables)
      ip-forward-no-drop | | ip-forward-no-drop | bool | no effect: packets that are not containers' are never dropped
      allow-direct-routing | | allow-direct-routing | bool | published ports are reached by containers' own addresses too
      host-gateway-ip | | host-gateway-ips | list | what host-gateway stands for in --add-host (repeatable)
      default-network-opt | | default-network-opts | list | driver=option=value, for new networks that do not say it (repeatable)
      publish-by-input-rules | | publish-by-input-rules | bool | published ports obey the host's input rules
      default-address-pool | | default-address-pools | list | where new networks get subnets, as base=172.30.0.0/16,size=24 (repeatable)
      userland-proxy | | userland-proxy | bool | no effect: there is no process per published port
      firewall-backend | | firewall-backend | text | nftables, the only one
      dns | | dns | list | name server for containers (repeatable)
      dns-search | | dns-search | list | search domain for containers (repeatable)
      dns-opt | | dns-opts | list | resolver option for containers (repeatable)
      cgroup-parent | | cgroup-parent | text | control group that holds the containers' own
      exec-opt | | exec-opts | list | native.cgroupdriver=cgroupfs, the only one
      storage-driver | s | storage-driver | text | overlay2, the only one
      default-runtime | | default-runtime | text | the built-in one, whose name is runc
      experimental | | experimental | bool | no effect: nothing here waits for it
      cdi-spec-dir | | cdi-spec-dirs | list | folder with descriptions of vendors' devices (/etc/cdi and /var/run/cdi; repeatable)
      init | | init | bool | containers get --init unless they say otherwise
      init-path | | init-path | text | program that containers with --init start with
      default-cgroupns-mode | | default-cgroupns-mode | text | private or host
      default-ipc-mode | | default-ipc-mode | text | private or shareable (private)
      default-shm-size | | default-shm-size | text | size of /dev/shm, as 64M
      default-stop-timeout | | default-stop-timeout | text | seconds from the stop signal to SIGKILL (10)
      default-ulimit | | default-ulimits | list | name=soft[:hard] (repeatable)
      no-new-privileges | | no-new-privileges | bool | containers cannot gain rights by set-uid programs
      seccomp-profile | | seccomp-profile | text | file of the default profile; unconfined for none
      log-driver | | log-driver | text | log driver of containers that name none (json-file)
      log-opt | | log-opts | list | key=value, option of the default log driver (repeatable)
      registry-mirror | | registry-mirrors | list | URL tried before Docker Hub for its images (repeatable)
      insecure-registry | | insecure-registries | list | host[:port] or network where plain HTTP and unknown certificates are fine (repeatable)
      registry-rewrite | | registry-rewrites | list | PREFIX=HOST[:PORT][/PATH], where images of that prefix are looked for first (repeatable)
      registry-certs | | registry-certs | list | folder with HOST[:PORT]/*.crt, *.cert, *.key (/etc/gantry/certs.d and /etc/docker/certs.d)
      registry-timeout | | registry-timeout | text | seconds that a registry may stay silent in the middle of something (60)
      max-concurrent-downloads | | max-concurrent-downloads | text | layers loaded at a time, of all pulls together (3)
      max-concurrent-uploads | | max-concurrent-uploads | text | layers sent at a time, of all pushes together (5)
      max-download-attempts | | max-download-attempts | text | tries of one layer that bring nothing (5)
      http-proxy | | proxies.http-proxy | text | proxy for registries over HTTP (HTTP_PROXY)
      https-proxy | | proxies.https-proxy | text | proxy for registries over HTTPS (HTTPS_PROXY)
      no-proxy | | proxies.no-proxy | text | hosts reached without a proxy, with commas between (NO_PROXY)
      version | v | | bool | print the version and end
      help | h | | bool | print this and end
      """;

  // name, key of the file, reason
  private static final String REFUSED =
      """
      containerd | containerd | the engine runs containers itself, without containerd
      containerd-namespace | containerd-namespace | the engine runs containers itself, without containerd
      containerd-plugins-namespace | containerd-plugin-namespace | the engine runs containers itself, without containerd
      cri-containerd | cri-containerd | the engine runs containers itself, without containerd
      nri-opts | nri-opts | the node resource interface is containerd's
      add-runtime | runtimes | only the built-in runtime is used
      authorization-plugin | authorization-plugins | engine plugins are not loaded
      cpu-rt-period | cpu-rt-period | kernels with real-time group scheduling are not supported
      cpu-rt-runtime | cpu-rt-runtime | kernels with real-time group scheduling are not supported
      bridge-accept-fwmark | bridge-accept-fwmark | no rule looks at the marks of packets
      userland-proxy-path | userland-proxy-path | there is no process per published port
      rootless | rootless | the engine needs root
      userns-remap | userns-remap | one mapping for all containers is not supported
      selinux-enabled | selinux-enabled | SELinux labels are not managed
      node-generic-resource | node-generic-resources | this engine is in no swarm
      swarm-default-advertise-addr | swarm-default-advertise-addr | this engine is in no swarm
      network-control-plane-mtu | network-control-plane-mtu | this engine is in no swarm
      network-diagnostic-port | network-diagnostic-port | this engine is in no swarm
      feature | features | dockerd's experiments with its own parts
      storage-opt | storage-opts | overlay2 has no options here: nothing limits what containers write
      swarm-raft-heartbeat-tick | swarm-raft-heartbeat-tick | this engine is in no swarm
      swarm-raft-election-tick | swarm-raft-election-tick | this engine is in no swarm
      min-api-version | min-api-version | versions from 1.24 on are always served
      default-init | default-init | --init-path names the program
      resolv-conf | resolv-conf | --dns, --dns-search and --dns-opt say what containers get
      restart | | dockerd itself has dropped it: give each container its own policy
      """;

  static final List<Flag> ALL = HONOURED.lines().map(KnownFlags::flag).toList();

  private static final Map<String, String> REASONS = new LinkedHashMap<>();

  static {
    for (String line : REFUSED.lines().toList()) {
      String[] cells = line.split("\\|", -1);
      REASONS.put("--" + cells[0].strip(), cells[2].strip());
      REASONS.put(cells[1].strip(), cells[2].strip());
    }
  }

  private KnownFlags() {}

  private static Flag flag(String line) {
    String[] cells = line.split("\\|", -1);
    return new Flag(
        cells[0].strip(),
        cells[1].strip(),
        cells[2].strip(),
        Kind.valueOf(cells[3].strip().toUpperCase(java.util.Locale.ROOT)),
        cells[4].strip());
  }

  /// The flag written as `--name` or `-n`.
  static Optional<Flag> written(String argument) {
    return ALL.stream()
        .filter(
            f ->
                argument.equals("--" + f.name())
                    || (!f.shorthand().isEmpty() && argument.equals("-" + f.shorthand())))
        .findFirst();
  }

  /// The flag of a key in daemon.json.
  static Optional<Flag> key(String key) {
    return ALL.stream().filter(f -> !key.isEmpty() && f.file().equals(key)).findFirst();
  }

  /// Why `--name` or a key of the file is refused, if dockerd knows it.
  static Optional<String> reason(String written) {
    return Optional.ofNullable(REASONS.get(written));
  }

  static String help() {
    StringBuilder help =
        new StringBuilder("Usage: gantryd [OPTIONS]\n\nThe container engine.\n\nOptions:\n");
    for (Flag f : ALL) {
      String left =
          (f.shorthand().isEmpty() ? "      " : "  -" + f.shorthand() + ", ")
              + "--"
              + f.name()
              + switch (f.kind()) {
                case BOOL -> "";
                case LIST -> " list";
                case TEXT -> " string";
              };
      help.append(String.format(java.util.Locale.ROOT, "%-35s%s%n", left, f.help()));
    }
    return help.toString();
  }
}
