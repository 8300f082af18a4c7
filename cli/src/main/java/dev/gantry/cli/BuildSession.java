package dev.gantry.cli;

import dev.gantry.client.EngineClient;
import dev.gantry.client.Hijacked;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.Connection;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What the engine can ask of us while it builds, over a session of BuildKit's protocol: secrets,
/// and conversations with ssh agents of this machine. Nothing of it goes before a step needs it.
final class BuildSession implements AutoCloseable {
  private static final String SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
  private static final String CHECK = "/moby.sshforward.v1.SSH/CheckAgent";
  private static final String FORWARD = "/moby.sshforward.v1.SSH/ForwardAgent";
  private static final int PIECE = 16 << 10;

  private final String id = new BigInteger(128, new SecureRandom()).setBit(128).toString(36);
  private final Map<String, byte[]> secrets;
  private final Map<String, Path> agents;
  private final Hijacked wire;
  private final Connection connection;

  /// @param secrets by their ids
  /// @param agents sockets by their ids; `default` is that of instructions that name none
  BuildSession(EngineClient engine, Map<String, byte[]> secrets, Map<String, Path> agents) {
    this.secrets = Map.copyOf(secrets);
    this.agents = Map.copyOf(agents);
    List<String> headers =
        Stream.concat(
                Stream.of("X-Docker-Expose-Session-Uuid: " + id),
                Stream.of(SECRET, CHECK, FORWARD)
                    .map(method -> "X-Docker-Expose-Session-Grpc-Method: " + method))
            .toList();
    wire = engine.upgrade("/session", headers);
    connection = Connection.server(wire.in(), wire.out(), this::serve);
    Thread _ = Thread.ofVirtual().name("build-session").start(this::run);
  }

  /// Names it in the build's request.
  String id() {
    return id;
  }

  private void run() {
    try {
      connection.run();
    } catch (IOException e) {
      connection.close(); // the engine has gone; the build's own connection tells of it
    }
  }

  private void serve(String method, Call call) throws GrpcException, IOException {
    switch (method) {
      case SECRET -> {
        String wanted = call.request().text(1);
        byte @Nullable [] secret = secrets.get(wanted);
        if (secret == null) {
          throw new GrpcException(GrpcException.NOT_FOUND, "secret " + wanted + ": not found");
        }
        call.send(new Message().bytes(1, secret));
      }
      case CHECK -> {
        Path _ = agent(call.request().text(1));
        call.send(new Message());
      }
      case FORWARD -> forward(agent(call.metadata("buildkit.ssh.id").orElse("")), call);
      default -> throw new GrpcException(GrpcException.UNIMPLEMENTED, "unknown method " + method);
    }
  }

  private Path agent(String id) throws GrpcException {
    Path socket = agents.get(id.isEmpty() ? "default" : id);
    if (socket == null) {
      throw new GrpcException(GrpcException.UNKNOWN, "unset ssh forward key " + id);
    }
    return socket;
  }

  /// Carries one conversation with an agent, until one side ends it.
  private static void forward(Path socket, Call call) throws GrpcException, IOException {
    try (SocketChannel agent = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      call.whenCancelled(() -> close(agent));
      InputStream in = Channels.newInputStream(agent);
      Thread answers = Thread.ofVirtual().name("ssh-agent").start(() -> answer(in, call));
      OutputStream out = Channels.newOutputStream(agent);
      for (byte[] m = call.receive(); m != null; m = call.receive()) {
        out.write(Message.decode(m).bytes(1));
      }
      agent.shutdownOutput();
      answers.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void answer(InputStream in, Call call) {
    byte[] buffer = new byte[PIECE];
    try {
      for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
        call.send(new Message().bytes(1, Arrays.copyOf(buffer, n)));
      }
    } catch (IOException e) {
      return; // one of the two has gone
    }
  }

  private static void close(SocketChannel agent) {
    try {
      agent.close();
    } catch (IOException e) {
      return; // it is of no use any more in any case
    }
  }

  @Override
  public void close() {
    connection.close();
    wire.close();
  }
}
