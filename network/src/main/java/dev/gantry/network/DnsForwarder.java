package dev.gantry.network;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Asks the servers outside, one after the other, from the host's namespace.
final class DnsForwarder {
  private static final int PORT = 53;
  private static final int TIMEOUT_MILLIS = 4000;
  private static final int SERVER_LIMIT = 3;

  private final List<InetAddress> servers;
  private final int port;

  DnsForwarder(List<String> servers) {
    this(servers, PORT);
  }

  DnsForwarder(List<String> servers, int port) {
    this.port = port;
    this.servers =
        servers.stream().flatMap(s -> Cidr.literal(s).stream()).limit(SERVER_LIMIT).toList();
  }

  /// The first server's answer that is no failure, as it came; else the last failure.
  Optional<byte[]> ask(byte[] message, DnsMessage.Query query, boolean tcp) {
    Optional<byte[]> failure = Optional.empty();
    for (InetAddress server : servers) {
      try {
        byte[] answer = tcp ? overTcp(server, message) : overUdp(server, message, query);
        if (!DnsMessage.answers(answer, query)) {
          continue;
        }
        int code = answer[3] & 0xf;
        if (code != DnsMessage.SERVER_FAILURE && code != 5) {
          return Optional.of(answer);
        }
        failure = Optional.of(answer);
      } catch (IOException e) {
        // the next server may know; when none does, the asker is told so
        continue;
      }
    }
    return failure;
  }

  private byte[] overUdp(InetAddress server, byte[] message, DnsMessage.Query query)
      throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(server, port));
      socket.send(new DatagramPacket(message, message.length));
      long deadline = System.nanoTime() + TIMEOUT_MILLIS * 1_000_000L;
      while (true) {
        long left = (deadline - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
          throw new SocketTimeoutException("no answer from " + server);
        }
        socket.setSoTimeout((int) left);
        DatagramPacket packet = new DatagramPacket(new byte[65_535], 65_535);
        socket.receive(packet);
        byte[] answer = Arrays.copyOf(packet.getData(), packet.getLength());
        if (DnsMessage.answers(answer, query)) { // anything else is a stray or forged
          return answer;
        }
      }
    }
  }

  private byte[] overTcp(InetAddress server, byte[] message) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(server, port), TIMEOUT_MILLIS);
      socket.setSoTimeout(TIMEOUT_MILLIS);
      write(socket, message);
      return read(socket);
    }
  }

  /// Writes a message with its length before it, as TCP has them.
  static void write(Socket socket, byte[] message) throws IOException {
    byte[] framed = new byte[message.length + 2];
    framed[0] = (byte) (message.length >> 8);
    framed[1] = (byte) message.length;
    System.arraycopy(message, 0, framed, 2, message.length);
    new DataOutputStream(socket.getOutputStream()).write(framed);
  }

  /// Reads one message; the end of the stream is an `EOFException`.
  static byte[] read(Socket socket) throws IOException {
    DataInputStream in = new DataInputStream(socket.getInputStream());
    byte[] message = new byte[in.readUnsignedShort()];
    in.readFully(message);
    return message;
  }
}
