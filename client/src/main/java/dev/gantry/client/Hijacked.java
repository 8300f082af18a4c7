package dev.gantry.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/// A connection that carries a container's streams after the HTTP exchange.
public final class Hijacked implements AutoCloseable {
  private final Wire wire;
  private final InputStream in;

  Hijacked(Wire wire, InputStream in) {
    this.wire = wire;
    this.in = in;
  }

  /// What the container writes: raw with a terminal, otherwise in frames (see [Frames]).
  public InputStream in() {
    return in;
  }

  /// The container's standard input.
  public OutputStream out() {
    try {
      return wire.out();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Ends the standard input; output goes on.
  public void endInput() {
    try {
      wire.endOutput();
    } catch (IOException e) {
      // the engine has closed already
    }
  }

  @Override
  public void close() {
    try {
      wire.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
