package dev.gantry.images;

import com.github.luben.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;

/// How a layer or another archive is packed, told by its first bytes.
public enum Compression {
  NONE(""),
  GZIP("+gzip"),
  ZSTD("+zstd");

  /// Bits of the largest zstd window that is accepted: 128 MiB, as the zstd program has it.
  private static final int MAX_WINDOW = 27;

  private final String suffix;

  Compression(String suffix) {
    this.suffix = suffix;
  }

  /// The OCI media type of a layer packed so.
  String layerType() {
    return "application/vnd.oci.image.layer.v1.tar" + suffix;
  }

  /// Looks at the beginning of `in` without taking it.
  public static Compression of(BufferedInputStream in) throws IOException {
    in.mark(8);
    byte[] start = in.readNBytes(4);
    in.reset();
    if (start.length >= 2 && (start[0] & 0xff) == 0x1f && (start[1] & 0xff) == 0x8b) {
      return GZIP;
    }
    if (start.length >= 4
        && (start[0] & 0xff) == 0x28
        && (start[1] & 0xff) == 0xb5
        && start[2] == 0x2f
        && (start[3] & 0xff) == 0xfd) {
      return ZSTD;
    }
    return NONE;
  }

  /// The bytes that were packed.
  public InputStream unpack(InputStream in) throws IOException {
    return switch (this) {
      case NONE -> in;
      case GZIP -> new GunzipStream(in);
      case ZSTD -> new ZstdInputStream(in).setLongMax(MAX_WINDOW);
    };
  }
}
