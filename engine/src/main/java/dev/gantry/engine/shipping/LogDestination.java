package dev.gantry.engine.shipping;

import dev.gantry.engine.logs.LogEntry;
import java.io.IOException;
import java.time.Duration;

/// Where lines of one container go. Used by one thread at a time.
public interface LogDestination extends AutoCloseable {
  /// How often a line is tried again.
  ///
  /// @param first pause before the second attempt; later ones are longer
  /// @param most attempts beyond the first, after which the line is given up
  record Retries(Duration first, long most) {
    static final Retries ENDLESS = new Retries(Duration.ofMillis(200), Long.MAX_VALUE);
  }

  default Retries retries() {
    return Retries.ENDLESS;
  }

  /// Makes sure that somebody is there, as far as the protocol can tell.
  void connect() throws IOException;

  /// Hands a line over; after a failure the caller connects again and repeats it.
  void send(LogEntry entry) throws IOException;

  @Override
  void close();
}
