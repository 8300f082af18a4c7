package dev.gantry.conformance.rows;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Each endpoint of the Engine API is called with each of its parameters, each field is set or
/// read, each filter finds something and something not. What shows a row stands in the files of
/// `rows/`: conversations (`*.txt`), `create.tsv` and `filters.tsv`; `elsewhere.tsv` has the rows
/// that another test shows and those that are not ours, with the reason. Where the inventories lie
/// beside the tree, none of their rows may be without.
@ExtendWith(EngineExtension.class)
class ApiRowsIT {
  private static final List<String> CONVERSATIONS =
      List.of(
          "containers.txt", "images.txt", "networks.txt", "volumes.txt", "system.txt", "none.txt");
  private static final Pattern VERSION = Pattern.compile("^/v1\\.[0-9]+");

  private static final List<String> faults = new ArrayList<>();
  private static final Set<String> shown = new TreeSet<>();
  private static @Nullable RegistryServer registry;
  private static @Nullable Player player;

  /// Method and path of an endpoint, and how its requests look.
  private record Endpoint(String name, Pattern path, List<String> parameters) {
    static Endpoint of(String[] columns) {
      String regex =
          Stream.of(columns[1].split("(?<=})|(?=\\{)"))
              .map(part -> part.startsWith("{") ? ".+" : Pattern.quote(part))
              .collect(Collectors.joining());
      return new Endpoint(
          columns[0] + " " + columns[1],
          Pattern.compile(regex),
          columns[2].isEmpty() ? List.of() : List.of(columns[2].split(",")));
    }

    boolean isOf(Exchange exchange) {
      return name.startsWith(exchange.method() + " ")
          && path.matcher(plain(exchange.target())).matches();
    }
  }

  @BeforeAll
  static void talk(Engine engine) {
    engine.busybox();
    RegistryServer server = RegistryServer.gantry();
    registry = server;
    Player talker = player(engine);
    talker.keep("REGISTRY", server.address());
    CONVERSATIONS.forEach(talker::play);
    faults.addAll(talker.faults());
    shown.addAll(talker.rows());
    player = talker;
  }

  private static Player player(Engine engine) {
    Player player = new Player(engine);
    int own = Integer.parseInt(engine.bridgeAddress().split("\\.")[1]); // this process's alone
    player.keep("ENGINE", engine.name());
    player.keep("FOLDER", engine.folder().toString());
    player.keep("DISK", disk());
    player.keep("NET", "198.18." + own);
    player.keep("NET9", "198.18." + (own - 100));
    player.keep("NET7", "198.19." + own);
    player.keep("NET8", "198.19." + (own - 100));
    player.keep("NET6", Integer.toHexString(own));
    return player;
  }

