package dev.gantry.network;

import dev.gantry.network.PortExplanation.Answer;
import dev.gantry.network.PortExplanation.Way;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// Finds out who reaches a container's port: from what is published, our table as it is in the
/// kernel now, and the chains of other firewalls. [HostNetworks] holds the lock.
final class PortReach {
  private static final String OUTSIDE = "machines outside";
  private static final String HERE = "this machine";
  private static final String CONTAINERS = "containers of other networks";

  private final NetworkOptions options;
  private final Firewall firewall;
  private final NeighbourFirewalls neighbours;
  private final Function<String, Optional<Network>> networks;
  private final List<Way> ways = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();

  PortReach(
      NetworkOptions options,
      Firewall firewall,
      NeighbourFirewalls neighbours,
      Function<String, Optional<Network>> networks) {
    this.options = options;
    this.firewall = firewall;
    this.neighbours = neighbours;
    this.networks = networks;
  }

  PortExplanation explain(Attachment attachment, int port, String protocol) {
    List<PublishedPort> published =
        attachment.ports().stream()
            .filter(p -> p.containerPort() == port && p.protocol().equals(protocol))
            .toList();
    String name = port + "/" + protocol;
    if (!options.firewall()) {
      notes.add("The engine keeps no firewall table (--iptables=false): nothing is isolated.");
    } else if (!firewall.present()) {
      notes.add(
          "The table inet " + firewall.table() + " is missing; the engine puts it back at once.");
    }
    published.forEach(p -> publishedWays(attachment, p));
    if (published.isEmpty()) {
      notes.add(name + " is not published: only its own address leads to it.");
    } else if (!options.inputPolicy() && options.firewall()) {
      notes.add(
          "The host's input rules do not see published ports. To be reached from this machine"
              + " alone, publish on 127.0.0.1; to make input rules decide, start gantryd with"
              + " --publish-by-input-rules.");
    }
    for (Endpoint endpoint : attachment.endpoints()) {
      networks.apply(endpoint.networkId()).ifPresent(n -> ownAddress(endpoint, n, port));
    }
    notes.addAll(neighbours.warnings());
    return new PortExplanation(attachment.name(), name, ways, notes);
  }

  // ---- by the host's port

  private void publishedWays(Attachment attachment, PublishedPort p) {
    if (p.hostPort() == 0) {
      return; // routed: by the container's own address
    }
    InetAddress host = Cidr.literal(p.hostIp()).orElseThrow();
    boolean ipv6 = host.getAddress().length == 16;
    String at = address(p.hostIp(), p.hostPort());
    Optional<String> target =
        LaunchMessages.gatewayEndpoint(attachment.endpoints(), ipv6)
            .map(endpoint -> ipv6 ? endpoint.ipv6() : endpoint.ipv4())
            .filter(text -> !text.isEmpty())
            .map(text -> address(text, p.containerPort()));
    if (host.isLoopbackAddress()) {
      ways.add(new Way(at, OUTSIDE, Answer.NO, "it is published on loopback alone"));
      ways.add(new Way(at, CONTAINERS, Answer.NO, "it is published on loopback alone"));
    } else if (options.inputPolicy() || !options.firewall() || target.isEmpty()) {
      bySocket(at);
    } else {
      ways.add(
          new Way(
              at,
              OUTSIDE,
              neighbours.warnings().isEmpty() ? Answer.YES : Answer.DEPENDS,
              map("prerouting", p, host, target.get())
                  + "; chain forward accepts what was published"));
      ways.add(
          new Way(
              at,
              CONTAINERS,
              Answer.YES,
              map("prerouting", p, host, target.get())
                  + "; chain forward accepts what was published"));
    }
    boolean socket = options.inputPolicy() || !options.firewall() || target.isEmpty() || ipv6;
    ways.add(
        new Way(
            at,
            HERE,
            Answer.YES,
            socket
                ? "the port's own socket, which the engine holds, and its relay"
                : map("output", p, host, target.orElseThrow())));
  }

  private String map(String chain, PublishedPort p, InetAddress host, String target) {
    boolean ipv6 = host.getAddress().length == 16;
    String map = (ipv6 ? "published6" : "published4") + (host.isAnyLocalAddress() ? "_any" : "");
    return "table inet "
        + firewall.table()
        + ", chain "
        + chain
        + ": map "
        + map
        + " sends "
        + p.protocol()
        + " "
        + p.hostPort()
        + " to "
        + target;
  }

  /// Connections come to a socket of the engine: the host's input rules decide.
  private void bySocket(String at) {
    List<String> chains = neighbours.inputChains();
    String rule =
        chains.isEmpty()
            ? "a socket of the engine; this host has no input rules"
            : "a socket of the engine; the host's input rules decide: " + String.join("; ", chains);
    for (String who : List.of(OUTSIDE, CONTAINERS)) {
      ways.add(new Way(at, who, chains.isEmpty() ? Answer.YES : Answer.DEPENDS, rule));
    }
  }

  // ---- by the container's own address

  private void ownAddress(Endpoint endpoint, Network network, int port) {
    for (boolean ipv6 : new boolean[] {false, true}) {
      String text = ipv6 ? endpoint.ipv6() : endpoint.ipv4();
      if (!text.isEmpty()) {
        ownAddress(address(text, port), network, ipv6);
      }
    }
  }

  private void ownAddress(String at, Network network, boolean ipv6) {
    String others = "containers of network " + network.name();
    if (network.onHostLink()) {
      ways.add(
          new Way(
              at,
              "all on the link of network " + network.name(),
              Answer.YES,
              "packets do not pass this host's rules"));
      return;
    }
    String forward = "table inet " + firewall.table() + ", chain forward: ";
    boolean icc = network.flag(BridgeOptions.ICC, true);
    ways.add(
        new Way(
            at,
            others,
            icc ? Answer.YES : Answer.NO,
            forward
                + "from and to "
                + network.bridge()
                + (icc ? " is accepted" : " is dropped, but for published ports")));
    ways.add(new Way(at, HERE, Answer.YES, "this machine's own packets are not filtered"));
    ways.add(outside(at, network, ipv6, forward));
  }

  private Way outside(String at, Network network, boolean ipv6, String forward) {
    String who = OUTSIDE + " and " + CONTAINERS;
    if (network.internal()) {
      return new Way(
          at,
          who,
          Answer.NO,
          forward + "nothing enters or leaves the internal " + network.bridge());
    }
    return switch (BridgeOptions.mode(network, ipv6)) {
      case NAT_UNPROTECTED ->
          new Way(
              at, who, Answer.YES, forward + "everything to " + network.bridge() + " is accepted");
      case ROUTED ->
          new Way(
              at,
              who,
              Answer.DEPENDS,
              forward + "set " + (ipv6 ? "open6" : "open4") + " has the ports that are published");
      case NAT, ISOLATED ->
          new Way(
              at,
              who,
              BridgeOptions.trusted(network).isEmpty() && !options.further().directRouting()
                  ? Answer.NO
                  : Answer.DEPENDS,
              forward
                  + (BridgeOptions.trusted(network).isEmpty() && !options.further().directRouting()
                      ? "what was not published is dropped"
                      : "set " + (ipv6 ? "open6" : "open4") + " has what trusted links may reach"));
    };
  }

  private static String address(String ip, int port) {
    return (ip.contains(":") ? "[" + ip + "]" : ip) + ":" + port;
  }
}
