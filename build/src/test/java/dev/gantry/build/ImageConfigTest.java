package dev.gantry.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.json.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ImageConfigTest {
  private static final Origin HERE = new Origin(3, 3, "X", List.of());
  private final ImageConfig config = new ImageConfig(Json.object());

  @Test
  void laterVariablesReplaceEarlierOnes() throws ParseFailure {
    config.addEnvironment("A=1");
    config.addEnvironment("B=x=y");
    config.addEnvironment("A=2");
    assertEquals(List.of("A=2", "B=x=y"), config.json().strings("Env"));
    assertEquals("x=y", config.environment().get("B"));
  }

  @Test
  void anEntryPointTakesTheBasesCommandAway() {
    ImageConfig inherited = new ImageConfig(Json.object().put("Cmd", Json.strings(List.of("sh"))));
    inherited.entrypoint(List.of("top"));
    assertFalse(inherited.json().has("Cmd"));
    config.command(List.of("-b"));
    config.entrypoint(List.of("top"));
    assertEquals(List.of("-b"), config.json().strings("Cmd"));
  }

  @Test
  void foldersFollowTheWorkingDirectory() {
    assertEquals("/a", config.resolve("a"));
    config.workdir("/w/x");
    assertEquals("/w/x/a", config.resolve("a"));
    assertEquals("/w/a", config.resolve("../a"));
    assertEquals("/a", config.resolve("/a/"));
    assertEquals("/", config.resolve("../../../.."));
  }

  @Test
  void exposesPortsAndRanges() throws ParseFailure {
    assertEquals(
        "[80/tcp 53/udp 8000/tcp 8001/tcp]",
        config.expose(List.of("80", "53/UDP", "8000-8001"), HERE));
    assertThrows(ParseFailure.class, () -> config.expose(List.of("80/http"), HERE));
    assertThrows(ParseFailure.class, () -> config.expose(List.of("90-80"), HERE));
    assertThrows(ParseFailure.class, () -> config.expose(List.of("70000"), HERE));
  }

  @Test
  void readsHealthChecks() {
    config.healthcheck(
        new Instruction.Healthcheck(
            HERE,
            Optional.of(new Instruction.Program(true, List.of("curl -f x"))),
            Map.of("interval", "1m30s", "timeout", "500ms", "retries", "4")));
    Json.JsonObject check = config.json().object("Healthcheck").orElseThrow();
    assertEquals(List.of("CMD-SHELL", "curl -f x"), check.strings("Test"));
    assertEquals(90_000_000_000L, check.number("Interval", 0));
    assertEquals(500_000_000L, check.number("Timeout", 0));
    assertEquals(4, check.number("Retries", 0));
  }
}
