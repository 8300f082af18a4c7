package dev.gantry.integration;

import static dev.gantry.integration.Machines.CLIENT;
import static dev.gantry.integration.Machines.HOST;
import static dev.gantry.integration.Machines.container;
import static dev.gantry.integration.Machines.inspect;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What outlives changes of networks: connections of all who are not changed, and of the changed
/// container those over the networks that it keeps. And what does not: links that waited for
/// containers of an engine that was killed.
class NetworkChangesIT {
  private static final Duration SOON = Duration.ofSeconds(60);

  private Machines machines;
  private Engine engine;

  @BeforeEach
  void connectMachines() throws Exception {
    machines = Machines.open();
    engine = machines.start();
  }

  @AfterEach
  void close() throws Exception {
    if (machines != null) {
      machines.close();
    }
  }

  private void docker(String words) {
    engine.docker(words.split(" ")).succeeded();
  }

  private void networks() {
    docker("network create --subnet=10.77.1.0/24 first");
    docker("network create --subnet=10.77.2.0/24 second");
  }

  private static String route(Engine engine, String name) {
    return engine.docker("exec", name, "ip", "route").succeeded().out();
  }

  @Test
  void othersOfAChangedNetworkKeepTheirConnections() throws Exception {
    networks();
    Inside web = container(engine, "web", "--network=first", "--ip=10.77.1.9", "-p", "8080:80");
    Inside asker = container(engine, "asker", "--network=first");
    container(engine, "guest", "--network=second");
    try (Conversation between = Conversation.start(asker, "10.77.1.9", 81, web, 81);
        Conversation outside = Conversation.start(machines.client(), HOST, 8080, web, 80)) {
      List<String> changes =
          List.of(
              "network connect first guest",
              "network disconnect first guest",
              "run --rm --network=first -p 8090:80 " + engine.busybox() + " true",
              "network create --subnet=10.77.3.0/24 third",
              "network rm third");
      for (int i = 0; i < 3; i++) {
        for (String change : changes) {
          docker(change);
          between.goesOn(change);
          outside.goesOn(change);
        }
      }
    }
  }

  @Test
  void connectionsOutliveAMoveOfTheDefaultGateway() throws Exception {
    networks();
    Inside web = container(engine, "web", "--network=first", "--ip=10.77.1.9", "-p", "8080:80");
    Inside asker = container(engine, "asker", "--network=first");
    machines.closing(web.tcp(8001));
    String there = "network connect --gw-priority=10 --ip=10.77.2.9 second web";
    String back = "network disconnect second web";
    assertTrue(route(engine, "web").contains("default via 10.77.1.1"));
    try (Conversation between = Conversation.start(asker, "10.77.1.9", 81, web, 81);
        Conversation outside = Conversation.start(machines.client(), HOST, 8080, web, 80);
        Conversation leaving = Conversation.start(web, CLIENT, 9000, machines.client(), 9000)) {
      for (int i = 0; i < 3; i++) {
        for (String change : List.of(there, back)) {
          docker(change);
          String gateway = change.equals(there) ? "10.77.2.1" : "10.77.1.1";
          assertTrue(route(engine, "web").contains("default via " + gateway));
          between.goesOn(change);
          outside.goesOn(change);
          leaving.goesOn(change);
        }
      }
    }
  }

  @Test
  void publishedPortIsOpenAgainAfterAMoveOfTheDefaultGateway() throws Exception {
    networks();
    Inside web = container(engine, "web", "--network=first", "-p", "8080:80");
    machines.closing(web.tcp(80));
    for (String change :
        List.of(
            "network connect --gw-priority=10 second web",
            "network disconnect first web",
            "network connect first web",
            "network disconnect second web")) {
      docker(change);
      Eventually.within(
          SOON,
          "the port answers after " + change,
          () -> {
            try {
              return machines.client().ask("tcp", HOST, 8080).equals(CLIENT);
            } catch (Exception e) {
              return false;
            }
          });
    }
  }

  /// The host's links of containers that are to come.
  private List<String> waiting() throws Exception {
    return machines
        .onHost("ip", "-o", "link", "show", "type", "veth")
        .lines()
        .filter(line -> !line.contains("master") && line.contains("veth"))
        .map(line -> line.split("[ :@]+")[1])
        .toList();
  }

  private void someWait() {
    Eventually.within(SOON, "links wait for containers", () -> !waitingNow().isEmpty());
  }

  private List<String> waitingNow() {
    try {
      return waiting();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void containerStartsThoughItsWaitingLinkWasDeleted() throws Exception {
    container(engine, "one");
    someWait();
    for (String link : waiting()) {
      machines.onHost("ip", "link", "delete", link);
    }
    container(engine, "two");
    String address = inspect(engine, "two", "{{.NetworkSettings.IPAddress}}");
    assertEquals(
        "1 packets transmitted",
        engine
            .docker("exec", "one", "ping", "-c", "1", address)
            .succeeded()
            .out()
            .lines()
            .filter(line -> line.contains("transmitted"))
            .findFirst()
            .orElse("")
            .split(",")[0]);
  }

  @Test
  void waitingLinksGoWithAKilledEngine() throws Exception {
    container(engine, "one");
    someWait();
    engine.kill();
    Eventually.within(SOON, "no link waits any more", () -> waitingNow().isEmpty());
    engine.restart();
    container(engine, "two");
    docker("rm -f one two");
  }
}
