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

  private HostResolver() {}

  private static ResolvConf host() {
    ResolvConf conf = read(CONF);
    // systemd's stub listens on the host's loopback; its own servers are in another file
    boolean stub =
        !conf.servers().isEmpty() && conf.servers().stream().allMatch(s -> s.equals("127.0.0.53"));
    return stub && Files.exists(SYSTEMD) ? read(SYSTEMD) : conf;
  }

  private static ResolvConf read(Path file) {
    try {
      return ResolvConf.parse(Files.readString(file));
    } catch (IOException e) {
      return new ResolvConf(List.of(), List.of(), List.of());
    }
  }

  /// The servers that the embedded server asks; it asks from the host, so loopback ones do.
  static List<String> servers(NetworkOptions options) {
    return options.dns().isEmpty() ? read(CONF).servers() : options.dns();
  }

  static ResolvConf conf(NetworkOptions options, AttachRequest request, boolean embedded) {
    ResolvConf host = host();
    List<String> servers = first(request.dns(), options.dns());
    if (embedded) {
      servers = List.of(EMBEDDED);
    } else if (servers.isEmpty()) {
      servers = host.servers().stream().filter(HostResolver::reachable).toList();
    }
    List<String> search = first(request.dnsSearch(), options.dnsSearch());
    if (search.isEmpty()) {
      search = host.search();
    } else if (search.equals(List.of("."))) {
      search = List.of(); // asks for no search domain at all
    }
    List<String> settings = first(request.dnsOptions(), options.dnsOptions());
    List<String> all = new ArrayList<>(settings.isEmpty() ? host.options() : settings);
    if (embedded && all.stream().noneMatch(option -> option.startsWith("ndots:"))) {
      all.add("ndots:0");
    }
    return new ResolvConf(servers, search, all);
  }

  private static List<String> first(List<String> own, List<String> engine) {
    return own.isEmpty() ? engine : own;
  }

  private static boolean reachable(String server) {
    return Cidr.literal(server).map(address -> !address.isLoopbackAddress()).orElse(false);
  }
}
