package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.network.Cidr;
import dev.gantry.network.NetworkOptions;
import dev.gantry.network.NetworkOptions.AddressPool;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The flags about networks as the network module takes them.
final class NetworkFlags {
  private NetworkFlags() {}

  static NetworkOptions read(Flags flags) {
    NetworkOptions defaults = NetworkOptions.of(flags.text("bridge", "gantry0"));
    String binding = flags.text("ip", defaults.hostBinding());
    if (Cidr.literal(binding).isEmpty()) {
      throw invalid("ip", binding);
    }
    String mtu = flags.text("mtu", "0");
    if (!mtu.matches("\\d{1,5}")) {
      throw invalid("mtu", mtu);
    }
    List<AddressPool> pools =
        flags.list("default-address-pool").stream().map(NetworkFlags::pool).toList();
    return new NetworkOptions(
        defaults.bridge(),
        family(cidr(flags, "bip"), false, "bip"),
        family(cidr(flags, "fixed-cidr"), false, "fixed-cidr"),
        Integer.parseInt(mtu),
        flags.flag("icc", true),
        flags.flag("ip-masq", true),
        flags.flag("ip-forward", true),
        flags.flag("iptables", true),
        binding,
        flags.flag("publish-by-input-rules", false),
        pools.isEmpty() ? defaults.pools() : pools,
        flags.list("dns"),
        flags.list("dns-search"),
        flags.list("dns-opt"),
        further(flags));
  }

  private static NetworkOptions.Further further(Flags flags) {
    for (String gateway : flags.list("host-gateway-ip")) {
      address("host-gateway-ip", gateway);
    }
    return new NetworkOptions.Further(
        flags.flag("ipv6", false),
        family(cidr(flags, "bip6"), true, "bip6"),
        family(cidr(flags, "fixed-cidr-v6"), true, "fixed-cidr-v6"),
        address("default-gateway", flags.text("default-gateway", "")),
        address("default-gateway-v6", flags.text("default-gateway-v6", "")),
        flags.list("host-gateway-ip"),
        defaults(flags.list("default-network-opt")),
        flags.flag("allow-direct-routing", false));
  }

  private static String address(String name, String text) {
    if (!text.isEmpty() && Cidr.literal(text).isEmpty()) {
      throw invalid(name, text);
    }
    return text;
  }

  private static @Nullable Cidr family(@Nullable Cidr cidr, boolean ipv6, String name) {
    if (cidr != null && cidr.isIpv6() != ipv6) {
      throw invalid(name, cidr.toString());
    }
    return cidr;
  }

  /// Docker's form: `driver=option=value`; in the file several options are parted by commas.
  private static Map<String, Map<String, String>> defaults(List<String> texts) {
    Map<String, Map<String, String>> all = new LinkedHashMap<>();
    for (String text : texts) {
      String[] driver = text.split("=", 2);
      for (String option : driver.length == 2 ? driver[1].split(",") : new String[] {""}) {
        String[] pair = option.split("=", 2);
        if (pair.length != 2 || pair[0].isEmpty() || driver[0].isEmpty()) {
          throw invalid("default-network-opt", text);
        }
        all.computeIfAbsent(driver[0], _ -> new LinkedHashMap<>()).put(pair[0], pair[1]);
      }
    }
    return all;
  }

  private static @Nullable Cidr cidr(Flags flags, String name) {
    String text = flags.text(name, "");
    return text.isEmpty() ? null : Cidr.tryParse(text).orElseThrow(() -> invalid(name, text));
  }

  /// Docker's form: `base=172.30.0.0/16,size=24`.
  private static AddressPool pool(String text) {
    String base = "";
    String size = "";
    for (String part : text.split(",")) {
      String[] pair = part.strip().split("=", 2);
      if (pair.length == 2 && pair[0].equals("base")) {
        base = pair[1];
      } else if (pair.length == 2 && pair[0].equals("size")) {
        size = pair[1];
      }
    }
    Cidr cidr =
        Cidr.tryParse(base).orElseThrow(() -> invalid("default-address-pool", text)).network();
    boolean fits =
        size.matches("\\d{1,3}")
            && Integer.parseInt(size) >= cidr.prefix()
            && Integer.parseInt(size) <= (cidr.isIpv6() ? 126 : 30);
    if (!fits) {
      throw invalid("default-address-pool", text);
    }
    return new AddressPool(cidr, Integer.parseInt(size));
  }

  private static Failure invalid(String name, String value) {
    return new Failure.InvalidRequest(
        "invalid argument \"" + value + "\" for \"--" + name + "\" flag");
  }
}
