package dev.gantry.testkit;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// What an engine keeps of its networks when it ends, so that containers go on: its firewall table
/// and its bridges. A test takes both away.
final class NetworkLeftovers {
  private static final Path LINKS = Path.of("/sys/class/net");
  private static final Pattern QUOTED = Pattern.compile("\"([^\"]+)\"");

  private NetworkLeftovers() {}

  /// The firewall table of the engine whose bridge is `bridge`.
  static String table(String bridge) {
    return "gantry-" + bridge;
  }

  /// The names of all firewall tables of engines that tests have started.
  static List<String> tables() {
    return nft("list", "tables", "inet")
        .lines()
        .map(line -> line.substring(line.lastIndexOf(' ') + 1))
        .filter(name -> name.startsWith("gantry-gt"))
        .toList();
  }

  /// What is there of table and bridges.
  static List<String> find(String bridge) {
    List<String> found = new ArrayList<>();
    if (tables().contains(table(bridge))) {
      found.add("firewall table " + table(bridge));
    }
    if (Files.exists(LINKS.resolve(bridge))) {
      found.add("link " + bridge);
    }
    return found;
  }

  /// Removes table, bridges and the links on them. The engine must have ended: it would put its
  /// table back.
  static void remove(String bridge) {
    for (String link : bridges(bridge)) {
      members(link).forEach(member -> Command.of("ip", "link", "delete", member).run());
      if (Files.exists(LINKS.resolve(link))) {
        Command.of("ip", "link", "delete", link).run();
      }
    }
    if (tables().contains(table(bridge))) {
      nft("delete", "table", "inet", table(bridge));
    }
  }

  /// All bridges of the engine: the table has them in a set.
  static List<String> bridges(String bridge) {
    List<String> all = new ArrayList<>(List.of(bridge));
    if (tables().contains(table(bridge))) {
      String set = nft("list", "set", "inet", table(bridge), "bridges");
      Matcher names = QUOTED.matcher(set.substring(set.indexOf('{')));
      while (names.find()) {
        if (!all.contains(names.group(1))) {
          all.add(names.group(1));
        }
      }
    }
    return all;
  }

  /// The links on a bridge.
  static List<String> members(String bridge) {
    Path folder = LINKS.resolve(bridge).resolve("brif");
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(p -> p.getFileName().toString()).toList();
    } catch (java.io.IOException | java.io.UncheckedIOException e) {
      return List.of(); // the bridge went away
    }
  }

  private static String nft(String... words) {
    Optional<Path> program = Needs.find("nft");
    if (program.isEmpty()) {
      return ""; // then there is none of ours either: the tests of networks need it
    }
    List<String> all = new ArrayList<>(List.of(program.get().toString()));
    all.addAll(List.of(words));
    return Command.of(all).run().out();
  }
}
