package dev.gantry.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

class GunzipStreamTest {
  static byte[] gzip(byte[] plain) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(plain);
    }
    return out.toByteArray();
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  /// One byte at a time, and never any available: as bad as a network can be.
  private static InputStream slow(byte[] bytes) {
    return new InputStream() {
      private int at;

      @Override
      public int read() {
        return at < bytes.length ? bytes[at++] & 0xff : -1;
      }

      @Override
      public int read(byte[] b, int offset, int length) {
        int next = read();
        if (next < 0) {
          return -1;
        }
        b[offset] = (byte) next;
        return 1;
      }
    };
  }

  @Test
  void manyMembersAreOneStream() throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    ByteArrayOutputStream plain = new ByteArrayOutputStream();
    for (int i = 0; i < 50; i++) {
      byte[] part = random(i * 37);
      packed.writeBytes(gzip(part));
      plain.writeBytes(part);
    }
    packed.writeBytes(new byte[700]); // padding, as on tapes
    assertArrayEquals(
        plain.toByteArray(), new GunzipStream(slow(packed.toByteArray())).readAllBytes());
    assertArrayEquals(
        plain.toByteArray(),
        new GunzipStream(new ByteArrayInputStream(packed.toByteArray())).readAllBytes());
  }

  @Test
  void damageIsAnError() throws IOException {
    byte[] packed = gzip(random(100_000));
    byte[] trailer = packed.clone();
    trailer[packed.length - 6] ^= 1;
    byte[] inside = packed.clone();
    inside[5000] ^= 1;
    for (byte[] bad :
        new byte[][] {
          new byte[0],
          {0x1f},
          Arrays.copyOf(packed, packed.length - 1),
          Arrays.copyOf(packed, 500),
          trailer,
          inside,
          Arrays.copyOf(packed, packed.length + 3).clone()
        }) {
      if (bad.length == packed.length + 3) {
        bad[packed.length] = 'x';
      }
      assertThrows(
          IOException.class, () -> new GunzipStream(new ByteArrayInputStream(bad)).readAllBytes());
    }
  }
}
