package dev.gantry.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// dockerd's flags and settings, as the table beside the tree lists them: each is honoured or
/// refused with a reason.
class KnownFlagsTest {
  private static Path table() {
    String given = System.getenv("GANTRY_SHARED");
    Path shared =
        given != null && !given.isEmpty()
            ? Path.of(given)
            : Path.of(System.getProperty("gantry.dist", "")).resolve("../../../shared");
    Path file = shared.resolve("features/dockerd.tsv");
    assumeTrue(Files.exists(file), "needs features/dockerd.tsv of the shared folder");
    return file;
  }

  @Test
  void everyFlagAndSettingIsHonouredOrRefusedWithAReason() throws IOException {
    Set<String> unknown = new TreeSet<>();
    int rows = 0;
    for (String line : Files.readAllLines(table())) {
      String[] cells = line.split("\t", -1);
      String name = cells[1];
      // settings inside others stand and fall with them
      String key = cells[3].replaceFirst("^(?!proxies)([^.\\[]+)[.\\[].*", "$1");
      if (cells[0].equals("flag")) {
        rows++;
        if (KnownFlags.written(name).isEmpty() && KnownFlags.reason(name).isEmpty()) {
          unknown.add(name);
        }
      }
      boolean setting = cells[0].equals("flag") || cells[0].equals("config-key");
      if (setting && !key.isEmpty()) {
        rows++;
        boolean older = key.equals("host-gateway-ip"); // the list's name is host-gateway-ips
        if (KnownFlags.key(key).isEmpty() && KnownFlags.reason(key).isEmpty() && !older) {
          unknown.add(key);
        }
      }
    }
    assertEquals(Set.of(), unknown);
    assertTrue(rows > 150, rows + " rows");
  }
}
