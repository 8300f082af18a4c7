package dev.gantry.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ZstdStreamTest {
  private static final byte[] CONTENT = new byte[3_000_000];

  static {
    new Random(1).nextBytes(CONTENT);
  }

  private static byte[] streamed(int bits) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZstdOutputStream zstd = new ZstdOutputStream(out).setLong(bits)) {
      zstd.write(CONTENT, 0, 2_000_000); // in two parts, so that the size is not known before
      zstd.write(CONTENT, 2_000_000, 1_000_000);
    }
    return out.toByteArray();
  }

  private static ZstdStream open(byte[] packed) throws IOException {
    return ZstdStream.of(new ByteArrayInputStream(packed));
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 23, 27})
  void windowIsReadFromTheFrame(int bits) throws IOException {
    byte[] packed = streamed(bits);
    assertEquals(1L << bits, ZstdStream.window(packed));
    try (ZstdStream in = open(packed)) {
      assertArrayEquals(CONTENT, in.readAllBytes());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 200, 256, 70_000, 3_000_000})
  void frameOfOneSegmentIsItsOwnWindow(int size) throws IOException {
    byte[] content = Arrays.copyOf(CONTENT, size);
    byte[] packed = Zstd.compress(content);
    // small content stands in one segment; of larger the frame may name a window of its own
    assertEquals(true, ZstdStream.window(packed) >= Math.min(size, 1 << 20));
    try (ZstdStream in = open(packed)) {
      assertArrayEquals(content, in.readAllBytes());
    }
  }

  @Test
  void largeWindowsComeOneAfterTheOther() throws Exception {
    byte[] packed = streamed(27);
    CompletableFuture<byte[]> second;
    try (ZstdStream first = open(packed)) {
      second =
          CompletableFuture.supplyAsync(
              () -> {
                try (ZstdStream in = open(packed)) {
                  return in.readAllBytes();
                } catch (IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              });
      assertArrayEquals(CONTENT, first.readAllBytes());
      assertFalse(second.isDone());
    }
    assertArrayEquals(CONTENT, second.get(1, TimeUnit.MINUTES));
  }

  @Test
  void largerWindowsThanTheProgramsAreRefused() throws IOException {
    byte[] packed = streamed(27);
    packed[5] = (byte) ((31 - 10) << 3);
    try (ZstdStream in = open(packed)) {
      assertThrows(IOException.class, in::readAllBytes);
    }
    for (int i = 0; i < 300; i++) { // what is refused or cut off gives its share back
      byte[] cut = Arrays.copyOf(packed, 5 + i % 10);
      try (ZstdStream in = open(cut)) {
        assertThrows(IOException.class, in::readAllBytes);
      }
    }
  }
}
