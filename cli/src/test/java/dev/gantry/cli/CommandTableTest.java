package dev.gantry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// Docker's commands and flags, as the table beside the tree lists them, against ours. What is not
/// there must stand in `not-here.txt` with its reason, and what stands there must be missing. A
/// line that ends in an asterisk stands for all that begin so.
class CommandTableTest {
  private static final Set<String> OTHER_PROGRAMS =
      Set.of(
          "buildx", "compose", "service", "swarm", "stack", "node", "secret", "config", "plugin");

  /// A row of the table.
  ///
  /// @param path the command's words without `docker`; `global` for the program itself
  /// @param flag empty for the command itself
  private record Row(String path, String flag, String letter, String scope) {
    static Row parse(String line) {
      String[] cells = line.split("\t", -1);
      boolean flag = cells[1].equals("flag");
      String path = cells[0].replaceFirst("^docker ?", "");
      path = path.equals("buildx build") ? "build" : path; // ours takes the flags of both
      return new Row(path, flag ? cells[2].substring(2) : "", cells[5].replace("-", ""), cells[7]);
    }

    boolean isOurs() {
      return !OTHER_PROGRAMS.contains(path.split(" ")[0])
          && !scope.contains("swarm")
          && !scope.contains("windows")
          && !scope.contains("inherited");
    }

    String text() {
      return ("docker " + path).strip() + (flag.isEmpty() ? "" : " --" + flag);
    }

    boolean isThere() {
      if (path.isEmpty()) {
        return flag.isEmpty() || has(Gantry.GLOBAL);
      }
      if (flag.isEmpty() && (Catalog.GROUPS.containsKey(path) || path.equals("help"))) {
        return true;
      }
      List<String> words = List.of(path.replaceFirst("(?<=completion) .*", "").split(" "));
      Optional<Commands.Found> found = Commands.find(words);
      return found.isPresent()
          && found.get().words() == words.size()
          && (flag.isEmpty() || has(found.get().command().flags()));
    }

    private boolean has(List<Flag> flags) {
      return flag.equals("help")
          || flags.stream()
              .anyMatch(
                  f ->
                      f.name().equals(flag)
                          && (letter.isEmpty() || letter.equals(String.valueOf(f.letter()))));
    }
  }

  private static Map<String, String> reasons() throws IOException {
    Map<String, String> reasons = new TreeMap<>();
    try (var in = CommandTableTest.class.getResourceAsStream("/not-here.txt")) {
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        if (!line.isBlank() && !line.startsWith("#")) {
          String[] cells = line.split("\\|", 2);
          reasons.put(cells[0].strip(), cells[1].strip());
        }
      }
    }
    return reasons;
  }

  @Test
  void everyCommandAndFlagIsThereOrMissingForAReason() throws IOException {
    Set<String> reasons = reasons().keySet();
    TreeSet<String> needless = new TreeSet<>(reasons);
    TreeSet<String> missing = new TreeSet<>();
    int rows = 0;
    int count = 0;
    for (String line :
        Files.readAllLines(Needs.shared("features/cli.tsv")).stream().skip(1).toList()) {
      Row row = Row.parse(line);
      if (row.isOurs()) {
        rows++;
        if (!row.isThere()) {
          count++;
          Optional<String> reason = reasons.stream().filter(r -> covers(r, row.text())).findFirst();
          reason.ifPresentOrElse(needless::remove, () -> missing.add(row.text()));
        }
      }
    }
    System.out.println("CommandTableTest: " + rows + " rows, " + count + " missing for a reason");
    assertEquals(Set.of(), missing, "neither there nor listed with a reason");
    assertEquals(Set.of(), needless, "listed as missing, and there");
  }

  private static boolean covers(String reason, String row) {
    return reason.endsWith("*")
        ? row.startsWith(reason.substring(0, reason.length() - 1))
        : row.equals(reason);
  }
}
