package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicLong;

/// Stands between the clients of a test, whichever they are, and the engine's socket: passes on all
/// bytes as they are and holds every answer against the Engine API's specification.
final class ApiWatch implements AutoCloseable {
  private static final int BACKLOG = 512;

  private final ApiSpecification specification;
  private final ServerSocketChannel server;
  private final Path socket;
  private final Path engine;
  private final Set<String> faults;
  private final AtomicLong answers;

  /// @param socket where clients connect
  /// @param engine where the engine listens, now or later
  /// @param faults gets those that are found
  /// @param answers counts those that were checked
  ApiWatch(
      ApiSpecification specification,
      Path socket,
      Path engine,
      Set<String> faults,
      AtomicLong answers) {
    this.specification = specification;
    this.socket = socket;
    this.engine = engine;
    this.faults = faults;
    this.answers = answers;
    try {
      Files.deleteIfExists(socket);
      server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(socket), BACKLOG);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofPlatform().daemon().name("api-watch").start(this::accept);
  }

  static Set<String> newFaults() {
    return new ConcurrentSkipListSet<>();
  }

  private void accept() {
    try {
      while (true) {
        SocketChannel client = server.accept();
        Thread.ofPlatform().daemon().name("api-watch-client").start(() -> serve(client));
      }
    } catch (IOException e) {
      return; // closed
    }
  }

  private void serve(SocketChannel client) {
    SocketChannel upstream;
    try {
      upstream = SocketChannel.open(UnixDomainSocketAddress.of(engine));
    } catch (IOException e) {
      WatchedConnection.close(client); // no engine there: the client sees its connection end
      return;
    }
    new WatchedConnection(client, upstream, specification, faults::add, answers).run();
  }

  /// Nobody can connect any more; connections that are there end with the engine.
  @Override
  public void close() {
    try {
      server.close();
      Files.deleteIfExists(socket);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
