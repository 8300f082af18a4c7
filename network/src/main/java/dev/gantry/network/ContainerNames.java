package dev.gantry.network;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// Who is called what, seen from one container: the names of those on its own user networks.
///
/// @param all the container itself first, then everybody else
record ContainerNames(List<Attachment> all) {
  /// The addresses of `name` in one family; empty when nobody is called so, an empty list when who
  /// is has none of that family.
  Optional<List<InetAddress>> resolve(String name, boolean ipv6) {
    if (all.isEmpty()) {
      return Optional.empty();
    }
    Set<InetAddress> found = new LinkedHashSet<>();
    boolean known = false;
    for (Endpoint own : all.getFirst().endpoints()) {
      if (own.names().isEmpty()) {
        continue;
      }
      String target = linked(own, name);
      for (Attachment other : all) {
        for (Endpoint endpoint : other.endpoints()) {
          if (endpoint.networkId().equals(own.networkId()) && isCalled(endpoint, target)) {
            known = true;
            Cidr.literal(ipv6 ? endpoint.ipv6() : endpoint.ipv4()).ifPresent(found::add);
          }
        }
      }
    }
    return known ? Optional.of(new ArrayList<>(found)) : Optional.empty();
  }

  /// What a link's alias stands for on this endpoint; other names stay.
  private static String linked(Endpoint own, String name) {
    for (String link : own.links()) {
      String[] parts = link.split(":", 2);
      if (parts.length == 2 && parts[1].equalsIgnoreCase(name)) {
        return parts[0].toLowerCase(Locale.ROOT);
      }
    }
    return name;
  }

  private static boolean isCalled(Endpoint endpoint, String name) {
    String suffix = "." + endpoint.network().toLowerCase(Locale.ROOT);
    String plain =
        name.endsWith(suffix) ? name.substring(0, name.length() - suffix.length()) : name;
    return endpoint.names().stream()
        .anyMatch(own -> own.equalsIgnoreCase(name) || own.equalsIgnoreCase(plain));
  }

  /// The name of the container that has `address` on a network shared with this one.
  Optional<String> nameOf(InetAddress address) {
    String text = Cidr.text(address);
    if (all.isEmpty()) {
      return Optional.empty();
    }
    for (Endpoint own : all.getFirst().endpoints()) {
      for (Attachment other : all) {
        for (Endpoint endpoint : other.endpoints()) {
          if (!endpoint.names().isEmpty()
              && endpoint.networkId().equals(own.networkId())
              && (endpoint.ipv4().equals(text) || endpoint.ipv6().equals(text))) {
            return Optional.of(endpoint.names().getFirst() + "." + endpoint.network());
          }
        }
      }
    }
    return Optional.empty();
  }

  /// Whether this container may ask the outside: one on internal networks only may not.
  boolean reachesOutside() {
    return !all.isEmpty()
        && all.getFirst().endpoints().stream()
            .anyMatch(e -> !e.ipv4Gateway().isEmpty() || !e.ipv6Gateway().isEmpty());
  }
}
