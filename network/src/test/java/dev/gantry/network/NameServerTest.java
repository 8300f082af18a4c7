package dev.gantry.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// A name server on loopback, with 60 containers called `many`, and a server outside that answers
/// over udp with a truncated answer after a forged one, and over tcp with a whole one.
class NameServerTest {
  private static final int CONTAINERS = 60;
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();

  private DatagramChannel udp;
  private ServerSocket tcp;
  private NameServer server;
  private DatagramSocket outsideUdp;
  private ServerSocket outsideTcp;

  @BeforeEach
  void start() throws IOException {
    outsideTcp = new ServerSocket(0, 16, HERE);
    outsideUdp = new DatagramSocket(outsideTcp.getLocalPort(), HERE);
    Thread.ofVirtual().start(this::answerUdp);
    Thread.ofVirtual().start(this::answerTcp);
    udp = DatagramChannel.open().bind(new InetSocketAddress(HERE, 0));
    tcp = new ServerSocket(0, 16, HERE);
    List<Attachment> all =
        IntStream.range(0, CONTAINERS).mapToObj(NameServerTest::container).toList();
    server =
        NameServer.start(
            "0123456789ab",
            udp,
            tcp,
            new NameServers.View(() -> all, List.of(), List.of()),
            new DnsForwarder(List.of("127.0.0.1"), outsideTcp.getLocalPort()));
  }

  @AfterEach
  void close() throws IOException {
    server.close();
    outsideUdp.close();
    outsideTcp.close();
  }

  private static Attachment container(int number) {
    Endpoint endpoint =
        new Endpoint(
            "n",
            "net",
            "e" + number,
            "eth0",
            "",
            "",
            "10.9.0." + (number + 2),
            24,
            "10.9.0.1",
            "",
            0,
            "",
            List.of(),
            List.of(),
            List.of("c" + number, "many"),
            Map.of(),
            0,
            List.of());
    return new Attachment(
        "id" + number,
        "c" + number,
        "",
        "s",
        List.of(endpoint),
        List.of(),
        List.of(),
        List.of(),
        List.of());
  }

  private void answerUdp() {
    try {
      while (true) {
        DatagramPacket packet = new DatagramPacket(new byte[512], 512);
        outsideUdp.receive(packet);
        byte[] answer = Arrays.copyOf(packet.getData(), packet.getLength());
        answer[2] = (byte) 0x83; // a response, truncated
        byte[] forged = answer.clone();
        forged[0]++;
        forged[2] = (byte) 0x81;
        outsideUdp.send(new DatagramPacket(forged, forged.length, packet.getSocketAddress()));
        outsideUdp.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
      }
    } catch (IOException e) {
      assertTrue(outsideUdp.isClosed());
    }
  }

  private void answerTcp() {
    while (!outsideTcp.isClosed()) {
      try (Socket asker = outsideTcp.accept()) {
        byte[] question = DnsForwarder.read(asker);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(question);
        for (int i = 0; i < 100; i++) {
          out.writeBytes(new byte[] {(byte) 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 9, 8, 7, 6});
        }
        byte[] answer = out.toByteArray();
        answer[2] = (byte) 0x81;
        answer[7] = 100;
        DnsForwarder.write(asker, answer);
      } catch (IOException e) {
        continue;
      }
    }
  }

  private static byte[] query(int id, String name) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) (id >> 8), (byte) id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0});
    for (String label : name.split("\\.")) {
      out.write(label.length());
      out.writeBytes(label.getBytes(StandardCharsets.US_ASCII));
    }
    out.writeBytes(new byte[] {0, 0, 1, 0, 1});
    return out.toByteArray();
  }

  private byte[] overUdp(byte[] query) throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(udp.getLocalAddress());
      socket.setSoTimeout(10_000);
      socket.send(new DatagramPacket(query, query.length));
      DatagramPacket answer = new DatagramPacket(new byte[65_535], 65_535);
      socket.receive(answer);
      return Arrays.copyOf(answer.getData(), answer.getLength());
    }
  }

  private byte[] overTcp(byte[] query) throws IOException {
    try (Socket socket = new Socket(HERE, tcp.getLocalPort())) {
      DnsForwarder.write(socket, query);
      return DnsForwarder.read(socket);
    }
  }

  private static String facts(byte[] answer) {
    return "code "
        + (answer[3] & 0xf)
        + ", "
        + (answer[7] & 0xff)
        + " answers"
        + ((answer[2] & 2) != 0 ? ", truncated" : "");
  }

  @Test
  void ownAnswerThatIsTooLongIsTruncatedOverUdpAndWholeOverTcp() throws IOException {
    assertEquals("code 0, 0 answers, truncated", facts(overUdp(query(1, "many"))));
    assertEquals("code 0, 60 answers", facts(overTcp(query(2, "many"))));
  }

  @Test
  void truncatedAnswerFromOutsideIsPassedOnAndAskedAgainOverTcp() throws IOException {
    assertEquals("code 0, 0 answers, truncated", facts(overUdp(query(1, "example.test"))));
    assertEquals("code 0, 100 answers", facts(overTcp(query(2, "example.test"))));
  }

  @Test
  void manyAskAtOnceAndEachGetsItsAnswer() throws InterruptedException {
    ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
    List<Thread> askers = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      int asker = i;
      askers.add(Thread.ofVirtual().start(() -> askAll(asker, wrong)));
    }
    for (Thread asker : askers) {
      asker.join();
    }
    assertEquals(List.of(), List.copyOf(wrong));
  }

  private void askAll(int asker, ConcurrentLinkedQueue<String> wrong) {
    for (int i = 0; i < CONTAINERS; i++) {
      try {
        byte[] answer = overUdp(query(asker * 100 + i, "c" + i));
        int id = (answer[0] & 0xff) << 8 | answer[1] & 0xff;
        int last = answer[answer.length - 1] & 0xff;
        if (id != asker * 100 + i || last != i + 2 || !facts(answer).equals("code 0, 1 answers")) {
          wrong.add("c" + i + ": " + facts(answer));
        }
      } catch (IOException e) {
        wrong.add("c" + i + ": " + e);
      }
    }
  }

  @Test
  void hostilePacketsAreDroppedAndTheNextOneIsAnswered() throws IOException {
    Random random = new Random(7);
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(udp.getLocalAddress());
      for (int i = 0; i < 3000; i++) {
        byte[] packet = i % 2 == 0 ? query(i, "c1.net") : new byte[random.nextInt(600)];
        if (i % 2 == 0) {
          for (int flips = random.nextInt(6); flips >= 0; flips--) {
            packet[random.nextInt(packet.length)] = (byte) random.nextInt();
          }
        } else {
          random.nextBytes(packet);
        }
        socket.send(new DatagramPacket(packet, packet.length));
      }
    }
    for (int length : new int[] {0, 1, 11}) {
      try (Socket socket = new Socket(HERE, tcp.getLocalPort())) {
        DnsForwarder.write(socket, new byte[length]);
        assertEquals(-1, socket.getInputStream().read(), "no answer to " + length + " bytes");
      }
    }
    assertEquals("code 0, 1 answers", facts(overTcp(query(9, "c1"))));
    // the socket's own queue may have been full: who asks again is answered
    String answer = "";
    for (int i = 0; i < 5 && answer.isEmpty(); i++) {
      try {
        answer = facts(overUdp(query(10, "c1")));
      } catch (java.net.SocketTimeoutException e) {
        answer = "";
      }
    }
    assertEquals("code 0, 1 answers", answer);
  }
}
