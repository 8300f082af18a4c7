package dev.gantry.build;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// A socket on this machine behind which a client's ssh agent answers.
final class AgentSocket implements AutoCloseable {
  private final ServerSocketChannel listening;
  private final BuildClient.Agent agent;
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();

  private AgentSocket(ServerSocketChannel listening, BuildClient.Agent agent) {
    this.listening = listening;
    this.agent = agent;
  }

  /// Makes the socket at `place`.
  static AgentSocket listen(Path place, BuildClient.Agent agent) throws IOException {
    ServerSocketChannel listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      ServerSocketChannel bound = listening.bind(UnixDomainSocketAddress.of(place));
      AgentSocket socket = new AgentSocket(bound, agent);
      Thread ignored = Thread.ofVirtual().name("ssh-agent").start(socket::accept);
      return socket;
    } catch (IOException e) {
      listening.close();
      throw e;
    }
  }

  private void accept() {
    while (listening.isOpen()) {
      try {
        SocketChannel program = listening.accept();
        open.add(program);
        Thread ignored = Thread.ofVirtual().name("ssh-agent").start(() -> relay(program));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void relay(SocketChannel program) {
    try (program;
        BuildClient.Conversation client = agent.connect()) {
      OutputStream toProgram = Channels.newOutputStream(program);
      InputStream fromClient = client.in();
      Thread ignored =
          Thread.ofVirtual()
              .name("ssh-agent")
              .start(
                  () -> {
                    copy(fromClient, toProgram);
                    close(program);
                  });
      copy(Channels.newInputStream(program), client.out());
    } catch (IOException e) {
      System.getLogger("gantryd")
          .log(System.Logger.Level.DEBUG, "an ssh agent's client went away", e);
    } finally {
      open.remove(program);
    }
  }

  /// Copies what comes at once: an agent answers each request.
  private static void copy(InputStream in, OutputStream out) {
    byte[] buffer = new byte[16 * 1024];
    try {
      for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
        out.write(buffer, 0, n);
        out.flush();
      }
    } catch (IOException e) {
      return; // one of the two has gone
    }
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      return; // it is of no use any more in any case
    }
  }

  @Override
  public void close() {
    try {
      listening.close();
    } catch (IOException e) {
      System.getLogger("gantryd").log(System.Logger.Level.DEBUG, "could not close", e);
    }
    open.forEach(AgentSocket::close);
  }
}
