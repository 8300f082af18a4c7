package dev.gantry.integration;

import static dev.gantry.integration.Machines.CLIENT;
import static dev.gantry.integration.Machines.HOST;
import static dev.gantry.integration.Machines.container;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What flags of the engine and options of networks make of containers' addresses, routes and
/// names, and of the address that others see.
class NetworkFlagsIT {
  private static final Duration SOON = Duration.ofSeconds(40);
  private static final String HOST_TOO = "192.0.2.77";

  private Machines machines;

  @BeforeEach
  void connectMachines() throws Exception {
    machines = Machines.open();
  }

  @AfterEach
  void close() throws Exception {
    if (machines != null) {
      machines.close();
    }
  }

  private static String run(Engine engine, String network, String script) {
    return engine
        .docker(
            "run",
            "--rm",
            "--network=" + network,
            "--add-host=me:host-gateway",
            engine.busybox(),
            "sh",
            "-c",
            script)
        .succeeded()
        .out();
  }

  @Test
  void flagsOfTheEngineShapeItsDefaultBridge() {
    Engine engine =
        machines.start(
            "--bip=10.77.9.1/24",
            "--fixed-cidr=10.77.9.128/25",
            "--default-gateway=10.77.9.7",
            "--ipv6",
            "--fixed-cidr-v6=fd79::/64",
            "--mtu=1400",
            "--dns=9.9.9.9",
            "--dns-search=a.b",
            "--dns-opt=ndots:3",
            "--host-gateway-ip=10.1.1.1",
            "--default-network-opt=bridge=com.docker.network.driver.mtu=1300");
    String said =
        run(
            engine,
            "bridge",
            "ip route; ip -o addr show eth0; cat /sys/class/net/eth0/mtu /etc/resolv.conf"
                + " /etc/hosts");
    for (String expected :
        List.of(
            "default via 10\\.77\\.9\\.7 ",
            "inet 10\\.77\\.9\\.(12[89]|1[3-9]\\d|2\\d\\d)/24 ",
            "inet6 fd79::\\S+/64 ",
            "(?m)^1400$",
            "(?m)^nameserver 9\\.9\\.9\\.9$",
            "(?m)^search a\\.b$",
            "(?m)^options ndots:3$",
            "(?m)^10\\.1\\.1\\.1\\tme$")) {
      assertTrue(Pattern.compile(expected).matcher(said).find(), () -> expected + " in " + said);
    }
    engine.docker("network", "create", "--subnet=10.77.8.0/24", "user").succeeded();
    assertEquals("1300", run(engine, "user", "cat /sys/class/net/eth0/mtu").strip());
  }

  @Test
  void networksHideTheirContainersOrNot() throws Exception {
    Engine engine = machines.start();
    machines.onHost("ip", "addr", "add", HOST_TOO + "/24", "dev", "out0");
    machines.outside("ip", "route", "add", "10.77.2.0/24", "via", HOST);
    machines.closing(machines.client().tcp(9100));
    String option = "com.docker.network.";
    network(engine, "1", option + "driver.mtu=1500");
    network(engine, "2", option + "bridge.enable_ip_masquerade=false");
    network(engine, "3", option + "host_ipv4=" + HOST_TOO);
    isSeenAs(HOST, engine, "1");
    isSeenAs("10.77.2.9", engine, "2");
    isSeenAs(HOST_TOO, engine, "3");
  }

  private static void network(Engine engine, String number, String option) {
    engine
        .docker(
            "network", "create", "--subnet=10.77." + number + ".0/24", "-o", option, "net" + number)
        .succeeded();
  }

  /// A container on the network has `address` for those outside.
  private static void isSeenAs(String address, Engine engine, String number) throws Exception {
    Inside one =
        container(engine, "on" + number, "--network=net" + number, "--ip=10.77." + number + ".9");
    List<String> last = new ArrayList<>(List.of(""));
    Eventually.within(
        SOON,
        () -> "seen as " + address + ", not " + last.getFirst(),
        () -> {
          try {
            last.set(0, one.ask("tcp", CLIENT, 9100));
          } catch (Exception e) {
            last.set(0, e.toString());
          }
          return last.getFirst().equals(address);
        });
  }
}
