package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Many containers on one network, changes under traffic, and what is freed when something is
/// killed.
@ExtendWith(EngineExtension.class)
class NetworkScaleIT {
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final int MANY = 300;
  private static final String POOL = Lane.net(248);

  private static String network(Engine engine, String name, String subnet) {
    Json.JsonObject body = Json.object().put("Name", name);
    body.put(
        "IPAM", Json.object().put("Config", Json.array().add(Json.object().put("Subnet", subnet))));
    engine.request("POST", "/networks/create", body.text()).expect(201);
    return name;
  }

  /// A running container that sleeps; the endpoint is said as in the API.
  private static String start(
      Engine engine, String name, String network, Json.JsonObject endpoint) {
    Json.JsonObject body = Json.object().put("Image", engine.busybox());
    body.put("Cmd", Json.array().add("sleep").add("900"));
    body.put("HostConfig", Json.object().put("NetworkMode", network));
    body.put(
        "NetworkingConfig",
        Json.object().put("EndpointsConfig", Json.object().put(network, endpoint)));
    String id =
        Json.parseObject(
                engine
                    .request("POST", "/containers/create?name=" + name, body.text())
                    .expect(201)
                    .text())
            .string("Id", "");
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    return id;
  }

  private static Json.JsonObject state(Engine engine, String container) {
    return (Json.JsonObject) engine.json("/containers/" + container + "/json");
  }

  private static int pid(Engine engine, String container) {
    return (int) state(engine, container).object("State").orElseThrow().number("Pid", 0);
  }

  private static String address(Engine engine, String container, String network) {
    return state(engine, container)
        .object("NetworkSettings")
        .flatMap(settings -> settings.object("Networks"))
        .flatMap(networks -> networks.object(network))
        .orElseThrow()
        .string("IPAddress", "");
  }

  private static void remove(Engine engine, String container) {
    engine.request("DELETE", "/containers/" + container + "?force=1", "").expect(204);
  }

