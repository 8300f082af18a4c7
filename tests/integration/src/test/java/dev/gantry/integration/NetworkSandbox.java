package dev.gantry.integration;

import dev.gantry.kernel.NetNamespace;
import dev.gantry.network.Networks;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/// A process in its own network namespace that stands for a container: the messages of a launch are
/// sent to it as the launch plan would.
final class NetworkSandbox implements AutoCloseable {
  private final Process process;

  private NetworkSandbox(Process process) {
    this.process = process;
  }

  static NetworkSandbox open() throws Exception {
    return open("unshare", "-n");
  }

  /// In the namespace that was made for it.
  static NetworkSandbox open(Networks.Attached attached) throws Exception {
    return open("nsenter", "--net=" + attached.namespace());
  }

  private static NetworkSandbox open(String... how) throws Exception {
    List<String> command = new ArrayList<>(List.of(how));
    command.addAll(List.of("sleep", "600"));
    Process process = new ProcessBuilder(command).start();
    NetworkSandbox sandbox = new NetworkSandbox(process);
    Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/net"));
    for (int i = 0; i < 2000; i++) {
      if (!Files.readSymbolicLink(Path.of("/proc/" + process.pid() + "/ns/net")).equals(own)) {
        return sandbox;
      }
      Thread.sleep(1);
    }
    sandbox.close();
    throw new IOException("no network namespace after 2 s");
  }

  int pid() {
    return (int) process.pid();
  }

  <T> T inside(Callable<T> work) throws Exception {
    return NetNamespace.of(pid(), work);
  }

  /// Serves the caller's address, as it sees it, to every connection on `port`.
  ServerSocket whoami(String address, int port) throws Exception {
    ServerSocket server =
        inside(
            () -> {
              ServerSocket socket = new ServerSocket();
              socket.setReuseAddress(true);
              socket.bind(new InetSocketAddress(address, port));
              return socket;
            });
    Thread.ofVirtual()
        .start(
            () -> {
              while (!server.isClosed()) {
                try (Socket client = server.accept()) {
                  client
                      .getOutputStream()
                      .write(
                          client
                              .getInetAddress()
                              .getHostAddress()
                              .getBytes(StandardCharsets.UTF_8));
                } catch (IOException e) {
                  return;
                }
              }
            });
    return server;
  }

  /// Connects from within and answers what the other side says.
  String ask(String address, int port) throws Exception {
    return inside(() -> askFromHere(address, port));
  }

  static String askFromHere(String address, int port) throws IOException {
    try (Socket socket = new Socket()) {
      try {
        socket.connect(new InetSocketAddress(address, port), 1500);
      } catch (IOException e) {
        throw new IOException(address + ":" + port + ": " + e.getMessage(), e);
      }
      socket.setSoTimeout(3000);
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  static boolean canAsk(Callable<String> question) throws Exception {
    try {
      question.call();
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return output;
  }

  @Override
  public void close() {
    process.destroyForcibly();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
