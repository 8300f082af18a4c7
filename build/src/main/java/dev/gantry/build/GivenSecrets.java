package dev.gantry.build;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/// A client that has sent its secrets with the request, and says where its ssh agents listen on
/// this machine.
///
/// @param secrets bytes by name
/// @param agents paths of sockets by name
public record GivenSecrets(Map<String, byte[]> secrets, Map<String, String> agents)
    implements BuildClient {
  @Override
  public Optional<byte[]> secret(String id) {
    return Optional.ofNullable(secrets.get(id));
  }

  @Override
  public Optional<Agent> agent(String id) {
    return Optional.ofNullable(agents.get(id))
        .map(path -> () -> new Connected(SocketChannel.open(address(path))));
  }

  private static UnixDomainSocketAddress address(String path) {
    return UnixDomainSocketAddress.of(Path.of(path));
  }

  private record Connected(SocketChannel channel) implements Conversation {
    @Override
    public InputStream in() {
      return Channels.newInputStream(channel);
    }

    @Override
    public OutputStream out() {
      return Channels.newOutputStream(channel);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  /// Names alone: contents are nobody's business.
  @Override
  public String toString() {
    return "secrets " + secrets.keySet() + ", agents " + agents.keySet();
  }
}