  /// The address of `name` as the container's name server says, or the answer's code.
  private static String lookUp(DatagramSocket socket, int id, String name) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) (id >> 8), (byte) id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0});
    out.write(name.length());
    out.writeBytes(name.getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(new byte[] {0, 0, 1, 0, 1});
    byte[] query = out.toByteArray();
    for (int attempt = 0; attempt < 10; attempt++) {
      socket.send(
          new DatagramPacket(
              query, query.length, InetAddress.getByAddress(new byte[] {127, 0, 0, 11}), 53));
      DatagramPacket answer = new DatagramPacket(new byte[512], 512);
      try {
        do {
          socket.receive(answer);
        } while (answer.getData()[0] != query[0] || answer.getData()[1] != query[1]);
      } catch (SocketTimeoutException e) {
        continue; // as every resolver: ask again
      }
      byte[] data = answer.getData();
      return data[7] == 0
          ? "code " + (data[3] & 0xf)
          : InetAddress.getByAddress(
                  Arrays.copyOfRange(data, answer.getLength() - 4, answer.getLength()))
              .getHostAddress();
    }
    return "no answer";
  }

  private static String lookUp(int pid, String name) throws Exception {
    return new Inside(pid)
        .run(
            () -> {
              try (DatagramSocket socket = new DatagramSocket()) {
                socket.setSoTimeout(5000);
                return lookUp(socket, 1, name);
              }
            });
  }

  private static <T> void eachAtOnce(List<T> all, Work<T> work) throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<?>> running =
          all.stream()
              .<Future<?>>map(
                  item ->
                      threads.submit(
                          (Callable<Void>)
                              () -> {
                                work.on(item);
                                return null;
                              }))
              .toList();
      for (Future<?> each : running) {
        each.get();
      }
    }
  }

  private interface Work<T> {
    void on(T item) throws Exception;
  }

  @Test
  void threeHundredContainersFindEachOtherByName(Engine engine) throws Exception {
    engine.busybox();
    engine.request("POST", "/networks/create", "{\"Name\":\"many\"}").expect(201);
    List<Integer> numbers = java.util.stream.IntStream.range(0, MANY).boxed().toList();
    eachAtOnce(numbers, n -> start(engine, "many" + n, "many", Json.object()));
    Map<String, String> addresses = new LinkedHashMap<>();
    Json.JsonObject network = (Json.JsonObject) engine.json("/networks/many");
    for (Json each : network.object("Containers").orElseThrow().members().values()) {
      Json.JsonObject container = (Json.JsonObject) each;
      addresses.put(
          container.string("Name", ""), container.string("IPv4Address", "").split("/")[0]);
    }
    assertEquals(MANY, Set.copyOf(addresses.values()).size(), "each has an address of its own");
    Set<String> wrong = new TreeSet<>();
    eachAtOnce(numbers, n -> askForOthers(engine, n, addresses, wrong));
    assertEquals(Set.of(), wrong);
    eachAtOnce(numbers, n -> remove(engine, "many" + n));
    engine.request("DELETE", "/networks/many", "").expect(204);
  }

  /// Every fifth of the others, so that each is asked for by sixty.
  private static void askForOthers(
      Engine engine, int number, Map<String, String> addresses, Set<String> wrong)
      throws Exception {
    Set<String> mistakes =
        new Inside(pid(engine, "many" + number))
            .run(
                () -> {
                  Set<String> found = new TreeSet<>();
                  try (DatagramSocket socket = new DatagramSocket()) {
                    socket.setSoTimeout(5000);
                    for (int i = number % 5; i < MANY; i += 5) {
                      String answer = lookUp(socket, i, "many" + i);
                      if (!answer.equals(addresses.get("many" + i))) {
                        found.add("many" + number + " is told " + answer + " of many" + i);
                      }
                    }
                  }
                  return found;
                });
    synchronized (wrong) {
      wrong.addAll(mistakes);
    }
  }

  @Test
  void changesOfOneNetworkLeaveTheTrafficOnOthersAlone(Engine engine) throws Exception {
    network(engine, "busy", POOL + ".0/25");
    network(engine, "other", POOL + ".128/25");
    Inside asker = new Inside(pid(engine, start(engine, "asker", "busy", Json.object())));
    Inside echo = new Inside(pid(engine, start(engine, "echo", "busy", Json.object())));
    String address = address(engine, "echo", "busy");
    try (Conversation traffic = Conversation.start(asker, address, 7, echo, 7)) {
      for (int i = 0; i < 15; i++) {
        for (String name : List.of("asker", "echo")) {
          String body = "{\"Container\":\"" + name + "\"}";
          engine.request("POST", "/networks/other/connect", body).expect(200);
          String there = address(engine, name, "other");
          assertTrue(there.startsWith(POOL), there);
          engine.request("POST", "/networks/other/disconnect", body).expect(200);
        }
        traffic.goesOn("change " + i);
      }
    }
    remove(engine, "asker");
    remove(engine, "echo");
    engine.request("DELETE", "/networks/busy", "").expect(204);
    engine.request("DELETE", "/networks/other", "").expect(204);
  }

  @Test
  void killedContainerFreesItsAddressAndName(Engine engine) throws Exception {
    network(engine, "freed", POOL + ".0/25");
    Json.JsonObject fixed =
        Json.object().put("IPAMConfig", Json.object().put("IPv4Address", POOL + ".77"));
    start(engine, "watcher", "freed", Json.object());
    int watcher = pid(engine, "watcher");
    start(engine, "first", "freed", fixed);
    assertEquals(POOL + ".77", lookUp(watcher, "first"));
    kill(pid(engine, "first"));
    comesUpInItsPlace(engine, "second", fixed, watcher, "first");

    int second = pid(engine, "second");
    engine.kill();
    kill(second);
    engine.restart();
    comesUpInItsPlace(engine, "third", fixed, watcher, "second");
    for (String name : List.of("first", "second", "third", "watcher")) {
      remove(engine, name);
    }
    engine.request("DELETE", "/networks/freed", "").expect(204);
  }

  private static void kill(int pid) {
    assertTrue(ProcessHandle.of(pid).orElseThrow().destroyForcibly());
  }

  private static void comesUpInItsPlace(
      Engine engine, String name, Json.JsonObject fixed, int watcher, String before)
      throws Exception {
    Eventually.within(
        SOON,
        before + " has ended",
        () -> state(engine, before).object("State").orElseThrow().number("Pid", 0) == 0);
    Eventually.within(SOON, "nobody is called " + before, () -> isUnknown(watcher, before));
    start(engine, name, "freed", fixed);
    assertEquals(POOL + ".77", lookUp(watcher, name));
    assertFalse(lookUp(watcher, before).equals(POOL + ".77"));
  }

  private static boolean isUnknown(int watcher, String name) {
    try {
      return lookUp(watcher, name).startsWith("code");
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
