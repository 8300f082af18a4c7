package dev.gantry.conformance.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// `distribution-rows.txt` says which test shows each row of the inventory of registries: the tests
/// exist, and where the inventory is at hand, no row is left out.
class RegistryRowsIT {
  private record Row(String area, String name, List<String> tests) {
    boolean covers(String otherArea, String other) {
      boolean all = name.endsWith("*");
      return area.equals(otherArea)
          && (all ? other.startsWith(name.substring(0, name.length() - 1)) : other.equals(name));
    }
  }

  private static List<Row> rows() throws IOException {
    List<Row> rows = new ArrayList<>();
    try (InputStream in = RegistryRowsIT.class.getResourceAsStream("/distribution-rows.txt")) {
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
        if (!line.startsWith("#")) {
          String[] parts = line.split(" \\| ");
          rows.add(new Row(parts[0], parts[1], List.of(parts[2].split(", "))));
        }
      }
    }
    return rows;
  }

  private static Path tree() {
    return Needs.distribution().toAbsolutePath().normalize().resolve("../..").normalize();
  }

  @Test
  void everyTestIsThere() throws IOException {
    Map<String, String> sources = new HashMap<>();
    try (Stream<Path> files = Files.walk(tree())) {
      for (Path file : files.filter(f -> f.toString().contains("/src/test/java/")).toList()) {
        if (file.toString().endsWith(".java")) {
          sources.put(file.getFileName().toString(), Files.readString(file));
        }
      }
    }
    List<String> missing = new ArrayList<>();
    for (Row row : rows()) {
      for (String test : row.tests()) {
        String[] parts = test.split("#");
        if (!sources.getOrDefault(parts[0] + ".java", "").contains(" void " + parts[1] + "(")) {
          missing.add(row.area() + " " + row.name() + ": " + test);
        }
      }
    }
    assertEquals(List.of(), missing);
  }

  @Test
  void everyRowHasATest() throws IOException {
    Path inventory = tree().resolveSibling("shared").resolve("features/oci-distribution.tsv");
    assumeTrue(Files.exists(inventory), "needs features/oci-distribution.tsv of the shared folder");
    List<Row> rows = rows();
    List<String> without = new ArrayList<>();
    for (String line : Files.readAllLines(inventory).stream().skip(1).toList()) {
      String[] parts = line.split("\t");
      if (rows.stream().noneMatch(row -> row.covers(parts[0], parts[1]))) {
        without.add(parts[0] + " " + parts[1]);
      }
    }
    assertEquals(List.of(), without);
  }
}
