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

  /// A container as `body` says, made and not started.
  String create(Json.JsonObject body) throws IOException {
    return id(send("POST", "/containers/create", body.put("Image", IMAGE).toString()).expect(201));
  }

  /// The JSON that `GET target` answers with.
  Json get(String target) throws IOException {
    return Json.parse(send("GET", target, "").expect(200).text());
  }

  /// A running container that sleeps, on a network, with ports published as `8080:80/tcp`.
  String sleeper(String network, String... ports) throws IOException {
    String id = createSleeper(network, ports);
    start(id);
    return id;
  }

  String createSleeper(String network, String... ports) throws IOException {
    Json.JsonObject exposed = Json.object();
    Json.JsonObject bindings = Json.object();
    for (String port : ports) {
      String[] parts = port.split(":", 2);
      exposed.put(parts[1], Json.object());
      bindings.put(parts[1], Json.array().add(Json.object().put("HostPort", parts[0])));
    }
    Json.JsonObject body =
        Json.object()
            .put("Image", IMAGE)
            .put("Cmd", Json.array().add("sleep").add("100000"))
            .put("ExposedPorts", exposed)
            .put(
                "HostConfig",
                Json.object().put("NetworkMode", network).put("PortBindings", bindings));
    return id(send("POST", "/containers/create", body.toString()).expect(201));
  }

  void createNetwork(String name) throws IOException {
    send("POST", "/networks/create", Json.object().put("Name", name).toString()).expect(201);
  }

  void removeNetwork(String name) throws IOException {
    send("DELETE", "/networks/" + name, "").expect(204);
  }

  /// The process of a running container.
  int pid(String container) throws IOException {
    return Math.toIntExact(
        inspect(container).object("State").map(state -> state.number("Pid", 0)).orElse(0L));
  }

  /// Its address on `network`.
  String address(String container, String network) throws IOException {
    return endpoint(container, network).string("IPAddress", "");
  }

  /// The host's address on a container's network.
  String gateway(String container, String network) throws IOException {
    return endpoint(container, network).string("Gateway", "");
  }

  private Json.JsonObject endpoint(String container, String network) throws IOException {
    return inspect(container)
        .object("NetworkSettings")
        .flatMap(settings -> settings.object("Networks"))
        .flatMap(networks -> networks.object(network))
        .orElseGet(Json::object);
  }

  private Json.JsonObject inspect(String container) throws IOException {
    return Json.parseObject(send("GET", "/containers/" + container + "/json", "").text());
  }

  void start(String container) throws IOException {
    send("POST", "/containers/" + container + "/start", "").expect(204);
  }

  /// Waits for a container's end.
  void await(String container) throws IOException {
    send("POST", "/containers/" + container + "/wait", "").expect(200);
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
