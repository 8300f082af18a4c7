package dev.gantry.conformance.build;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Each row of the inventory of Dockerfiles and builds is shown by a case of the corpus or by a
/// test, or it says why not (`build/rows.tsv`); what is named there exists.
class BuildRowsIT {
  private static final int MOST_NOT = 0;
  private static final List<String> SOURCES =
      List.of("tests/integration", "tests/conformance", "dockerfile", "build", "buildkit");

  @Test
  void everyRowIsShown() throws IOException {
    Map<String, String> places = places();
    List<String> rows =
        Files.readAllLines(Needs.shared("features/dockerfile.tsv")).stream()
            .skip(1)
            .map(line -> line.split("\t")[0])
            .toList();
    List<String> faults = new ArrayList<>();
    int not = 0;
    for (String row : rows) {
      Optional<String> place =
          places.entrySet().stream()
              .filter(e -> fits(e.getKey(), row))
              .map(Map.Entry::getValue)
              .findFirst();
      if (place.isEmpty()) {
        faults.add("nothing shows " + row);
      } else if (place.get().startsWith("not: ")) {
        not++;
      }
    }
    assertEquals("", String.join("\n", faults));
    assertEquals(MOST_NOT, Math.max(MOST_NOT, not), "more rows are not shown than before");
  }

  @Test
  void whatShowsARowExists() throws IOException {
    Set<String> cases = CorpusCase.all().stream().map(CorpusCase::name).collect(Collectors.toSet());
    Map<String, String> sources = sources();
    List<String> faults = new ArrayList<>();
    places()
        .forEach(
            (row, place) -> {
              String[] words = place.split(" ", 2);
              boolean there =
                  switch (words[0]) {
                    case "corpus" -> cases.contains(words[1]);
                    case "test" -> has(sources, words[1]);
                    default -> words[0].equals("not:");
                  };
              if (!there) {
                faults.add(row + ": there is no " + place);
              }
            });
    assertEquals("", String.join("\n", faults));
  }

  private static boolean fits(String pattern, String row) {
    return pattern.endsWith("*")
        ? row.startsWith(pattern.substring(0, pattern.length() - 1))
        : pattern.equals(row);
  }

  private static boolean has(Map<String, String> sources, String test) {
    String[] parts = test.split("#");
    String source = sources.getOrDefault(parts[0] + ".java", "");
    return source.contains("void " + parts[1] + "(");
  }

  private static Map<String, String> places() {
    Map<String, String> places = new LinkedHashMap<>();
    for (String line : CorpusCase.resource("rows.tsv").lines().toList()) {
      if (!line.startsWith("#")) {
        String[] columns = line.split("\t");
        places.put(columns[0], columns[1]);
      }
    }
    return places;
  }

  /// The sources of tests by the names of their files.
  private static Map<String, String> sources() throws IOException {
    Map<String, String> all = new LinkedHashMap<>();
    for (String module : SOURCES) {
      try (Stream<Path> files = Files.walk(Needs.tree().resolve(module).resolve("src/test/java"))) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          all.put(file.getFileName().toString(), Files.readString(file));
        }
      }
    }
    return all;
  }
}
