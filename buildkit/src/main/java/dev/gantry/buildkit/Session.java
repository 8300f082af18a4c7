package dev.gantry.buildkit;

import dev.gantry.build.BuildClient;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.Connection;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.oci.ImageReference;
import dev.gantry.registryclient.Credentials;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What one client offers while its connection lasts: its files, secrets, ssh agents, credentials
/// and places for results.
///
/// @param id as a build's request names it
/// @param sharedKey tells folders of one client apart: a folder's files are kept under it
/// @param methods what may be called
record Session(String id, String sharedKey, Set<String> methods, Connection connection)
    implements BuildClient {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  boolean offers(String method) {
    return methods.contains(method);
  }

  Call call(String method, Map<String, List<String>> metadata) throws IOException {
    return connection.call(method, metadata);
  }

  private Message ask(String method, Message message) throws GrpcException, IOException {
    return call(method, Map.of()).ask(message, PATIENCE);
  }

  // ---- secrets

  @Override
  public Optional<byte[]> secret(String id) throws IOException {
    try {
      return Optional.of(
          ask("/moby.buildkit.secrets.v1.Secrets/GetSecret", new Message().text(1, id)).bytes(1));
    } catch (GrpcException e) {
      if (e.code() == GrpcException.NOT_FOUND || e.code() == GrpcException.UNIMPLEMENTED) {
        return Optional.empty();
      }
      throw new IOException("secret " + id + ": " + e.text(), e);
    }
  }

  // ---- ssh

  @Override
  public Optional<Agent> agent(String id) throws IOException {
    String wanted = id.equals("default") ? "" : id;
    try {
      Message ignored = ask("/moby.sshforward.v1.SSH/CheckAgent", new Message().text(1, wanted));
    } catch (GrpcException e) {
      return Optional.empty(); // the client says "unset ssh forward key"
    }
    return Optional.of(() -> new Forwarded(forward(wanted)));
  }

  private Call forward(String id) throws IOException {
    return call(
        "/moby.sshforward.v1.SSH/ForwardAgent",
        id.isEmpty() ? Map.of() : Map.of("buildkit.ssh.id", List.of(id)));
  }

  /// One conversation with an agent: raw bytes in messages.
  private record Forwarded(Call call) implements Conversation {
    @Override
    public InputStream in() {
      return new MessageInput(call);
    }

    @Override
    public OutputStream out() {
      return new MessageOutput(call, 16 << 10);
    }

    @Override
    public void close() {
      call.close();
    }
  }

  // ---- registries

  /// What the client would log in with; empty if it has nothing for that host.
  record Login(String user, String secret) {}

  Optional<Login> login(String host) throws IOException {
    if (!offers("/moby.filesync.v1.Auth/Credentials")) {
      return Optional.empty();
    }
    try {
      Message answer = ask("/moby.filesync.v1.Auth/Credentials", new Message().text(1, host));
      return answer.text(2).isEmpty()
          ? Optional.empty()
          : Optional.of(new Login(answer.text(1), answer.text(2)));
    } catch (GrpcException e) {
      return Optional.empty();
    }
  }

  /// What to log in with at the registry of an image.
  Credentials credentials(ImageReference image) {
    String domain = image.domain();
    try {
      return login(domain.equals("docker.io") ? "registry-1.docker.io" : domain)
          .map(
              l ->
                  l.user().isEmpty()
                      ? new Credentials("", "", l.secret(), "")
                      : new Credentials(l.user(), l.secret()))
          .orElse(Credentials.NONE);
    } catch (IOException e) {
      return Credentials.NONE; // the session has gone; the build will end
    }
  }

  // ---- uploads

  /// A tar or a Dockerfile that the client has on its standard input.
  InputStream upload(String path) throws IOException {
    Map<String, List<String>> metadata = new LinkedHashMap<>();
    metadata.put("urlpath", List.of(path));
    metadata.put("urlhost", List.of("buildkit-session"));
    Call call = call("/moby.upload.v1.Upload/Pull", metadata);
    return new MessageInput(call);
  }
}
