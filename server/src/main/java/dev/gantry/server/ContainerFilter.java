package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerState;
import dev.gantry.engine.Engine;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// Which containers a list shall hold: all of the filters' conditions, checked as they are read.
final class ContainerFilter {
  private static final Set<String> KNOWN =
      Set.of(
          "ancestor",
          "annotation",
          "before",
          "expose",
          "exited",
          "health",
          "id",
          "is-task",
          "isolation",
          "label",
          "name",
          "network",
          "publish",
          "since",
          "status",
          "volume");
  private static final List<String> STATES =
      List.of("created", "running", "paused", "restarting", "removing", "exited", "dead");
  private static final List<String> HEALTH = List.of("none", "starting", "healthy", "unhealthy");

  private final List<Predicate<Container>> conditions = new ArrayList<>();
  private final Engine engine;
  private final Filters filters;

  private ContainerFilter(Engine engine, Filters filters) {
    this.engine = engine;
    this.filters = filters.only(KNOWN);
  }

  /// @param all those that do not run as well
  static ContainerFilter of(Engine engine, Filters filters, boolean all) {
    ContainerFilter f = new ContainerFilter(engine, filters);
    f.states(all);
    f.names();
    f.order();
    f.images();
    f.places();
    f.ports();
    return f;
  }

  boolean matches(Container c) {
    return conditions.stream().allMatch(condition -> condition.test(c));
  }

  private void any(String key, java.util.function.BiPredicate<Container, String> condition) {
    if (filters.has(key)) {
      List<String> values = filters.get(key);
      conditions.add(c -> values.stream().anyMatch(v -> condition.test(c, v)));
    }
  }

  private static Failure invalid(String key, String value, String why) {
    return new Failure.InvalidRequest("invalid filter '" + key + "=" + value + "': " + why);
  }

  private void oneOf(String key, String noun, List<String> known) {
    for (String value : filters.get(key)) {
      if (!known.contains(value)) {
        throw invalid(
            key,
            value,
            "invalid value for "
                + noun
                + " ("
                + value
                + "): must be one of "
                + String.join(", ", known));
      }
    }
  }

  private void states(boolean all) {
    oneOf("status", "state", STATES);
    oneOf("health", "health", HEALTH);
    for (String code : filters.get("exited")) {
      if (!code.matches("[+-]?[0-9]{1,9}")) {
        throw invalid(
            "exited", code, "strconv.Atoi: parsing " + Json.of(code).text() + ": invalid syntax");
      }
    }
    if (!all && !filters.has("status")) {
      conditions.add(
          c ->
              c.state() instanceof ContainerState.Live
                  || c.state() instanceof ContainerState.Restarting);
    }
    any("status", (c, status) -> c.state().word().equals(status));
    any("health", (c, health) -> ContainerJson.health(c).equals(health));
    any(
        "exited",
        (c, code) ->
            c.state() instanceof ContainerState.Exited e && e.exitCode() == Integer.parseInt(code));
    if (filters.has("is-task") && filters.bool("is-task")) {
      conditions.add(c -> false); // there is no swarm
    }
  }

  private void names() {
    any("id", (c, id) -> c.id().startsWith(id));
    any("name", (c, name) -> found(name, c.name()));
    conditions.add(c -> filters.labels("label", c.spec().labels()));
    conditions.add(c -> filters.labels("annotation", annotations(c)));
  }

  private static Map<String, String> annotations(Container c) {
    return c.spec()
        .wire()
        .object("HostConfig")
        .map(host -> host.stringMap("Annotations"))
        .orElse(Map.of());
  }

  private static boolean found(String pattern, String name) {
    try {
      Pattern compiled = Pattern.compile(pattern);
      return compiled.matcher("/" + name).find() || compiled.matcher(name).find();
    } catch (PatternSyntaxException e) {
      return name.contains(pattern);
    }
  }

  /// Before and since look at all containers; what is left out by state stays out.
  private void order() {
    for (String ref : filters.get("before")) {
      Container other = engine.require(ref);
      conditions.add(c -> c.created().isBefore(other.created()));
    }
    for (String ref : filters.get("since")) {
      Container other = engine.require(ref);
      conditions.add(c -> c.created().isAfter(other.created()));
    }
  }

  private void images() {
    if (!filters.has("ancestor")) {
      return;
    }
    Set<String> ids = new HashSet<>();
    for (String name : filters.get("ancestor")) {
      engine.images().find(name).ifPresent(i -> ids.add(i.id().toString()));
    }
    conditions.add(c -> ids.contains(c.spec().imageId()));
  }

  private void places() {
    any(
        "volume",
        (c, volume) ->
            ContainerJson.mounts(engine, c).items().stream()
                .map(m -> (Json.JsonObject) m)
                .anyMatch(
                    m ->
                        volume.equals(m.string("Name", ""))
                            || volume.equals(m.string("Source", ""))
                            || volume.equals(m.string("Destination", ""))));
    any(
        "network",
        (c, network) ->
            c.spec().modes().network().equals(network)
                || c.attachment().stream()
                    .flatMap(a -> a.endpoints().stream())
                    .anyMatch(
                        e -> network.equals(e.network()) || e.networkId().startsWith(network)));
  }

  // ---- ports

  private record Ports(int from, int to, String protocol) {
    boolean has(int port, String kind) {
      return port >= from && port <= to && protocol.equals(kind);
    }
  }

  private void ports() {
    List<Ports> published = filters.get("publish").stream().map(v -> ports("publish", v)).toList();
    if (!published.isEmpty()) {
      conditions.add(
          c ->
              c.attachment().stream()
                  .flatMap(a -> a.ports().stream())
                  .anyMatch(
                      p -> published.stream().anyMatch(w -> w.has(p.hostPort(), p.protocol()))));
    }
    List<Ports> exposed = filters.get("expose").stream().map(v -> ports("expose", v)).toList();
    if (!exposed.isEmpty()) {
      conditions.add(
          c ->
              exposed(c).stream()
                  .map(text -> text.split("/", 2))
                  .anyMatch(
                      p ->
                          p[0].matches("[0-9]{1,5}")
                              && exposed.stream()
                                  .anyMatch(
                                      w ->
                                          w.has(
                                              Integer.parseInt(p[0]),
                                              p.length > 1 ? p[1] : "tcp"))));
    }
  }

  private static Set<String> exposed(Container c) {
    Optional<Json.JsonObject> ports =
        c.spec().wire().object("Config").flatMap(x -> x.object("ExposedPorts"));
    return ports.map(o -> o.members().keySet()).orElse(Set.of());
  }

  /// `80`, `80/udp`, `80-90/tcp`.
  private static Ports ports(String key, String text) {
    String[] parts = text.split("/", 2);
    String[] ends = parts[0].split("-", 2);
    for (String end : ends) {
      if (!end.matches("[0-9]{1,5}")) {
        throw new Failure.InvalidRequest(
            "error while looking up for "
                + key
                + " "
                + text
                + ": strconv.ParseUint: parsing "
                + Json.of(end).text()
                + ": invalid syntax");
      }
    }
    return new Ports(
        Integer.parseInt(ends[0]),
        Integer.parseInt(ends[ends.length - 1]),
        parts.length > 1 ? parts[1] : "tcp");
  }
}
