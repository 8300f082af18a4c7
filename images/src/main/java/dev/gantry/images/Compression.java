package dev.gantry.images;

import com.github.luben.zstd.ZstdOutputStream;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;

/// How a layer or another archive is packed, told by its first bytes.
public enum Compression {
  NONE(""),
  GZIP("+gzip"),
  ZSTD("+zstd"),
  /// Of archives alone: no registry takes layers packed so.
  BZIP2(""),
  /// As BZIP2; unpacked by the machine's program `xz`.
  XZ("");

  private static final int BUFFER = 128 * 1024;

  private static final byte[] XZ_START = {(byte) 0xfd, '7', 'z', 'X', 'Z', 0};

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
    byte[] start = in.readNBytes(6);
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
    if (start.length >= 4
        && start[0] == 'B'
        && start[1] == 'Z'
        && start[2] == 'h'
        && start[3] >= '1'
        && start[3] <= '9') {
      return BZIP2;
    }
    return java.util.Arrays.equals(start, XZ_START) ? XZ : NONE;
  }

  /// Whether layers are stored in this form.
  boolean isForLayers() {
    return this != BZIP2 && this != XZ;
  }

  /// The bytes that were packed.
  public InputStream unpack(InputStream in) throws IOException {
    return switch (this) {
      case NONE -> in;
      case GZIP -> new GunzipStream(in);
      case BZIP2 -> new BZip2CompressorInputStream(in, true);
      case XZ -> new XzStream(in);
      case ZSTD -> ZstdStream.of(in);
    };
  }

  /// Packs what is written, for layers.
  ///
  /// @param level 0 for the usual one, which is fast rather than small: the network is seldom
  ///   slower than gzip's own standard is
  OutputStream pack(OutputStream out, int level) throws IOException {
    return switch (this) {
      case NONE -> out;
      case GZIP -> new Gzip(out, level == 0 ? Deflater.BEST_SPEED + 2 : level);
      case ZSTD -> new ZstdOutputStream(out, level == 0 ? 3 : level);
      case BZIP2, XZ -> throw new IllegalStateException("no form of layers: " + this);
    };
  }

  private static final class Gzip extends GZIPOutputStream {
    Gzip(OutputStream out, int level) throws IOException {
      super(out, BUFFER);
      def.setLevel(level);
    }
  }
}
