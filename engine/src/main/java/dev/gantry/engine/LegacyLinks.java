package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.network.Attachment;
import dev.gantry.network.Endpoint;
import dev.gantry.network.EndpointRequest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// `--link` on the default bridge, which has no name server: lines in `/etc/hosts` and variables in
/// the environment, as of the container's start. On user networks links are names like others.
final class LegacyLinks {
  private static final String BRIDGE = "bridge";
  private static final Set<String> NOT_PASSED_ON = Set.of("PATH", "HOME", "HOSTNAME");

  /// A container by the name that another calls it.
  record Link(String alias, Container target, Endpoint endpoint) {}

  private LegacyLinks() {}

  /// The links of `c`; each target must run.
  static List<Link> of(Engine engine, Container c) {
    List<Link> links = new ArrayList<>();
    for (EndpointRequest wish : c.spec().endpoints()) {
      if (!wish.network().equals(BRIDGE)) {
        continue;
      }
      for (String text : wish.links()) {
        String[] parts = text.split(":", 2);
        String alias = parts.length == 2 ? parts[1] : parts[0];
        Container target = engine.require(parts[0]);
        if (target.attachment().isPresent() && onlyElsewhere(target)) {
          throw new Failure.InvalidRequest(
              "container " + target.id() + " not attached to default bridge network");
        }
        Endpoint endpoint =
            target.attachment().map(Attachment::endpoints).stream()
                .flatMap(List::stream)
                .filter(e -> e.network().equals(BRIDGE))
                .findFirst()
                .orElseThrow(
                    () ->
                        new Failure.Internal(
                            "Cannot link to a non running container: /"
                                + target.name()
                                + " AS /"
                                + c.name()
                                + "/"
                                + alias));
        links.add(new Link(alias, target, endpoint));
      }
    }
    return links;
  }

  /// Forgets the link that `c` calls by `alias`; what a running container has of it stays until its
  /// next start.
  static void remove(Engine engine, Container c, String alias) {
    c.verbs.lock();
    try {
      List<EndpointRequest> wishes = new ArrayList<>();
      for (EndpointRequest wish : c.spec().endpoints()) {
        boolean here = wish.network().equals(BRIDGE);
        wishes.add(
            here
                ? wish.withLinks(
                    wish.links().stream()
                        .filter(l -> !l.substring(l.indexOf(':') + 1).equals(alias))
                        .toList())
                : wish);
      }
      if (wishes.equals(c.spec().endpoints())) {
        throw new Failure.NotFound("No such container: " + c.name() + "/" + alias);
      }
      c.update(c.spec().withEndpoints(wishes));
      engine.note(c);
    } finally {
      c.verbs.unlock();
    }
  }

  private static boolean onlyElsewhere(Container target) {
    return target.attachment().map(Attachment::endpoints).stream()
        .flatMap(List::stream)
        .noneMatch(e -> e.network().equals(BRIDGE));
  }

  /// A line of `/etc/hosts`: address, alias, host name, container name.
  static String hostsLine(Link link) {
    Stream<String> names =
        Stream.of(link.alias(), link.target().spec().hostname(), link.target().name());
    return link.endpoint().ipv4() + "\t" + String.join(" ", names.distinct().toList()) + "\n";
  }

  /// The variables for container `c`.
  static List<String> environment(Container c, List<Link> links) {
    List<String> variables = new ArrayList<>();
    for (Link link : links) {
      String prefix = link.alias().toUpperCase(java.util.Locale.ROOT).replace('-', '_');
      String address = link.endpoint().ipv4();
      List<Port> ports = ports(link.target());
      if (!ports.isEmpty()) {
        variables.add(prefix + "_PORT=" + ports.getFirst().url(address));
      }
      for (Port port : ports) {
        String of =
            prefix
                + "_PORT_"
                + port.number()
                + "_"
                + port.protocol().toUpperCase(java.util.Locale.ROOT);
        variables.add(of + "=" + port.url(address));
        variables.add(of + "_ADDR=" + address);
        variables.add(of + "_PORT=" + port.number());
        variables.add(of + "_PROTO=" + port.protocol());
      }
      variables.add(prefix + "_NAME=/" + c.name() + "/" + link.alias());
      for (String variable : link.target().spec().environment()) {
        int equals = variable.indexOf('=');
        if (equals > 0 && !NOT_PASSED_ON.contains(variable.substring(0, equals))) {
          variables.add(prefix + "_ENV_" + variable);
        }
      }
    }
    return variables;
  }

  private record Port(int number, String protocol) {
    String url(String address) {
      return protocol + "://" + address + ":" + number;
    }
  }

  /// The exposed ports, tcp first, the lowest first.
  private static List<Port> ports(Container target) {
    List<Port> ports = new ArrayList<>();
    target
        .spec()
        .wire()
        .object("Config")
        .flatMap(config -> config.object("ExposedPorts"))
        .map(Json.JsonObject::members)
        .ifPresent(
            exposed -> {
              for (String text : exposed.keySet()) {
                String[] parts = text.split("/", 2);
                if (parts[0].matches("\\d{1,5}")) {
                  ports.add(
                      new Port(Integer.parseInt(parts[0]), parts.length == 2 ? parts[1] : "tcp"));
                }
              }
            });
    ports.sort(Comparator.comparing(Port::protocol).thenComparingInt(Port::number));
    return ports;
  }
}