  /// Any block device, for limits that only have to be kept.
  private static String disk() {
    try (Stream<Path> all = Files.list(Path.of("/sys/block"))) {
      return all.map(p -> Path.of("/dev").resolve(p.getFileName()))
          .filter(Files::exists)
          .findFirst()
          .orElse(Path.of("/dev/null"))
          .toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @AfterAll
  static void forget() {
    RegistryServer server = registry;
    if (server != null) {
      server.close();
      registry = null;
    }
    player = null;
    faults.clear();
    shown.clear();
  }

  @Test
  void conversationsGoAsWritten() {
    assertEquals("", String.join("\n", faults));
  }

  @Test
  void whatIsAskedForAtCreationIsKeptAndFelt(Engine engine) {
    List<String> wrong = new ArrayList<>(talk("create.txt"));
    CreateRow.all(player()::filled).forEach(row -> wrong.addAll(row.faults(engine)));
    Command.of(
            "find", "/sys/fs/cgroup", "-depth", "-path", "*/" + engine.name() + "/below", "-delete")
        .run();
    assertEquals("", String.join("\n", wrong));
  }

  @Test
  void filtersFindAndLeaveOut(Engine engine) throws IOException {
    List<String> wrong = new ArrayList<>(talk("filters.txt"));
    readSettingsAgain(engine);
    FilterRow.all().forEach(row -> wrong.addAll(row.faults(engine, player())));
    assertEquals("", String.join("\n", wrong));
  }

  @Test
  void everyKindOfEventHasItsAttributes(Engine engine) {
    readSettingsAgain(engine);
    assertEquals("", String.join("\n", talk("events.txt")));
  }

  /// What dockerd sent while it was recorded, and what else Docker's documentation names.
  @Test
  void everyRecordedKindOfEventIsAmongThem() throws IOException {
    Set<String> asked =
        Exchange.parse(Table.text("events.txt")).stream()
            .flatMap(e -> e.checks().stream().map(Exchange.Check::row))
            .collect(Collectors.toSet());
    assertEquals(
        List.of(),
        Table.lines("events.tsv", 1).stream()
            .map(c -> "event " + c[0])
            .filter(row -> !asked.contains(row))
            .toList());
  }

  private static Player player() {
    return Objects.requireNonNull(player);
  }

  private static List<String> talk(String name) {
    int before = player().faults().size();
    player().play(name);
    return player().faults().subList(before, player().faults().size());
  }

  /// An event of its own. Rows ask for events until the second before, so that the answer ends.
  private static void readSettingsAgain(Engine engine) {
    Command.of("kill", "-HUP", Long.toString(engine.pid())).run().succeeded();
    long second = System.currentTimeMillis() / 1000 + 1;
    Eventually.within(
        Duration.ofMinutes(1),
        "the settings are read again",
        () ->
            System.currentTimeMillis() / 1000 > second
                && engine.get("/events?since=1&until=" + second).text().contains("\"reload\""));
  }

  // ---- no row is left out

  private static String plain(String target) {
    return VERSION.matcher(target.split("\\?", 2)[0]).replaceFirst("");
  }

  /// Those whose paths have the most fixed letters first: `/images/json` before `/images/{name}`.
  private static List<Endpoint> endpoints() {
    List<Endpoint> all = new ArrayList<>();
    try (var in = ApiRowsIT.class.getResourceAsStream("/fuzz/endpoints.tsv")) {
      new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .forEach(line -> all.add(Endpoint.of(line.split("\t", -1))));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    all.sort(Comparator.comparing(e -> -e.name().replaceAll("\\{[^}]*}", "").length()));
    return all;
  }

  /// Rows of another place, and what shows them: a test, or why nothing does.
  private static Map<String, String> elsewhere() {
    Map<String, String> all = new LinkedHashMap<>();
    Table.lines("elsewhere.tsv", 2).forEach(c -> all.put(c[0], c[1]));
    return all;
  }

  private static boolean isElsewhere(String row) {
    return elsewhere().keySet().stream()
        .anyMatch(
            key ->
                key.endsWith("*")
                    ? row.startsWith(key.substring(0, key.length() - 1))
                    : row.equals(key));
  }

  @Test
  void everyEndpointIsCalledWithEachParameter() {
    Map<String, Set<String>> asked = new HashMap<>();
    List<Endpoint> endpoints = endpoints();
    List<Exchange> exchanges = new ArrayList<>();
    List<String> all = new ArrayList<>(CONVERSATIONS);
    all.add("filters.txt");
    all.add("events.txt");
    for (String name : all) {
      exchanges.addAll(Exchange.parse(Table.text(name)));
    }
    for (Exchange exchange : exchanges) {
      Optional<Endpoint> endpoint = endpoints.stream().filter(e -> e.isOf(exchange)).findFirst();
      endpoint.ifPresent(
          e -> asked.computeIfAbsent(e.name(), n -> new HashSet<>()).addAll(queried(exchange)));
    }
    FilterRow.all()
        .forEach(
            row ->
                asked
                    .computeIfAbsent("GET " + plain(row.path()), n -> new HashSet<>())
                    .add("filters"));
    List<String> missing = new ArrayList<>();
    for (Endpoint endpoint : endpoints) {
      if (!isElsewhere(endpoint.name())) {
        Set<String> with = asked.get(endpoint.name());
        if (with == null) {
          missing.add(endpoint.name());
        } else {
          endpoint.parameters().stream()
              .filter(p -> !with.contains(p) && !isElsewhere(endpoint.name() + " " + p))
              .forEach(p -> missing.add(endpoint.name() + " " + p));
        }
      }
    }
    assertEquals("", String.join("\n", missing), "nothing calls");
  }

  private static List<String> queried(Exchange exchange) {
    String[] parts = exchange.target().split("\\?", 2);
    return parts.length < 2
        ? List.of()
        : Stream.of(parts[1].split("&")).map(p -> p.split("=", 2)[0]).toList();
  }

  @Test
  void everyFieldIsShown() throws IOException {
    Set<String> all = new TreeSet<>(shown);
    CreateRow.all(text -> text).forEach(row -> all.addAll(row.rows()));
    List<String> rows =
        Files.readAllLines(Needs.shared("features/api-fields.tsv")).stream()
            .skip(1)
            .map(line -> line.split("\t")[0])
            .toList();
    assertEquals(
        "",
        rows.stream()
            .filter(row -> !all.contains(row) && !isElsewhere(row))
            .collect(Collectors.joining("\n")),
        "nothing shows");
    all.removeAll(rows);
    assertEquals(Set.of(), all, "no rows of the inventory");
  }

  @Test
  void everyFilterIsUsed() throws IOException {
    Set<String> used = new HashSet<>();
    FilterRow.all().forEach(row -> used.add("GET " + plain(row.path()) + " " + row.filter()));
    for (Exchange exchange : Exchange.parse(Table.text("filters.txt"))) {
      exchange.checks().forEach(check -> used.add(check.row()));
    }
    assertEquals(
        "",
        Files.readAllLines(Needs.shared("features/api-filters.tsv")).stream()
            .skip(1)
            .map(line -> line.replace('\t', ' '))
            .filter(row -> !used.contains(row) && !isElsewhere(row))
            .collect(Collectors.joining("\n")),
        "nothing uses");
  }

  /// `Class#method` is there.
  @Test
  void testsElsewhereExist() throws IOException {
    Map<String, String> sources = new HashMap<>();
    try (Stream<Path> files = Files.walk(Needs.tree().resolve("tests"))) {
      for (Path file : files.filter(f -> f.toString().endsWith("IT.java")).toList()) {
        sources.put(file.getFileName().toString().replace(".java", ""), Files.readString(file));
      }
    }
    List<String> missing = new ArrayList<>();
    elsewhere()
        .forEach(
            (row, place) -> {
              String[] test = place.split("#");
              boolean there =
                  place.startsWith("not: ")
                      || test.length == 2
                          && sources.getOrDefault(test[0], "").contains(" " + test[1] + "(");
              if (!there) {
                missing.add(row + ": " + place);
              }
            });
    assertEquals(List.of(), missing);
    assertEquals(
        List.of(),
        elsewhere().keySet().stream().filter(key -> Arrays.asList("", "*").contains(key)).toList());
  }
}
