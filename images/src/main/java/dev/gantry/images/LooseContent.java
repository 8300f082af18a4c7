package dev.gantry.images;

import dev.gantry.oci.Descriptor;
import dev.gantry.registryclient.BlobSink;
import dev.gantry.registryclient.Fetched;
import dev.gantry.registryclient.Remote;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.util.List;

/// Content of registries that is no image: the caches of builds.
public final class LooseContent {
  private LooseContent() {}

  /// The manifest or index that a tag or digest names.
  ///
  /// @throws Failure.NotFound if there is none
  public static Fetched document(Remote remote, String tag) {
    return remote.manifest(tag);
  }

  /// Brings a blob here; `lease` holds it.
  public static void fetch(
      Remote remote, Descriptor blob, ContentStore content, ContentStore.Lease lease)
      throws IOException {
    lease.hold(blob.digest());
    if (content.contains(blob.digest())) {
      return;
    }
    try (ContentStore.Partial partial = content.partial(blob.digest())) {
      remote.load(blob, new Into(partial));
      partial.commit();
    }
  }

  /// Sends what a manifest names, as far as the registry has it not, and the manifest last.
  ///
  /// @param blobs all that it names; they are here
  public static void push(
      Remote remote,
      String tag,
      List<Descriptor> blobs,
      String mediaType,
      byte[] manifest,
      ContentStore content) {
    for (Descriptor blob : blobs) {
      if (!remote.has(blob.digest())) {
        remote.upload(new StoredBlob(content, blob));
      }
    }
    remote.putManifest(tag, mediaType, manifest);
  }

  private record Into(ContentStore.Partial partial) implements BlobSink {
    @Override
    public long size() {
      return partial.size();
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      partial.write(bytes, offset, length);
    }

    @Override
    public void restart() throws IOException {
      partial.restart();
    }
  }
}
