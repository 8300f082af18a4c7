package dev.gantry.buildkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.dockerfile.BuildChecks;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SubrequestsTest {
  private static final String TEXT =
      "FROM busybox AS Base\nARG A=1\nRUN --mount=type=secret,id=s true\nFROM Base\n";

  private static Map<String, byte[]> ask(String request, String target) throws Exception {
    Dockerfile file = Dockerfile.parse(TEXT);
    Message answer =
        new Subrequests(
                "Dockerfile",
                TEXT.getBytes(StandardCharsets.UTF_8),
                file,
                BuildChecks.of(file, TEXT, Map.of(), IgnoreFile.NONE))
            .answer(request, target, Map.of("A", "2"));
    return Message.decode(answer.bytes(3)).entries(10);
  }

  private static Json.JsonObject json(Map<String, byte[]> answer) throws Exception {
    return Json.parseObject(new String(answer.get("result.json"), StandardCharsets.UTF_8));
  }

  @Test
  void checksNameTheRuleAndTheLine() throws Exception {
    Map<String, byte[]> answer = ask("frontend.lint", "");
    Json.JsonObject first = json(answer).objects("warnings").getFirst();
    assertEquals("StageNameCasing", first.string("ruleName", ""));
    assertEquals(
        "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/", first.string("url", ""));
    assertEquals("1", new String(answer.get("result.statuscode"), StandardCharsets.UTF_8));
  }

  @Test
  void outlinesATarget() throws Exception {
    Json.JsonObject outline = json(ask("frontend.outline", "Base"));
    assertEquals("2", outline.objects("args").getFirst().string("value", ""));
    assertEquals("s", outline.objects("secrets").getFirst().string("name", ""));
    assertThrows(GrpcException.class, () -> ask("frontend.outline", "none"));
  }

  @Test
  void listsTargets() throws Exception {
    assertEquals(2, json(ask("frontend.targets", "")).objects("targets").size());
    assertThrows(GrpcException.class, () -> ask("frontend.other", ""));
  }
}
