package dev.gantry.server;

import dev.gantry.json.Json;
import dev.gantry.network.Attachment;
import dev.gantry.network.Cidr;
import dev.gantry.network.Endpoint;
import dev.gantry.network.Network;
import java.math.BigInteger;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// How many addresses of a network's subnets are taken, and how many can still be given to
/// containers that ask for none in particular.
///
/// @param subnets by their texts
record AddressUse(Map<String, Count> subnets) {
  /// As many as 64 bits without a sign hold: clients read no more.
  private static final BigInteger MOST = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);

  /// @param used with the network's own address and, of IPv4, the broadcast address
  /// @param free of the range that addresses are chosen from
  record Count(BigInteger used, BigInteger free) {}

  static AddressUse of(Network network, List<Attachment> attachments) {
    Map<String, Count> counts = new LinkedHashMap<>();
    for (Network.Pool pool : network.pools()) {
      Cidr.tryParse(pool.subnet())
          .ifPresent(s -> counts.put(pool.subnet(), count(s, pool, taken(pool, attachments))));
    }
    return new AddressUse(counts);
  }

  private static List<String> taken(Network.Pool pool, List<Attachment> attachments) {
    List<String> taken = new ArrayList<>(pool.auxiliary().values());
    taken.add(pool.router());
    for (Attachment a : attachments) {
      for (Endpoint e : a.endpoints()) {
        taken.add(e.ipv4());
        taken.add(e.ipv6());
      }
    }
    return taken;
  }

  private static Count count(Cidr subnet, Network.Pool pool, List<String> texts) {
    Set<InetAddress> taken = new LinkedHashSet<>();
    taken.add(subnet.network().address());
    if (!subnet.isIpv6()) {
      taken.add(subnet.at(subnet.size().subtract(BigInteger.ONE)));
    }
    texts.forEach(text -> Cidr.literal(text.split("/")[0]).ifPresent(taken::add));
    taken.removeIf(address -> !subnet.contains(address));
    Cidr range = Cidr.tryParse(pool.ipRange()).orElse(subnet);
    long within = taken.stream().filter(range::contains).count();
    return new Count(
        BigInteger.valueOf(taken.size()), range.size().subtract(BigInteger.valueOf(within)));
  }

  Json json() {
    Json.JsonObject all = Json.object();
    subnets.forEach(
        (subnet, count) ->
            all.put(
                subnet,
                Json.object()
                    .put("IPsInUse", number(count.used()))
                    .put("DynamicIPsAvailable", number(count.free()))));
    return Json.object().put("IPAM", Json.object().put("Subnets", all));
  }

  private static Json number(BigInteger value) {
    return new Json.JsonNumber(value.min(MOST).toString());
  }
}
