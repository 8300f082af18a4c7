package dev.gantry.bench;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.PlainHttp;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// The few calls of Docker's API that the benchmark makes, on whatever engine's socket.
record Api(Path socket) {
  private static final String IMAGE = "busybox:latest";

  private Answer send(String method, String target, String body) throws IOException {
    return PlainHttp.send(socket, method, target, body.getBytes(StandardCharsets.UTF_8));
  }

  void importImage(byte[] tar) throws IOException {
    PlainHttp.send(
            socket,
            "POST",
            "/images/create?fromSrc=-&repo=busybox&tag=latest&changes=CMD%20%5B%22sh%22%5D",
            tar)
        .expect(200);
  }

  String create(String... command) throws IOException {
    Json.JsonArray words = Json.array();
    for (String word : command) {
      words.add(word);
    }
    String body = Json.object().put("Image", IMAGE).put("Cmd", words).toString();
    return id(send("POST", "/containers/create", body).expect(201));
  }

  void start(String container) throws IOException {
    send("POST", "/containers/" + container + "/start", "").expect(204);
  }

  void remove(String container) throws IOException {
    send("DELETE", "/containers/" + container + "?force=1", "").expect(204);
  }

  /// Create, start, wait, remove.
  void runTrue() throws IOException {
    String container = create("true");
    start(container);
    send("POST", "/containers/" + container + "/wait", "").expect(200);
    remove(container);
  }

  /// Runs `true` in a running container and reads its output to the end.
  void execTrue(String container) throws IOException {
    String body =
        Json.object().put("AttachStdout", true).put("Cmd", Json.array().add("true")).toString();
    String exec = id(send("POST", "/containers/" + container + "/exec", body).expect(201));
    send("POST", "/exec/" + exec + "/start", "{}").expect(200);
  }

  private static String id(Answer answer) {
    return Json.parseObject(answer.text()).string("Id", "");
  }
}
