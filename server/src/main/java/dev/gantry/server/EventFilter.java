package dev.gantry.server;

import dev.gantry.engine.Events;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/// Which events a client wants. As Docker's daemon has it, a name is a prefix of the id or of the
/// name of whatever an event is about, an image is meant exactly, and unknown keys are overlooked.
record EventFilter(Filters filters) implements Predicate<Events.Event> {
  private static final List<String> NAMES =
      List.of(
          "container",
          "volume",
          "network",
          "daemon",
          "plugin",
          "node",
          "service",
          "secret",
          "config");

  static EventFilter parse(String text) {
    return new EventFilter(Filters.parse(text));
  }

  @Override
  public boolean test(Events.Event e) {
    return filters.matches("type", e.type())
        && filters.matches("scope", "local")
        && isAction(e.action())
        && NAMES.stream().allMatch(key -> isAbout(key, e))
        && isOfImage(e)
        && filters.labels("label", e.attributes());
  }

  /// `exec_start` stands for `exec_start: COMMAND` too.
  private boolean isAction(String action) {
    return !filters.has("event")
        || filters.get("event").stream()
            .anyMatch(wanted -> action.equals(wanted) || action.startsWith(wanted + ":"));
  }

  private boolean isAbout(String key, Events.Event e) {
    String name = e.attributes().getOrDefault("name", "");
    return !filters.has(key)
        || filters.get(key).stream()
            .anyMatch(wanted -> e.id().startsWith(wanted) || name.startsWith(wanted));
  }

  private boolean isOfImage(Events.Event e) {
    Map<String, String> attributes = e.attributes();
    String name = attributes.getOrDefault(e.type().equals("image") ? "name" : "image", "");
    return !filters.has("image")
        || filters.get("image").stream()
            .anyMatch(
                wanted -> List.of(e.id(), name, untagged(e.id()), untagged(name)).contains(wanted));
  }

  private static String untagged(String name) {
    int colon = name.lastIndexOf(':');
    return colon > name.lastIndexOf('/') ? name.substring(0, colon) : name;
  }
}
