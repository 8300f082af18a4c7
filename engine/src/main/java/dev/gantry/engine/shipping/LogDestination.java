package dev.gantry.engine.shipping;

import dev.gantry.engine.logs.LogEntry;
import java.io.IOException;

/// Where lines of one container go. Used by one thread at a time.
public interface LogDestination extends AutoCloseable {
  /// Makes sure that somebody is there, as far as the protocol can tell.
  void connect() throws IOException;

  /// Hands a line over; after a failure the caller connects again and repeats it.
  void send(LogEntry entry) throws IOException;

  @Override
  void close();
}
