package dev.gantry.network;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Host ports on the loopback addresses, and what is carried from them.
class PortReservationsTest {
  private static final PortReservations.Holder FIRST =
      new PortReservations.Holder("container first", "10.1.2.3:80");
  private static final PortReservations.Holder SECOND =
      new PortReservations.Holder("container second", "10.1.2.4:80");

  private final PortReservations ports = new PortReservations();

  @AfterEach
  void close() {
    ports.close();
  }

  private static PortRequest wish(String protocol, int from, int to) {
    return new PortRequest(80, protocol, "", from, to);
  }

  private int any(String protocol, String... hostIps) {
    return ports.take(wish(protocol, 0, 0), List.of(hostIps), FIRST);
  }

  @Test
  void takenPortNamesItsHolderOnEveryAddressThatMeetsIt() {
    int port = any("tcp", "127.0.0.1");
    for (String meets : List.of("127.0.0.1", "0.0.0.0")) {
      Failure taken =
          assertThrows(
              Failure.Internal.class,
              () -> ports.take(wish("tcp", port, port), List.of(meets), SECOND));
      assertEquals(
          "Bind for 127.0.0.1:" + port + " failed: port is already allocated by container first",
          taken.text());
    }
    assertEquals(port, ports.take(wish("tcp", port, port), List.of("127.0.0.3"), SECOND));
  }

  @Test
  void programThatHasThePortIsNamed() throws IOException {
    try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = other.getLocalPort();
      Failure taken =
          assertThrows(
              Failure.Internal.class,
              () -> ports.take(wish("tcp", port, port), List.of("127.0.0.1"), FIRST));
      assertTrue(
          taken
              .text()
              .startsWith(
                  "failed to bind host port for 127.0.0.1:"
                      + port
                      + ":10.1.2.3:80/tcp: address already in use by "),
          taken.text());
      assertTrue(
          taken.text().endsWith("(process " + ProcessHandle.current().pid() + ")"), taken.text());
    }
  }

  @Test
  void addressOfNobodyIsRefusedAsDockerDoes() {
    Failure refused =
        assertThrows(
            Failure.Internal.class,
            () -> ports.take(wish("udp", 4000, 4000), List.of("192.0.2.250"), FIRST));
    assertTrue(refused.text().endsWith("/udp: cannot assign requested address"), refused.text());
  }

  @Test
  void rangeGivesItsFirstFreePort() throws IOException {
    int first = any("tcp", "127.0.0.1");
    // the two after it may be others': then the range is not ours to try
    int last = Math.min(first + 20, 65_535);
    int second = ports.take(wish("tcp", first, last), List.of("127.0.0.1"), SECOND);
    assertTrue(second > first && second <= last, first + " " + second);
  }

  /// The one port is freed and taken again and again, by way of its relay's registration.
  @Test
  void releasedPortIsFreeAtOnce() {
    int port = any("tcp", "127.0.0.1");
    for (int i = 0; i < 100; i++) {
      ports.relay(new PublishedPort(80, "tcp", "127.0.0.1", port), Optional::empty);
      ports.release("tcp", List.of("127.0.0.1"), port);
      assertEquals(port, ports.take(wish("tcp", port, port), List.of("127.0.0.1"), SECOND));
    }
  }

  @Test
  void connectionIsCarriedWholeInBothDirections() throws Exception {
    byte[] bytes = new byte[3 << 20];
    new Random(1).nextBytes(bytes);
    try (ServerSocket echo = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> echo(echo));
      int port = any("tcp", "127.0.0.1");
      ports.relay(
          new PublishedPort(80, "tcp", "127.0.0.1", port),
          () -> Optional.of(new InetSocketAddress("127.0.0.1", echo.getLocalPort())));
      for (int i = 0; i < 3; i++) {
        try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
          client.setSoTimeout(30_000);
          Thread writer =
              Thread.ofVirtual()
                  .start(
                      () -> {
                        try {
                          client.getOutputStream().write(bytes);
                          client.shutdownOutput();
                        } catch (IOException e) {
                          throw new java.io.UncheckedIOException(e);
                        }
                      });
          assertArrayEquals(bytes, client.getInputStream().readAllBytes());
          writer.join();
        }
      }
    }
  }

  private static void echo(ServerSocket server) {
    while (!server.isClosed()) {
      try (Socket client = server.accept()) {
        client.getInputStream().transferTo(client.getOutputStream());
      } catch (IOException e) {
        continue; // closed, or the other side went
      }
    }
  }

  @Test
  void connectionIsClosedWhenTheContainerRefuses() throws IOException {
    int nobody;
    try (ServerSocket gone = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      nobody = gone.getLocalPort();
    }
    int port = any("tcp", "127.0.0.1");
    ports.relay(
        new PublishedPort(80, "tcp", "127.0.0.1", port),
        () -> Optional.of(new InetSocketAddress("127.0.0.1", nobody)));
    try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
      client.setSoTimeout(30_000);
      assertEquals(-1, client.getInputStream().read());
    }
  }

  /// Askers' sockets are connected: they take answers from the address alone that they asked.
  @Test
  void datagramIsAnsweredFromTheAddressThatWasAsked() throws IOException {
    try (DatagramSocket echo = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> echo(echo));
      int port = any("udp", "0.0.0.0");
      ports.relay(
          new PublishedPort(53, "udp", "0.0.0.0", port),
          () -> Optional.of(new InetSocketAddress("127.0.0.1", echo.getLocalPort())));
      for (String address : List.of("127.0.0.1", "127.0.0.77", "127.1.2.3")) {
        for (int size : new int[] {1, 1400, 40_000}) {
          assertEquals(size, ask(address, port, size), address);
        }
      }
    }
  }

  private static void echo(DatagramSocket socket) {
    byte[] buffer = new byte[65_535];
    while (!socket.isClosed()) {
      try {
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        socket.receive(packet);
        socket.send(packet);
      } catch (IOException e) {
        continue;
      }
    }
  }

  /// The answer's size; a datagram that a busy machine dropped is sent again.
  private static int ask(String address, int port, int size) throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(address, port));
      socket.setSoTimeout(5000);
      for (int i = 0; ; i++) {
        socket.send(new DatagramPacket(new byte[size], size));
        DatagramPacket answer = new DatagramPacket(new byte[65_535], 65_535);
        try {
          socket.receive(answer);
          return answer.getLength();
        } catch (java.net.SocketTimeoutException e) {
          if (i == 5) {
            throw e;
          }
        }
      }
    }
  }
}
