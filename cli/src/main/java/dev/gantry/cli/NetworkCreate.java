package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.math.BigInteger;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// `network create`.
final class NetworkCreate {
  private NetworkCreate() {}

  static Command command() {
    return Command.of(
        "[OPTIONS] NETWORK",
        1,
        1,
        NetworkCreate::run,
        Flag.bool("attachable", ' ', "Containers may join it by hand"),
        Flag.map("aux-address", ' ', "An address that the driver uses itself: NAME=ADDRESS"),
        Flag.text("config-from", ' ', "Take the settings of this `network`"),
        Flag.bool("config-only", ' ', "Only keep settings for others"),
        Flag.text("driver", 'd', "The `driver` that makes it").standard("bridge"),
        Flag.list("gateway", ' ', "The gateway's address in a subnet"),
        Flag.bool("ingress", ' ', "The swarm's network of published ports"),
        Flag.bool("internal", ' ', "Without a way to the outside"),
        Flag.list("ip-range", ' ', "Give containers addresses of this part of a subnet"),
        Flag.text("ipam-driver", ' ', "The `driver` that hands out addresses").standard("default"),
        Flag.map("ipam-opt", ' ', "An option of that driver: NAME=VALUE"),
        Flag.bool("ipv4", ' ', "With IPv4 addresses").standard("true"),
        Flag.bool("ipv6", ' ', "With IPv6 addresses"),
        Flag.list("label", ' ', "A label: NAME=VALUE"),
        Flag.map("opt", 'o', "An option of the driver: NAME=VALUE"),
        Flag.text("scope", ' ', "How far it reaches"),
        Flag.list("subnet", ' ', "A subnet in CIDR notation"));
  }

  private static int run(Session session, Words words) {
    Json.JsonObject body =
        Json.object()
            .put("Name", words.argument(0))
            .put("Driver", words.text("driver", "bridge"))
            .put("Scope", words.text("scope", ""))
            .put("Internal", words.on("internal"))
            .put("Attachable", words.on("attachable"))
            .put("Ingress", words.on("ingress"))
            .put("ConfigOnly", words.on("config-only"))
            .put(
                "IPAM",
                Json.object()
                    .put("Driver", words.text("ipam-driver", "default"))
                    .put("Options", RunRequest.pairs(words.list("ipam-opt")))
                    .put("Config", subnets(words)))
            .put("Options", RunRequest.pairs(words.list("opt")))
            .put("Labels", RunRequest.pairs(words.list("label")));
    words
        .text("config-from")
        .ifPresent(from -> body.put("ConfigFrom", Json.object().put("Network", from)));
    if (words.has("ipv4")) {
      body.put("EnableIPv4", words.on("ipv4"));
    }
    if (words.has("ipv6")) {
      body.put("EnableIPv6", words.on("ipv6"));
    }
    Json.JsonObject answer =
        Session.object(session.engine().post(Query.of("/networks/create"), body));
    answer.string("Warning").filter(w -> !w.isEmpty()).ifPresent(session.err()::println);
    session.out().println(answer.string("Id", ""));
    return 0;
  }

  /// Each subnet with the range, the gateway and the other addresses that lie in it.
  private static Json.JsonArray subnets(Words words) {
    List<String> subnets = Networks.parts(words, "subnet");
    List<String> ranges = Networks.parts(words, "ip-range");
    List<String> gateways = Networks.parts(words, "gateway");
    if (subnets.size() < ranges.size() || subnets.size() < gateways.size()) {
      throw new Exit(1, "every ip-range or gateway must have a corresponding subnet");
    }
    Map<String, Json.JsonObject> configurations = new LinkedHashMap<>();
    for (String subnet : subnets) {
      for (String other : configurations.keySet()) {
        if (contains(subnet, other) || contains(other, subnet)) {
          throw new Exit(1, "multiple overlapping subnet configuration is not supported");
        }
      }
      configurations.put(subnet, Json.object().put("Subnet", subnet));
    }
    ranges.forEach(range -> place(configurations, "IPRange", "range", range));
    gateways.forEach(gateway -> place(configurations, "Gateway", "gateway", gateway));
    for (String entry : words.list("aux-address")) {
      int equals = entry.indexOf('=');
      String address = entry.substring(equals + 1);
      Json.JsonObject subnet = holder(configurations, "aux-address", address);
      Json.JsonObject known = subnet.object("AuxiliaryAddresses").orElse(Json.object());
      subnet.put("AuxiliaryAddresses", known.put(entry.substring(0, equals), address));
    }
    Json.JsonArray all = Json.array();
    configurations.values().forEach(all::add);
    return all;
  }

  private static void place(
      Map<String, Json.JsonObject> configurations, String field, String what, String address) {
    Json.JsonObject subnet = holder(configurations, what, address);
    if (subnet.has(field)) {
      throw new Exit(
          1,
          "cannot configure multiple "
              + what
              + "s ("
              + subnet.string(field, "")
              + ", "
              + address
              + ") on the same subnet ("
              + subnet.string("Subnet", "")
              + ")");
    }
    subnet.put(field, address);
  }

  private static Json.JsonObject holder(
      Map<String, Json.JsonObject> configurations, String what, String address) {
    List<String> candidates = new ArrayList<>(configurations.keySet());
    return candidates.stream()
        .filter(subnet -> contains(subnet, address))
        .findFirst()
        .map(configurations::get)
        .orElseThrow(() -> new Exit(1, "no matching subnet for " + what + " " + address));
  }

  /// True if the address, which may have a length of its own behind it, lies in the subnet. What is
  /// no subnet at all lies nowhere, and the engine says why.
  static boolean contains(String subnet, String address) {
    int slash = subnet.indexOf('/');
    Optional<byte[]> net = bytes(slash < 0 ? subnet : subnet.substring(0, slash));
    Optional<byte[]> inside = bytes(address.replaceFirst("/.*", ""));
    if (slash < 0
        || !subnet.substring(slash + 1).matches("\\d{1,3}")
        || net.isEmpty()
        || inside.isEmpty()
        || net.get().length != inside.get().length) {
      return false;
    }
    int rest = net.get().length * 8 - Integer.parseInt(subnet.substring(slash + 1));
    return rest >= 0
        && new BigInteger(1, net.get())
            .shiftRight(rest)
            .equals(new BigInteger(1, inside.get()).shiftRight(rest));
  }

  private static Optional<byte[]> bytes(String address) {
    try {
      return Optional.of(InetAddress.ofLiteral(address).getAddress());
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
