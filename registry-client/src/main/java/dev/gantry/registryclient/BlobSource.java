package dev.gantry.registryclient;

import dev.gantry.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/// A blob to send; its parts may be read again.
public interface BlobSource {
  /// Bytes sent in one request: a registry that restarts has the pieces before.
  long PIECE = 64L << 20;

  Digest digest();

  long length();

  /// `length` bytes from `from` on; reading is what progress is told by.
  InputStream open(long from, long length) throws IOException;

  /// The last try failed; the next one comes after `pause`.
  default void waiting(Duration pause) {}
}
