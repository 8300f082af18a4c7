package dev.gantry.recipes;

import java.util.ArrayList;
import java.util.List;

/// How an image is made of a source tree.
///
/// @param title what the tree is, as "a Maven project"
/// @param recognised what tells so and what was found in it, a line each
/// @param holds what the image consists of, a line each
/// @param name for services: lower-case letters, digits and hyphens
/// @param port where the program is expected to listen, 1 to 65535
public record Recipe(
    String title,
    List<String> recognised,
    List<String> holds,
    String name,
    int port,
    String dockerfile,
    String dockerignore) {
  public Recipe {
    recognised = List.copyOf(recognised);
    holds = List.copyOf(holds);
  }

  /// The images that it stands on, by name.
  public List<String> bases() {
    return dockerfile
        .lines()
        .filter(line -> line.startsWith("FROM "))
        .map(line -> line.split(" ")[1])
        .filter(name -> !name.equals("scratch") && !dockerfile.contains(" AS " + name + "\n"))
        .distinct()
        .toList();
  }

  /// The same, saying what else was found.
  Recipe beside(List<String> others) {
    List<String> said = new ArrayList<>(recognised);
    said.add("also there: " + String.join(", ", others));
    return new Recipe(title, said, holds, name, port, dockerfile, dockerignore);
  }

  /// A Compose file with the one service.
  public String compose() {
    return """
    services:
      %s:
        build: .
        image: %s
        ports:
          - "%d:%d"
        read_only: true
        tmpfs:
          - /tmp
        cap_drop:
          - ALL
        restart: unless-stopped
    """
        .formatted(name, name, port, port);
  }
}
