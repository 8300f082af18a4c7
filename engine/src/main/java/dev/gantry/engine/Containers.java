package dev.gantry.engine;

import dev.gantry.base.Failure;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/// The containers that there are, by id and by name. A name is taken before its container is made.
/// Thread-safe.
final class Containers {
  private final ConcurrentMap<String, Container> byId = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, String> names = new ConcurrentHashMap<>();
  private final Random random = new Random();

  /// Makes a container known whose name nobody has taken yet.
  void add(Container c) {
    byId.put(c.id(), c);
    names.put(c.name(), c.id());
  }

  /// Makes a container known whose name was reserved.
  void addReserved(Container c) {
    byId.put(c.id(), c);
  }

  void remove(Container c) {
    byId.remove(c.id());
    free(c.name(), c.id());
  }

  boolean has(Container c) {
    return byId.containsKey(c.id());
  }

  Collection<Container> all() {
    return byId.values();
  }

  /// All containers, the newest first.
  List<Container> list() {
    return byId.values().stream()
        .sorted(Comparator.comparing(Container::created).reversed())
        .toList();
  }

  /// Finds a container by id, name, or the beginning of its id.
  Optional<Container> find(String text) {
    Container exact = byId.get(text);
    if (exact != null) {
      return Optional.of(exact);
    }
    String name = text.startsWith("/") ? text.substring(1) : text;
    String id = names.get(name);
    if (id != null) {
      return Optional.ofNullable(byId.get(id));
    }
    if (text.isEmpty()) {
      return Optional.empty();
    }
    List<Container> matches = byId.values().stream().filter(c -> c.id().startsWith(text)).toList();
    if (matches.size() > 1) {
      throw new Failure.InvalidRequest("multiple IDs found with provided prefix: " + text);
    }
    return matches.stream().findFirst();
  }

  /// As [#find], with Docker's error where there is none.
  Container require(String text) {
    return find(text).orElseThrow(() -> new Failure.NotFound("No such container: " + text));
  }

  /// Takes the wanted name, else one of our own, for the container that will have this id.
  String reserve(Optional<String> wanted, String id) {
    if (wanted.isPresent() && !wanted.get().isEmpty()) {
      String name = wanted.get().startsWith("/") ? wanted.get().substring(1) : wanted.get();
      take(name, id);
      return name;
    }
    for (int attempt = 0; ; attempt++) {
      String name = Names.random(random, attempt);
      if (names.putIfAbsent(name, id) == null) {
        return name;
      }
    }
  }

  private void take(String name, String id) {
    if (!name.matches("[a-zA-Z0-9][a-zA-Z0-9_.-]+")) {
      throw new Failure.InvalidRequest(
          "Invalid container name (" + name + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    }
    String owner = names.putIfAbsent(name, id);
    if (owner != null) {
      // the real CLI shows this text, and scripts look for "is already in use"
      throw new Failure.Conflict(
          "Conflict. The container name \"/"
              + name
              + "\" is already in use by container \""
              + owner
              + "\". You have to remove (or rename) that container to be able to reuse that name.");
    }
  }

  /// Gives the container another name, which nobody else has; its old one is not free yet.
  void rename(Container c, String name) {
    takeNew(name, c.id());
    c.rename(name);
  }

  /// Gives a name back.
  void free(String name, String id) {
    names.remove(name, id);
  }

  private void takeNew(String name, String id) {
    String prefix = "Error when allocating new name: ";
    try {
      take(name, id);
    } catch (Failure.Conflict e) {
      throw new Failure.Conflict(prefix + e.text(), null, e);
    } catch (Failure.InvalidRequest e) {
      // with the slash that Docker's daemon keeps in front of names
      throw new Failure.InvalidRequest(prefix + e.text().replace("(", "(/"), null, e);
    }
  }
}
