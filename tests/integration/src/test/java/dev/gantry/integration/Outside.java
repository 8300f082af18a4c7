package dev.gantry.integration;

import static dev.gantry.integration.NetworkSandbox.run;

/// A machine outside: a namespace of its own, connected to the host by a veth that is on no bridge.
record Outside(NetworkSandbox sandbox, String link) implements AutoCloseable {
  /// The host is `net.1` of a /24, the machine outside `net.2`; it has no route to containers.
  static Outside open(String link, String net) throws Exception {
    NetworkSandbox sandbox = NetworkSandbox.open();
    String pid = String.valueOf(sandbox.pid());
    run("ip", "link", "add", link, "type", "veth", "peer", "name", "out0", "netns", pid);
    run("ip", "addr", "add", net + ".1/24", "dev", link);
    run("ip", "link", "set", link, "up");
    run("nsenter", "-t", pid, "-n", "ip", "addr", "add", net + ".2/24", "dev", "out0");
    run("nsenter", "-t", pid, "-n", "ip", "link", "set", "out0", "up");
    run("nsenter", "-t", pid, "-n", "ip", "link", "set", "lo", "up");
    return new Outside(sandbox, link);
  }

  @Override
  public void close() throws Exception {
    sandbox.close();
    run("ip", "link", "del", link);
  }
}
