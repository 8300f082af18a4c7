package dev.gantry.network;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A network as the engine keeps it; what Docker's inspect shows comes from here.
///
/// @param created RFC 3339 with nanoseconds
/// @param driver `bridge`, `host`, `null`, `macvlan` or `ipvlan`
/// @param ipamOptions null where the request had none: Docker's wire tells it from an empty map
/// @param configFrom name of the configuration network, or empty
/// @param bridge link name of the bridge, or empty
public record Network(
    String id,
    String name,
    String created,
    String driver,
    boolean enableIpv4,
    boolean enableIpv6,
    String ipamDriver,
    @Nullable Map<String, String> ipamOptions,
    boolean ipamGiven,
    List<Pool> pools,
    boolean internal,
    boolean attachable,
    String configFrom,
    boolean configOnly,
    Map<String, String> options,
    Map<String, String> labels,
    String bridge) {
  /// A subnet of a network, as asked or as chosen. Empty texts stand for what was not said; the
  /// gateway in use is `router`.
  public record Pool(
      String subnet,
      String ipRange,
      String gateway,
      Map<String, String> auxiliary,
      String router,
      boolean chosen) {
    public Pool {
      auxiliary = Map.copyOf(auxiliary);
    }

    public Cidr cidr() {
      return Cidr.parse(subnet);
    }
  }

  public Network {
    pools = List.copyOf(pools);
    options = Map.copyOf(options);
    labels = Map.copyOf(labels);
  }

  /// The default `bridge`, `host` and `none`.
  public boolean predefined() {
    return name.equals("bridge") || name.equals("host") || name.equals("none");
  }

  /// Whether containers have links of their own on one of the host's, without a bridge.
  boolean onHostLink() {
    return driver.equals("macvlan") || driver.equals("ipvlan");
  }

  /// The option `key`, if set.
  public Optional<String> option(String key) {
    return Optional.ofNullable(options.get(key));
  }

  /// A bool option in Go's spelling; `fallback` when it is not set.
  public boolean flag(String key, boolean fallback) {
    return option(key).map(GoBool::parse).orElse(fallback);
  }

  Optional<Pool> pool(boolean ipv6) {
    return pools.stream().filter(pool -> pool.cidr().isIpv6() == ipv6).findFirst();
  }
}
