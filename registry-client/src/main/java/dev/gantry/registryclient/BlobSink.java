package dev.gantry.registryclient;

import java.io.IOException;
import java.time.Duration;

/// Where a blob goes that is being loaded; it may have some of it already.
public interface BlobSink {
  /// Bytes that are here: loading goes on behind them.
  long size();

  void write(byte[] bytes, int offset, int length) throws IOException;

  /// Forgets what is here: the source cannot go on in the middle.
  void restart() throws IOException;

  /// The last try failed; the next one comes after `pause`.
  default void waiting(Duration pause) {}
}
