package dev.gantry.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;

/// A connection that carries a container's streams after the HTTP exchange.
public final class Hijacked implements AutoCloseable {
  private final SocketChannel channel;
  private final InputStream in;

  Hijacked(SocketChannel channel, InputStream in) {
    this.channel = channel;
    this.in = in;
  }

  /// What the container writes: raw with a terminal, otherwise in frames (see [Frames]).
  public InputStream in() {
    return in;
  }

  /// The container's standard input.
  public OutputStream out() {
    return Channels.newOutputStream(channel);
  }

  /// Ends the standard input; output goes on.
  public void endInput() {
    try {
      channel.shutdownOutput();
    } catch (IOException e) {
      // the engine has closed already
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
