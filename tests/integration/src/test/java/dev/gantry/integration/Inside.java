package dev.gantry.integration;

import dev.gantry.kernel.NetNamespace;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;

/// The network namespace of process `pid`, to open this test's own sockets in.
record Inside(int pid) {
  <T> T run(Callable<T> work) throws Exception {
    return NetNamespace.of(pid, work);
  }

  /// Tells each asker over tcp its address, as it is seen here.
  AutoCloseable tcp(int port) throws Exception {
    ServerSocket server = run(() -> new ServerSocket(port, 64, InetAddress.getByName("::")));
    Thread.ofVirtual().start(() -> serve(server));
    return server;
  }

  private static void serve(ServerSocket server) {
    while (!server.isClosed()) {
      try (Socket client = server.accept()) {
        client.getOutputStream().write(text(client.getInetAddress()));
      } catch (IOException e) {
        continue; // the asker went, or the server was closed
      }
    }
  }

  /// The same over udp.
  AutoCloseable udp(int port) throws Exception {
    DatagramSocket server = run(() -> new DatagramSocket(port, InetAddress.getByName("::")));
    Thread.ofVirtual().start(() -> serve(server));
    return server;
  }

  private static void serve(DatagramSocket server) {
    byte[] buffer = new byte[100];
    while (!server.isClosed()) {
      try {
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        server.receive(packet);
        byte[] answer = text(packet.getAddress());
        server.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
      } catch (IOException e) {
        continue; // as above
      }
    }
  }

  private static byte[] text(InetAddress address) {
    return address.getHostAddress().getBytes(StandardCharsets.US_ASCII);
  }

  /// What the server at `address` says.
  String ask(String protocol, String address, int port) throws Exception {
    return run(() -> protocol.equals("udp") ? askUdp(address, port) : askTcp(address, port));
  }

  /// Whether somebody answers there.
  boolean canAsk(String protocol, String address, int port) throws Exception {
    try {
      return !ask(protocol, address, port).isEmpty();
    } catch (IOException e) {
      return false;
    }
  }

  private static String askTcp(String address, int port) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(address, port), 1500);
      socket.setSoTimeout(1500);
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    }
  }

  private static String askUdp(String address, int port) throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(address, port));
      socket.setSoTimeout(1500);
      socket.send(new DatagramPacket(new byte[] {1}, 1));
      DatagramPacket answer = new DatagramPacket(new byte[100], 100);
      socket.receive(answer);
      return new String(answer.getData(), 0, answer.getLength(), StandardCharsets.US_ASCII);
    }
  }
}
