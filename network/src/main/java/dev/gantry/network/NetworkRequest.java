package dev.gantry.network;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What `POST /networks/create` asks for. Null where the request is silent.
///
/// @param scope `local`, `swarm`, or empty
public record NetworkRequest(
    String name,
    String driver,
    @Nullable Boolean enableIpv4,
    @Nullable Boolean enableIpv6,
    String ipamDriver,
    @Nullable Map<String, String> ipamOptions,
    List<Subnet> subnets,
    boolean internal,
    boolean attachable,
    boolean ingress,
    String configFrom,
    boolean configOnly,
    String scope,
    Map<String, String> options,
    Map<String, String> labels) {
  /// A subnet as asked; empty texts stand for what was not said.
  public record Subnet(
      String subnet, String ipRange, String gateway, Map<String, String> auxiliary) {
    public Subnet {
      auxiliary = Map.copyOf(auxiliary);
    }
  }

  public NetworkRequest {
    subnets = List.copyOf(subnets);
    options = Map.copyOf(options);
    labels = Map.copyOf(labels);
  }

  NetworkRequest withOptions(Map<String, String> others) {
    return new NetworkRequest(
        name,
        driver,
        enableIpv4,
        enableIpv6,
        ipamDriver,
        ipamOptions,
        subnets,
        internal,
        attachable,
        ingress,
        configFrom,
        configOnly,
        scope,
        others,
        labels);
  }

  /// A bridge network with nothing but a name.
  public static NetworkRequest of(String name) {
    return new NetworkRequest(
        name, "", null, null, "", null, List.of(), false, false, false, "", false, "", Map.of(),
        Map.of());
  }
}
