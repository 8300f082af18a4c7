package dev.gantry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.json.Json;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private static final String MESSAGES =
      """
      {"status":"Pulling from app","id":"v1"}
      {"status":"Downloading","id":"aa","progressDetail":{"current":500000,"total":1000000}}
      {"status":"Waiting","id":"bb","progressDetail":{}}
      {"status":"Pull complete","id":"aa"}
      {"status":"Digest: sha256:1"}
      """;

  private static String shown(boolean terminal, int width) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Progress progress =
        new Progress(new PrintStream(bytes, true, StandardCharsets.UTF_8), terminal, width);
    MESSAGES.lines().map(Json::parseObject).forEach(progress::message);
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aPipeGetsTheStatesAndNoBars() {
    assertEquals(
        """
        v1: Pulling from app
        bb: Waiting
        aa: Pull complete
        Digest: sha256:1
        """,
        shown(false, 0));
  }

  @Test
  void aTerminalGetsALineForEachLayerRedrawnInPlace() {
    assertEquals(
        "\r\u001b[2Kv1: Pulling from app\n"
            + "\r\u001b[2Kaa: Downloading [=========================>                        ]"
            + "  500kB/1MB\n"
            + "\r\u001b[2Kbb: Waiting\n"
            + "\u001b[2A\u001b[2K\raa: Pull complete\n\u001b[1B"
            + "Digest: sha256:1\n",
        shown(true, 200));
  }

  @Test
  void aNarrowTerminalGetsTheNumbersWithoutABar() {
    assertEquals(
        "\r\u001b[2Kaa: Downloading 500kB/1MB", List.of(shown(true, 80).split("\n")).get(1));
  }

  @Test
  void anErrorInTheStreamEndsTheCommand() throws IOException {
    byte[] error =
        "{\"errorDetail\":{\"message\":\"no space\"},\"error\":\"x\"}"
            .getBytes(StandardCharsets.UTF_8);
    PrintStream out = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    Exit exit =
        assertThrows(
            Exit.class, () -> Progress.show(new ByteArrayInputStream(error), out, 99, false));
    assertEquals("no space", exit.text());
    assertEquals(1, exit.code());
  }
}
