package dev.gantry.network;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Where names outside are looked up: the host's resolver settings as containers can use them.
final class HostResolver {
  static final String EMBEDDED = "127.0.0.11";
  private static final Path CONF = Path.of("/etc/resolv.conf");
  private static final Path SYSTEMD = Path.of("/run/systemd/resolve/resolv.conf");

  /// What Docker takes when the host has only servers that containers cannot reach.
  private static final List<String> DEFAULT_SERVERS = List.of("8.8.8.8", "8.8.4.4");

  private HostResolver() {}

  /// systemd's stub listens on the host's loopback; its own servers are in another file.
  private static Path file() {
    ResolvConf conf = read(CONF);
    boolean stub =
        !conf.servers().isEmpty() && conf.servers().stream().allMatch(s -> s.equals("127.0.0.53"));
    return stub && Files.exists(SYSTEMD) ? SYSTEMD : CONF;
  }

  private static ResolvConf read(Path file) {
    try {
      return ResolvConf.parse(Files.readString(file));
    } catch (IOException e) {
      return new ResolvConf(List.of(), List.of(), List.of(), List.of());
    }
  }

  /// The servers that the embedded server asks; it asks from the host, so loopback ones do.
  static List<String> servers(NetworkOptions options) {
    return options.dns().isEmpty() ? read(CONF).servers() : options.dns();
  }

  /// Which file a container gets.
  enum Kind {
    /// On a user network: the embedded server.
    EMBEDDED,
    /// On the default bridge, or none: servers that can be reached from there.
    OWN_NAMESPACE,
    /// In the host's namespace: what the host has.
    HOST
  }

  static ResolvConf conf(NetworkOptions options, AttachRequest request, Kind kind) {
    boolean embedded = kind == Kind.EMBEDDED;
    Path file = kind == Kind.HOST || embedded ? CONF : file();
    ResolvConf host = read(file);
    List<String> notes = new ArrayList<>();
    notes.add("Based on host file: '" + file + "'" + suffix(kind));
    List<String> overrides = new ArrayList<>();
    List<String> servers = first(request.dns(), options.dns());
    if (!servers.isEmpty()) {
      overrides.add("nameservers");
    }
    if (embedded) {
      List<String> outside =
          servers.isEmpty()
              ? servers(options).stream().map(server -> "host(" + server + ")").toList()
              : servers;
      notes.add("ExtServers: [" + String.join(" ", outside) + "]");
      servers = List.of(EMBEDDED);
    } else if (servers.isEmpty()) {
      servers =
          kind == Kind.HOST
              ? host.servers()
              : host.servers().stream().filter(HostResolver::reachable).toList();
      if (servers.isEmpty() && kind == Kind.OWN_NAMESPACE) {
        servers = DEFAULT_SERVERS;
        notes.add("Used default nameservers.");
      }
    }
    List<String> search = first(request.dnsSearch(), options.dnsSearch());
    if (search.isEmpty()) {
      search = host.search();
    } else {
      overrides.add("search");
      search = search.equals(List.of(".")) ? List.of() : search; // a dot asks for none at all
    }
    List<String> settings = first(request.dnsOptions(), options.dnsOptions());
    if (!settings.isEmpty()) {
      overrides.add("options");
    }
    List<String> all = new ArrayList<>(settings.isEmpty() ? host.options() : settings);
    notes.add("Overrides: [" + String.join(" ", overrides) + "]");
    if (all.stream().anyMatch(option -> option.startsWith("ndots:"))) {
      notes.add("Option ndots from: " + (settings.isEmpty() ? "host" : "override"));
    } else if (embedded) {
      all.add("ndots:0");
      notes.add("Option ndots from: internal");
    }
    return new ResolvConf(servers, search, all, notes);
  }

  private static String suffix(Kind kind) {
    return switch (kind) {
      case EMBEDDED -> " (internal resolver)";
      case OWN_NAMESPACE -> " (legacy)";
      case HOST -> "";
    };
  }

  private static List<String> first(List<String> own, List<String> engine) {
    return own.isEmpty() ? engine : own;
  }

  private static boolean reachable(String server) {
    return Cidr.literal(server).map(address -> !address.isLoopbackAddress()).orElse(false);
  }
}
