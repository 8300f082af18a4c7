package dev.gantry.integration;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import java.util.ArrayList;
import java.util.List;

/// A machine with an engine, and one outside, connected by a link: two namespaces, to whose
/// firewalls and routes a test may do what it likes. The link is called `out0` on both.
final class Machines implements AutoCloseable {
  static final String HOST = "192.0.2.1";
  static final String CLIENT = "192.0.2.2";
  static final String HOST6 = "2001:db8::1";
  static final String CLIENT6 = "2001:db8:0:0:0:0:0:2";

  private final List<AutoCloseable> open = new ArrayList<>();
  private final NetworkSandbox host;
  private final NetworkSandbox world;

  private Machines() throws Exception {
    host = NetworkSandbox.open();
    open.add(host);
    world = NetworkSandbox.open();
    open.add(world);
  }

  /// Skips the test without root or the real Docker CLI.
  static Machines open() throws Exception {
    Needs.root();
    Needs.dockerClient();
    Machines machines = new Machines();
    String peer = "" + machines.world.pid();
    machines.onHost("ip", "link", "set", "lo", "up");
    machines.onHost(
        "ip", "link", "add", "out0", "type", "veth", "peer", "name", "out0", "netns", peer);
    machines.address(machines.host, HOST, HOST6);
    machines.address(machines.world, CLIENT, CLIENT6);
    return machines;
  }

  private void address(NetworkSandbox where, String four, String six) throws Exception {
    enter(where, "ip", "link", "set", "out0", "up");
    enter(where, "ip", "addr", "add", four + "/24", "dev", "out0");
    enter(where, "ip", "addr", "add", six + "/64", "dev", "out0", "nodad");
  }

  /// Runs a command on the machine with the engine; its output.
  String onHost(String... words) throws Exception {
    return enter(host, words);
  }

  /// The same outside.
  String outside(String... words) throws Exception {
    return enter(world, words);
  }

  private static String enter(NetworkSandbox where, String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of("nsenter", "-t", "" + where.pid(), "-n", "--"));
    all.addAll(List.of(words));
    return NetworkSandbox.run(all.toArray(String[]::new));
  }

  Inside machine() {
    return new Inside(host.pid());
  }

  Inside client() {
    return new Inside(world.pid());
  }

  /// An engine on the machine, ended with it.
  Engine start(String... flags) {
    return closing(Engine.startIn(host.pid(), flags));
  }

  <T extends AutoCloseable> T closing(T each) {
    open.add(each);
    return each;
  }

  /// A container that sleeps.
  static Inside container(Engine engine, String name, String... words) {
    List<String> all = new ArrayList<>(List.of("run", "-d", "--name", name));
    all.addAll(List.of(words));
    all.addAll(List.of(engine.busybox(), "sleep", "600"));
    engine.docker(all.toArray(String[]::new)).succeeded();
    return new Inside(Integer.parseInt(inspect(engine, name, "{{.State.Pid}}")));
  }

  static String inspect(Engine engine, String name, String format) {
    return engine.docker("inspect", "--format", format, name).succeeded().out().strip();
  }

  @Override
  public void close() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }
}
