package dev.gantry.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImageChangesTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "CMD [\"a\", \"b c\"]        | {\"Cmd\":[\"a\",\"b c\"]}",
        "cmd echo hi                 | {\"Cmd\":[\"/bin/sh\",\"-c\",\"echo hi\"]}",
        "ENV A=1 B=\"x y\"           | {\"Env\":[\"A=1\",\"B=x y\"]}",
        "ENV A one two               | {\"Env\":[\"A=one two\"]}",
        "LABEL a=b \"c d\"=\"e=f\"   | {\"Labels\":{\"a\":\"b\",\"c d\":\"e=f\"}}",
        "EXPOSE 80 53/udp            | {\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}",
        "VOLUME [\"/a\", \"/b\"]     | {\"Volumes\":{\"/a\":{},\"/b\":{}}}",
        "WORKDIR w                   | {\"WorkingDir\":\"/w\"}",
        "HEALTHCHECK NONE            | {\"Healthcheck\":{\"Test\":[\"NONE\"]}}",
        "ONBUILD RUN true            | {\"OnBuild\":[\"RUN true\"]}",
      })
  void eachInstructionChangesItsField(String change, String config) {
    assertEquals(
        Json.parse(config).text(),
        ImageChanges.apply(Json.object(), List.of(change.strip())).text());
  }

  @Test
  void laterLinesSeeTheEnvironmentOfEarlierOnes() {
    Json.JsonObject config =
        ImageChanges.apply(Json.object(), List.of("ENV HOME=/home/me\nWORKDIR $HOME", "USER me"));
    assertEquals("/home/me", config.string("WorkingDir", ""));
    assertEquals("me", config.string("User", ""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "FOO x    | FOO is not a valid change command",
        "run true | RUN is not a valid change command",
        "EXPOSE x | invalid containerPort: x",
      })
  void refusesWhatIsNoChangeInDockersWords(String change, String message) {
    Failure refusal =
        assertThrows(
            Failure.InvalidRequest.class,
            () -> ImageChanges.apply(Json.object(), List.of(change.strip())));
    assertEquals(message, refusal.text());
  }
}
