package dev.gantry.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Leaks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What users get wrong: Docker's status codes and texts, and nothing left behind.
@ExtendWith(EngineExtension.class)
class BadInputIT {
  private static final String CREATE = "/containers/create";

  @AfterEach
  void nothingIsLeft(Engine engine) {
    engine
        .containers()
        .forEach(id -> engine.request("DELETE", "/containers/" + id + "?force=1&v=1", ""));
    Eventually.within(
        Duration.ofSeconds(60),
        () -> "left behind: " + Leaks.find(engine),
        () -> Leaks.find(engine).isEmpty());
    assertEquals("[]", ((Json.JsonObject) engine.json("/volumes")).get("Volumes").text());
  }

  private static String message(Answer answer) {
    return Json.parseObject(answer.text()).string("message", "");
  }

  private static String made(Engine engine, String body) {
    Answer answer = engine.request("POST", CREATE, body).expect(201);
    return Json.parseObject(answer.text()).string("Id", "");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"Image\":|400|invalid JSON: unexpected EOF",
        "{} {}|400|unexpected content after JSON",
        "null|400|config cannot be empty in order to create a container",
        "{\"Image\":\"nope\"}|404|No such image: nope:latest",
        "{\"Image\":\"UPPER\"}|400|invalid reference format: repository name (library/UPPER) must be"
            + " lowercase",
        "{\"Image\":\"busybox\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/nope\",\"Target\":\"/x\"}]}}"
            + "|400|invalid mount config for type \"bind\": bind source path does not exist: /nope",
        "{\"Image\":\"busybox\",\"HostConfig\":{\"Binds\":[\"/a:/b:/c:/d\"]}}|400|invalid volume"
            + " specification: '/a:/b:/c:/d'",
        "{\"Image\":\"busybox\",\"HostConfig\":{\"Memory\":1}}|400|Minimum memory limit allowed is 6MB",
        "{\"Image\":\"busybox\",\"HostConfig\":{\"CapAdd\":[\"FOO\"]}}|400|invalid CapAdd: unknown"
            + " capability: \"CAP_FOO\"",
        "{\"Image\":\"busybox\",\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"often\"}}}|400|invalid restart"
            + " policy: unknown policy 'often'; use one of 'no', 'always', 'on-failure', or"
            + " 'unless-stopped'",
      })
  void creationIsRefused(String body, int status, String text, Engine engine) {
    engine.busybox();
    Answer answer = engine.request("POST", CREATE, body).expect(status);
    assertEquals(text, message(answer));
    assertEquals(List.of(), engine.containers());
  }

  /// The container stays as it was made, says why, and can be removed.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"Image\":\"busybox\",\"Cmd\":[\"/nope\"]}|127|no such file or directory",
        "{\"Image\":\"busybox\",\"Cmd\":[\"nope\"]}|127|executable file not found in $PATH",
        "{\"Image\":\"busybox\",\"Cmd\":[\"/etc/passwd\"]}|126|permission denied",
        "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"User\":\"nobodyhere\"}|*|unable to find user nobodyhere:"
            + " no matching entries in passwd file",
        "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":{\"NetworkMode\":\"nope\"}}|*|invalid cluster node",
        "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":{\"PidMode\":\"container:nope\"}}|*|nope",
      })
  void startIsRefused(String body, String code, String text, Engine engine) {
    engine.busybox();
    Answer created = engine.request("POST", CREATE, body);
    if (created.status() != 201) {
      assertTrue(created.status() < 500 && message(created).contains(text), created.text());
      return;
    }
    String id = Json.parseObject(created.text()).string("Id", "");
    Answer answer = engine.request("POST", "/containers/" + id + "/start", "");
    assertTrue(answer.status() >= 400 && message(answer).contains(text), answer.text());
    Json.JsonObject state =
        ((Json.JsonObject) engine.json("/containers/" + id + "/json"))
            .object("State")
            .orElseThrow();
    assertEquals("created", state.string("Status", ""));
    assertTrue(state.string("Error", "").contains(text), state.text());
    if (!code.equals("*")) {
      answer.expect(400);
      assertEquals(code, state.get("ExitCode").text());
    }
    engine.request("DELETE", "/containers/" + id, "").expect(204);
  }

  @Test
  void wrongStatesAreConflicts(Engine engine) {
    engine.busybox();
    String made =
        made(engine, "{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"100\"],\"StopSignal\":\"KILL\"}");
    for (String verb : List.of("pause", "unpause", "kill", "resize?h=1&w=1", "exec")) {
      String body = verb.equals("exec") ? "{\"Cmd\":[\"true\"]}" : "";
      engine.request("POST", "/containers/" + made + "/" + verb, body).expect(409);
    }
    engine.request("POST", "/containers/" + made + "/stop", "").expect(304);
    engine.request("POST", "/containers/" + made + "/start", "").expect(204);
    engine.request("POST", "/containers/" + made + "/start", "").expect(304);
    engine.request("POST", "/containers/" + made + "/unpause", "").expect(409);
    engine.request("DELETE", "/containers/" + made, "").expect(409);
    engine.request("POST", "/containers/" + made + "/pause", "").expect(204);
    engine.request("POST", "/containers/" + made + "/pause", "").expect(409);
    engine.request("POST", "/containers/" + made + "/exec", "{\"Cmd\":[\"true\"]}").expect(409);
    engine.request("POST", "/containers/" + made + "/unpause", "").expect(204);
    for (String verb :
        List.of("start", "stop", "kill", "pause", "restart", "wait", "rename?name=x")) {
      assertEquals(
          404,
          engine.request("POST", "/containers/nope/" + verb, "").status(),
          verb + " of no one");
    }
  }

  /// Files that a refused creation began are gone: names and layers can be used again.
  @Test
  void refusedCreationsLeaveNoFiles(Engine engine) throws IOException {
    engine.busybox();
    long before = files(engine);
    for (int i = 0; i < 20; i++) {
      engine
          .request(
              "POST",
              CREATE + "?name=again",
              "{\"Image\":\"busybox\",\"HostConfig\":{\"CapAdd\":[\"FOO\"],\"Binds\":[\"v"
                  + i
                  + ":/v\"]}}")
          .expect(400);
    }
    engine.request("POST", CREATE + "?name=again", "{\"Image\":\"busybox\"}").expect(201);
    engine.request("DELETE", "/containers/again", "").expect(204);
    assertEquals(before, files(engine));
  }

  private static long files(Engine engine) throws IOException {
    long count = 0;
    for (String part : List.of("data/containers", "data/volumes", "data/overlay/containers")) {
      Path folder = engine.folder().resolve(part);
      if (Files.exists(folder)) {
        try (Stream<Path> all = Files.list(folder)) {
          count += all.filter(p -> !p.getFileName().toString().startsWith(".")).count();
        }
      }
    }
    return count;
  }
}
