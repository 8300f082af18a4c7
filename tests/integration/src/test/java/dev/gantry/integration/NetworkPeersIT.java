package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// A real dockerd and our engine at once in one network namespace: the same answers to the same
/// commands, and neither disturbs the other's firewall.
class NetworkPeersIT {
  private static final String NAME = Lane.name("gnp");

  private final List<AutoCloseable> open = new ArrayList<>();
  private Side real;
  private Side ours;
  private int namespace;

  /// One of the two engines.
  ///
  /// @param block second number of its subnets 10.205.x, of which it has seven from here on
  /// @param ports first digits of its host ports
  private record Side(String socket, int block, String ports, String bridge, String pool) {
    Map<String, String> environment() {
      Map<String, String> all = new java.util.HashMap<>();
      all.put("DOCKER_HOST", "unix://" + socket);
      all.put("E", ports);
      all.put("Q6", "fd05:" + block);
      all.put("R6", "fd05:" + (block + 1));
      for (int i = 0; i < 7; i++) {
        all.put(String.valueOf((char) ('P' + i)), "10.205." + (block + i));
      }
      return all;
    }

    /// An answer without what must differ.
    String common(String text) {
      String t = text;
      for (int i = 0; i < 7; i++) {
        t = t.replaceAll("10\\.205\\." + (block + i) + "\\b", String.valueOf((char) ('P' + i)));
      }
      t = t.replace("fd05:" + block, "Q6").replace("fd05:" + (block + 1), "R6");
      t = t.replace("dm" + ports, "dmE").replaceAll("\\b" + ports + "(\\d\\d)\\b", "E$1");
      t = t.replaceAll("\\b[0-9a-f]{64}\\b", "ID64").replaceAll("\\b[0-9a-f]{12}\\b", "ID12");
      // ours hands addresses out in turn, dockerd the lowest first
      t = t.replaceAll(bridge + "\\.(?!1\\b|0\\b)\\d+", "BRIDGE.n").replaceAll(bridge, "BRIDGE");
      t = t.replaceAll(pool + "\\.\\d+", "POOL");
      t = t.replaceAll("\\d{4}-\\d\\d-\\d\\dT[\\d:.]+(Z|[+-]\\d\\d:\\d\\d)", "TIME");
      t = t.replaceAll("(?!02:42:0a:00:00:07)\\b([0-9a-f]{2}:){5}[0-9a-f]{2}\\b", "MAC");
      t = t.replaceAll("endpoint [a-z]+_[a-z]+ ", "endpoint NAME ");
      t = t.replaceAll("/[a-z]+_[a-z]+\\b", "/NAME");
      // ours adds who holds a port
      t = t.replace("Bind for :::", "Bind for 0.0.0.0:"); // dockerd names now one, now the other
      return t.replaceAll("(port is already allocated) by container \\w+", "$1");
    }
  }

  @BeforeEach
  void startBoth() throws Exception {
    Needs.root();
    Path docker = Needs.dockerClient();
    Path peers = Needs.peers();
    Path tool = Needs.tree().resolve("tools/real-peers");
    Outcome started =
        Command.of(
                tool.toString(),
                "dockerd",
                NAME,
                "--bip=10.205.1.1/24",
                "--default-address-pool=base=10.205.64.0/19,size=24")
            .within(Duration.ofMinutes(3))
            .run();
    open.add(() -> Command.of(tool.toString(), "stop", NAME).run());
    if (started.code() != 0) {
      abort("needs a dockerd that starts: " + started.err());
    }
    String socket = started.out().strip();
    namespace = Integer.parseInt(Files.readString(peers.resolve("../run/" + NAME + ".ns")).strip());
    real = new Side(socket, 128, "214", "10\\.205\\.1", "10\\.205\\.(6[4-9]|[789]\\d)");
    run(docker, real, "docker ps -aq | xargs -r docker rm -f; docker network prune -f");
    Command.of(docker.toString(), "-H", "unix://" + socket, "import", "-", "busybox:latest")
        .with("DOCKER_CONFIG", "/nonexistent")
        .input(Busybox.tar())
        .run()
        .succeeded();
    for (String link : List.of("dm214", "dm215")) {
      inside("ip", "link", "add", link, "type", "veth", "peer", "name", "p" + link);
      inside("ip", "link", "set", link, "up");
      inside("ip", "link", "set", "p" + link, "up");
    }
  }

