package dev.gantry.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// The order in which containers are started with the engine: those first whose namespaces others
/// join or that others link to, then as they were created, so that who takes another's volumes
/// comes after it.
final class StartOrder {
  private final List<Container> wanted;
  private final List<Container> order = new ArrayList<>();
  private final Set<String> seen = new HashSet<>();

  private StartOrder(List<Container> wanted) {
    this.wanted = wanted;
  }

  static List<Container> of(List<Container> wanted) {
    StartOrder order =
        new StartOrder(wanted.stream().sorted(Comparator.comparing(Container::created)).toList());
    order.wanted.forEach(order::add);
    return order.order;
  }

  private void add(Container c) {
    if (!seen.add(c.id())) {
      return;
    }
    ContainerSpec.Modes modes = c.spec().modes();
    Stream<String> joined =
        Stream.of(modes.network(), modes.pid(), modes.ipc())
            .filter(mode -> mode.startsWith("container:"))
            .map(mode -> mode.substring(10));
    Stream<String> linked =
        c.spec().endpoints().stream()
            .flatMap(endpoint -> endpoint.links().stream())
            .map(link -> link.split(":", 2)[0]);
    Stream.concat(joined, linked).map(this::find).flatMap(Optional::stream).forEach(this::add);
    order.add(c);
  }

  private Optional<Container> find(String id) {
    return wanted.stream().filter(c -> c.id().equals(id) || c.name().equals(id)).findFirst();
  }
}
