package dev.gantry.registryclient;

import dev.gantry.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/// A blob to send; its parts may be read again.
public interface BlobSource {
  /// Bytes sent in one request: a registry that restarts has the pieces before.
  long PIECE = 64L << 20;

  Digest digest();

  long length();

  /// `length` bytes from `from` on; reading is what progress is told by.
  InputStream open(long from, long length) throws IOException;

  /// Where an upload of it was begun that has not ended: the registry is asked how much it has.
  default Optional<URI> begun() {
    return Optional.empty();
  }

  /// The upload goes on at `location`; it may be told again, with another one.
  default void uploading(URI location) {}

  /// The last try failed; the next one comes after `pause`.
  default void waiting(Duration pause) {}
}
