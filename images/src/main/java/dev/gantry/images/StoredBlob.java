package dev.gantry.images;

import dev.gantry.base.BulkInputStream;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.registryclient.BlobSource;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;

/// A blob of the content store on its way to a registry.
class StoredBlob implements BlobSource {
  private final ContentStore content;
  private final Descriptor blob;

  StoredBlob(ContentStore content, Descriptor blob) {
    this.content = content;
    this.blob = blob;
  }

  @Override
  public Digest digest() {
    return blob.digest();
  }

  @Override
  public long length() {
    return blob.size();
  }

  /// The first `at` bytes have been read.
  void read(long at) {}

  @Override
  public InputStream open(long from, long length) throws IOException {
    FileChannel file = FileChannel.open(content.path(blob.digest()), StandardOpenOption.READ);
    file.position(from);
    InputStream all = Channels.newInputStream(file);
    return new BulkInputStream() {
      private long at = from;

      @Override
      public int read(byte[] bytes, int offset, int wanted) throws IOException {
        long left = from + length - at;
        if (left == 0) {
          return -1;
        }
        int n = all.read(bytes, offset, (int) Math.min(wanted, left));
        if (n > 0) {
          at += n;
          StoredBlob.this.read(at);
        }
        return n;
      }

      @Override
      public void close() throws IOException {
        all.close();
      }
    };
  }
}
