package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.kernel.NetlinkSetup.HostMessage;
import java.util.Map;

/// Networks whose containers have interfaces of their own on a link of the host.
final class Macvlan {
  private static final Map<String, Integer> MODES =
      Map.of("private", 1, "vepa", 2, "bridge", 4, "passthru", 8);

  private Macvlan() {}

  static HostMessage message(
      Network network, Endpoint endpoint, HostLinks links, LinkMessages.Target target) {
    String parent = network.option(BridgeOptions.MACVLAN_PARENT).orElse("");
    HostLinks.Link link =
        links
            .find(parent)
            .orElseThrow(
                () ->
                    new Failure.Internal(
                        "the parent link "
                            + parent
                            + " of network "
                            + network.name()
                            + " is not there"));
    String mode = network.option(BridgeOptions.MACVLAN_MODE).orElse("bridge");
    int mtu = network.option(BridgeOptions.MTU).map(Integer::parseInt).orElse(0);
    return LinkMessages.macvlan(
        link.index(),
        endpoint.interfaceName(),
        LaunchMessages.index(endpoint),
        LinkMessages.mac(endpoint.mac()),
        mtu,
        MODES.getOrDefault(mode, 4),
        target);
  }

  static boolean knows(String mode) {
    return MODES.containsKey(mode);
  }
}
