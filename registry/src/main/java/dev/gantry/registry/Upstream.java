package dev.gantry.registry;

import dev.gantry.json.Json;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;

/// Another registry, read for a pull-through cache. An empty answer means that it does not have the
/// thing; an IOException that it could not be asked.
interface Upstream {
  /// What a reference stands for there.
  record Found(String mediaType, ContentDigest digest, byte[] bytes) {}

  /// The digest behind a tag, without its content.
  Optional<ContentDigest> resolve(String repository, String tag) throws IOException;

  Optional<Found> manifest(String repository, String reference) throws IOException;

  /// A blob's bytes from some offset on.
  ///
  /// @param size of the whole blob
  record Source(InputStream in, long size) implements Closeable {
    @Override
    public void close() throws IOException {
      in.close();
    }
  }

  Optional<Source> blob(String repository, ContentDigest digest, long offset) throws IOException;

  /// The size of a blob.
  Optional<Long> size(String repository, ContentDigest digest) throws IOException;

  /// The answer to the list of tags, with the client's own query.
  Optional<Json.JsonObject> tags(String repository, String query) throws IOException;
}
