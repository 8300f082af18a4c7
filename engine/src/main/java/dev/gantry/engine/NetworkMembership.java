package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.network.Attachment;
import dev.gantry.network.Endpoint;
import dev.gantry.network.EndpointRequest;
import dev.gantry.network.Network;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Connects containers to networks after their creation, and takes them off: at once when they run,
/// at their next start otherwise. What was asked stays with the container. The texts are Docker's.
final class NetworkMembership {
  private final Engine engine;

  NetworkMembership(Engine engine) {
    this.engine = engine;
  }

  void connect(Container c, EndpointRequest wish) {
    c.verbs.lock();
    try {
      refuseShared(c);
      Network network = known(wish.network());
      List<Endpoint> before = endpoints(c);
      boolean runs = c.state() instanceof ContainerState.Live;
      if (c.state() instanceof ContainerState.Live live) {
        c.attached(engine.networks().connect(NetworkFiles.request(c), live.pid(), wish));
      } else {
        engine.networks().check(wish);
        refuseTwice(c, network);
      }
      List<EndpointRequest> wishes = new ArrayList<>(wishes(c));
      wishes.add(wish);
      c.update(c.spec().withEndpoints(wishes));
      engine.note(c);
      if (runs) {
        List<Endpoint> come = new ArrayList<>(endpoints(c));
        come.removeAll(before);
        new NetworkFiles(engine).follow(c, List.of(), come);
        tell(c, network, "connect");
      }
    } finally {
      c.verbs.unlock();
    }
  }

  private static List<Endpoint> endpoints(Container c) {
    return c.attachment().map(Attachment::endpoints).orElse(List.of());
  }

  void disconnect(Container c, String nameOrId) {
    c.verbs.lock();
    try {
      Network network = engine.networks().find(nameOrId);
      String mode = c.spec().modes().network();
      if (network.name().equals("host") && mode.equals("host")) {
        throw new Failure.InvalidRequest(
            "cannot disconnect container from host network - container was created in host"
                + " network mode");
      }
      List<Endpoint> gone = new ArrayList<>(endpoints(c));
      boolean runs = c.state() instanceof ContainerState.Live;
      if (c.state() instanceof ContainerState.Live live) {
        takeOff(c, live, network);
      } else if (wishes(c).stream().noneMatch(wish -> names(wish, network))) {
        throw new Failure.Internal(
            "container " + c.id() + " is not connected to network " + network.name());
      } else {
        forget(c, network);
      }
      engine.note(c);
      if (runs) {
        gone.removeAll(endpoints(c));
        new NetworkFiles(engine).follow(c, gone, List.of());
        tell(c, network, "disconnect");
      }
    } finally {
      c.verbs.unlock();
    }
  }

  /// On record first: where the engine's end comes between, the link is nobody's, and the next
  /// engine removes it.
  private void takeOff(Container c, ContainerState.Live live, Network network) {
    ContainerSpec before = c.spec();
    Optional<Attachment> had = c.attachment();
    forget(c, network);
    c.attached(had.map(a -> a.without(network.name())).orElse(null));
    engine.note(c);
    try {
      c.attached(engine.networks().disconnect(c.id(), live.pid(), network.id()));
    } catch (Failure e) {
      c.update(before);
      c.attached(had.orElse(null));
      engine.note(c);
      throw e;
    }
  }

  private static void forget(Container c, Network network) {
    c.update(
        c.spec().withEndpoints(wishes(c).stream().filter(wish -> !names(wish, network)).toList()));
  }

  private static void refuseShared(Container c) {
    String mode = c.spec().modes().network();
    if (mode.equals("host") || mode.startsWith("container:")) {
      throw new Failure.InvalidRequest(
          "container sharing network namespace with another container or host cannot be connected"
              + " to any other network");
    }
    if (mode.equals("none")) {
      throw new Failure.InvalidRequest(
          "container cannot be connected to multiple networks with one of the networks in private"
              + " (none) mode");
    }
  }

  private Network known(String nameOrId) {
    try {
      return engine.networks().find(nameOrId);
    } catch (Failure.NotFound e) {
      throw new Failure.Internal("invalid cluster node while attaching to network", e);
    }
  }

  private void refuseTwice(Container c, Network network) {
    if (wishes(c).stream().anyMatch(wish -> names(wish, network))) {
      throw new Failure.Forbidden(
          "endpoint with name " + c.name() + " already exists in network " + network.name());
    }
  }

  private static List<EndpointRequest> wishes(Container c) {
    List<EndpointRequest> own = c.spec().endpoints();
    return own.isEmpty() ? List.of(EndpointRequest.of(c.spec().modes().network())) : own;
  }

  private static boolean names(EndpointRequest wish, Network network) {
    return wish.network().equals(network.name()) || wish.network().equals(network.id());
  }

  private void tell(Container c, Network network, String action) {
    engine
        .events()
        .publish(
            "network",
            action,
            network.id(),
            Map.of("container", c.id(), "name", network.name(), "type", network.driver()));
  }
}
