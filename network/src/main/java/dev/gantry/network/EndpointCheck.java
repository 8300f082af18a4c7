package dev.gantry.network;

import dev.gantry.base.Failure;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/// Refuses wishes that a network cannot fulfil, in Docker's words.
final class EndpointCheck {
  /// The Docker CLI writes IFNAME in lower case.
  private static final Pattern SETTING =
      Pattern.compile("(?i)net\\.(ipv4|ipv6|mpls)\\.[^.=]+\\.ifname\\..*");

  private EndpointCheck() {}

  static void check(Network network, EndpointRequest wish) {
    List<String> errors = problems(network, wish);
    if (!errors.isEmpty()) {
      String text = errors.size() == 1 ? errors.getFirst() : "* " + String.join("\n* ", errors);
      throw new Failure.InvalidRequest("invalid endpoint settings:\n" + text);
    }
  }

  /// What is wrong with `wish`, a sentence each.
  static List<String> problems(Network network, EndpointRequest wish) {
    List<String> errors = new ArrayList<>();
    boolean wished = !wish.ipv4().isEmpty() || !wish.ipv6().isEmpty();
    if (network.predefined()) {
      if (wished) {
        errors.add("user specified IP address is supported on user defined networks only");
      }
      if (!wish.aliases().isEmpty()) {
        errors.add(
            "network-scoped alias is supported only for containers in user defined networks");
      }
    }
    address(network, wish.ipv4(), false, errors);
    address(network, wish.ipv6(), true, errors);
    wish.linkLocal().stream()
        .filter(text -> Cidr.literal(text).isEmpty())
        .forEach(text -> errors.add("invalid link-local IP address: " + text));
    String settings = wish.driverOptions().getOrDefault(BridgeOptions.SYSCTLS, "");
    for (String setting : settings.isEmpty() ? new String[0] : settings.split(",")) {
      if (!SETTING.matcher(setting).matches()) {
        errors.add(
            "unrecognised network interface sysctl '"
                + setting
                + "'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4',"
                + " 'ipv6' or 'mpls'");
      }
    }
    return errors;
  }

  private static void address(Network network, String wish, boolean ipv6, List<String> errors) {
    if (wish.isEmpty()) {
      return;
    }
    Optional<InetAddress> address =
        Cidr.literal(wish).filter(a -> a.getAddress().length == (ipv6 ? 16 : 4));
    if (address.isEmpty()) {
      errors.add("invalid IPv" + (ipv6 ? 6 : 4) + " address: " + wish);
    }
    List<Network.Pool> given =
        network.pools().stream()
            .filter(pool -> !pool.chosen() && pool.cidr().isIpv6() == ipv6)
            .toList();
    if (given.isEmpty()) {
      errors.add(
          "user specified IP address is supported only when connecting to networks with user"
              + " configured subnets");
    } else if (given.stream()
        .noneMatch(pool -> address.filter(pool.cidr()::contains).isPresent())) {
      errors.add("no configured subnet or ip-range contain the IP address " + wish);
    }
  }

  /// Whether a container can be connected to `network` after its creation at all.
  static void checkConnectable(Network network) {
    if (network.configOnly()) {
      throw new Failure.Forbidden("cannot create endpoint on configuration-only network");
    }
    switch (network.name()) {
      case "host" ->
          throw new Failure.InvalidRequest(
              "cannot connect container to host network - container must be created in host"
                  + " network mode");
      case "none" ->
          throw new Failure.InvalidRequest(
              "container cannot be connected to multiple networks with one of the networks in"
                  + " private (none) mode");
      default -> {}
    }
  }
}