  private Engine startOurs() {
    Engine engine =
        Engine.startIn(
            namespace, "--bip=10.205.2.1/24", "--default-address-pool=base=10.205.96.0/19,size=24");
    open.add(engine);
    engine.busybox();
    ours =
        new Side(
            engine.socket().toString(),
            160,
            "215",
            "10\\.205\\.2",
            "10\\.205\\.(9[6-9]|1[01]\\d|12[0-7])");
    return engine;
  }

  private String inside(String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of("nsenter", "-t", "" + namespace, "-n", "--"));
    all.addAll(List.of(words));
    return NetworkSandbox.run(all.toArray(String[]::new));
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  private static Outcome run(Path docker, Side side, String command) {
    Command shell =
        Command.of("sh", "-c", command)
            .with("DOCKER_CONFIG", "/nonexistent")
            .with("PATH", docker.getParent() + ":" + System.getenv("PATH"));
    side.environment().forEach(shell::with);
    return shell.run();
  }

  private static List<String> commands() throws IOException {
    try (InputStream in = NetworkPeersIT.class.getResourceAsStream("network-commands.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .toList();
    }
  }

  @Test
  void commandsHaveTheSameResultsOnDockerd() throws Exception {
    startOurs();
    Path docker = Needs.dockerClient();
    List<String> differences = new ArrayList<>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (String line : commands()) {
        boolean expected = line.startsWith("! ");
        String command = expected ? line.substring(2) : line;
        var theirs = CompletableFuture.supplyAsync(() -> answer(docker, real, command), threads);
        String own = answer(docker, ours, command);
        boolean same = theirs.join().equals(own);
        if (same == expected) {
          differences.add("$ " + line + "\ndockerd: " + theirs.join() + "\nours:    " + own);
        }
      }
    }
    assertEquals("", String.join("\n", differences));
  }

  private static String answer(Path docker, Side side, String command) {
    Outcome outcome = run(docker, side, command);
    return String.format(
        Locale.ROOT,
        "[%d] %s%s",
        outcome.code(),
        side.common(outcome.out()),
        side.common(outcome.err()));
  }

  @Test
  void bothFirewallsStayIntact() throws Exception {
    Path docker = Needs.dockerClient();
    String server = " -d --name web -p %s80:80 busybox sleep 600";
    run(docker, real, "docker run" + String.format(Locale.ROOT, server, "214")).succeeded();
    String before = rules();
    Engine engine = startOurs();
    run(docker, ours, "docker run" + String.format(Locale.ROOT, server, "215")).succeeded();
    for (Side side : List.of(real, ours)) {
      String pid = run(docker, side, "docker inspect -f '{{.State.Pid}}' web").out().strip();
      open.add(new Inside(Integer.parseInt(pid)).tcp(80));
    }
    everythingWorks(docker);
    assertEquals(before, rules(), "dockerd's rules, but for those in DOCKER-USER");
    engine.stop();
    engine.restart();
    assertEquals(before, rules());
    everythingWorks(docker);
    String table = inside("nft", "list", "table", "inet", "gantry-" + engine.name());
    run(docker, real, "docker network create more; docker network rm more").succeeded();
    assertEquals(
        table, inside("nft", "list", "table", "inet", "gantry-" + engine.name()), "our table");
    everythingWorks(docker);
  }

  private void everythingWorks(Path docker) {
    Inside machine = new Inside(namespace);
    for (int port : List.of(21480, 21580)) {
      for (String address : List.of("127.0.0.1", "10.99.0.2")) {
        Eventually.within(
            Duration.ofSeconds(30),
            "port " + port + " at " + address,
            () -> can(machine, address, port));
      }
    }
    // containers of both reach the other's published port by the host's address
    assertTrue(run(docker, real, "docker exec web nc -w 5 10.99.0.2 21580 </dev/null").code() == 0);
    assertTrue(run(docker, ours, "docker exec web nc -w 5 10.99.0.2 21480 </dev/null").code() == 0);
  }

  private static boolean can(Inside machine, String address, int port) {
    try {
      return machine.canAsk("tcp", address, port);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /// dockerd's rules as iptables prints them, without counters and comments and without our own.
  private String rules() throws Exception {
    StringBuilder all = new StringBuilder();
    for (String tool : List.of("iptables-save", "ip6tables-save")) {
      inside(tool)
          .lines()
          .filter(line -> !line.startsWith("#") && !line.contains("-A DOCKER-USER"))
          .map(line -> line.replaceAll("\\[\\d+:\\d+\\]", ""))
          .forEach(line -> all.append(line).append('\n'));
    }
    return all.toString();
  }
}
