package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.kernel.NetlinkSetup.HostMessage;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Networks whose containers have interfaces of their own on a link of the host: `macvlan`, and
/// `ipvlan`, where they share its hardware address.
///
/// The link is the one of option `parent`. A parent `eth0.10` that is not there is made as VLAN 10
/// on `eth0`; without a parent a dummy link is made, which connects the containers alone. What was
/// made so carries [#ALIAS] and goes with its network.
final class Macvlan {
  static final String ALIAS = "gantry";
  private static final Map<String, Integer> MACVLAN_MODES =
      Map.of("private", 1, "vepa", 2, "bridge", 4, "passthru", 8);
  private static final Map<String, Integer> IPVLAN_MODES = Map.of("l2", 0, "l3", 1, "l3s", 2);
  private static final Map<String, Integer> IPVLAN_FLAGS =
      Map.of("bridge", 0, "private", 1, "vepa", 2);
  private static final Set<String> ON_LINK_MODES = Set.of("l3", "l3s");
  private static final Pattern VLAN = Pattern.compile("([^/\\s:.]{1,15})\\.(\\d{1,4})");

  private Macvlan() {}

  /// Refuses modes that the driver does not have, in Docker's words.
  static void check(String driver, Map<String, String> options) {
    if (driver.equals("ipvlan")) {
      String mode = options.getOrDefault(BridgeOptions.IPVLAN_MODE, "l2");
      if (!IPVLAN_MODES.containsKey(mode)) {
        throw new Failure.InvalidRequest(
            "requested ipvlan mode '"
                + mode
                + "' is not valid, 'l2' mode is the ipvlan driver default");
      }
      String flag = options.getOrDefault(BridgeOptions.IPVLAN_FLAG, "bridge");
      if (!IPVLAN_FLAGS.containsKey(flag)) {
        throw new Failure.InvalidRequest(
            "requested ipvlan flag '"
                + flag
                + "' is not valid, 'bridge' is the ipvlan driver default");
      }
      return;
    }
    String mode = options.getOrDefault(BridgeOptions.MACVLAN_MODE, "bridge");
    if (!MACVLAN_MODES.containsKey(mode)) {
      throw new Failure.InvalidRequest(
          "requested macvlan mode '"
              + mode
              + "' is not valid, 'bridge' mode is the macvlan driver default");
    }
  }

  /// The name of the network's parent link.
  static String parent(Network network) {
    return network
        .option(BridgeOptions.MACVLAN_PARENT)
        .filter(name -> !name.isEmpty())
        .orElseGet(() -> ownParent(network.driver(), network.id()));
  }

  private static String ownParent(String driver, String id) {
    return (driver.equals("ipvlan") ? "di-" : "dm-") + Ids.shorten(id);
  }

  /// Makes the parent link of a network when it is not there.
  static HostLinks.Link prepare(Network network, HostLinks links) {
    String parent = parent(network);
    Optional<HostLinks.Link> there = links.find(parent);
    if (there.isPresent()) {
      return there.get();
    }
    if (parent.equals(ownParent(network.driver(), network.id()))) {
      return links.createDummy(parent, ALIAS);
    }
    Matcher vlan = VLAN.matcher(parent);
    int tag = vlan.matches() ? Integer.parseInt(vlan.group(2)) : 0;
    if (tag < 1 || tag > 4094) {
      throw new Failure.Internal(
          "invalid subinterface vlan name " + parent + ", example formatting is eth0.10");
    }
    HostLinks.Link base =
        links
            .find(vlan.group(1))
            .orElseThrow(
                () ->
                    new Failure.Internal(
                        "the requested parent interface "
                            + vlan.group(1)
                            + " was not found on the host"));
    return links.createVlan(parent, base, tag, ALIAS);
  }

  /// Removes a parent link that the engine has made, unless another network has it too.
  static void forget(Network network, Iterable<Network> others, HostLinks links) {
    String parent = parent(network);
    for (Network other : others) {
      if (other.onHostLink() && parent(other).equals(parent)) {
        return;
      }
    }
    links.find(parent).filter(link -> link.alias().equals(ALIAS)).ifPresent(links::delete);
  }

  /// Whether the network's routes need no gateway: the host routes for the container.
  static boolean routesOnLink(Network network) {
    return network.driver().equals("ipvlan")
        && network.option(BridgeOptions.IPVLAN_MODE).filter(ON_LINK_MODES::contains).isPresent();
  }

  static HostMessage message(
      Network network, Endpoint endpoint, HostLinks links, LinkMessages.Target target) {
    HostLinks.Link link = prepare(network, links);
    int mtu = network.option(BridgeOptions.MTU).map(Integer::parseInt).orElse(0);
    int index = LaunchMessages.index(endpoint);
    if (network.driver().equals("ipvlan")) {
      return LinkMessages.ipvlan(
          link.index(),
          endpoint.interfaceName(),
          index,
          mtu,
          IPVLAN_MODES.getOrDefault(network.option(BridgeOptions.IPVLAN_MODE).orElse("l2"), 0),
          IPVLAN_FLAGS.getOrDefault(network.option(BridgeOptions.IPVLAN_FLAG).orElse("bridge"), 0),
          target);
    }
    return LinkMessages.macvlan(
        link.index(),
        endpoint.interfaceName(),
        index,
        LinkMessages.mac(endpoint.mac()),
        mtu,
        MACVLAN_MODES.getOrDefault(network.option(BridgeOptions.MACVLAN_MODE).orElse("bridge"), 4),
        target);
  }
}
