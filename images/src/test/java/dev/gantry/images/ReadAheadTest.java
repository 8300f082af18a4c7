package dev.gantry.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReadAheadTest {
  private static final int BUFFER = 256 * 1024;

  @ParameterizedTest
  @ValueSource(ints = {0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER, 40 * BUFFER + 7})
  void givesWhatTheSourceHas(int size) throws IOException {
    byte[] content = new byte[size];
    new Random(size).nextBytes(content);
    try (ReadAhead in = new ReadAhead(new ByteArrayInputStream(content), "test")) {
      assertArrayEquals(content, in.readAllBytes());
      assertEquals(-1, in.read(), "the end stays the end");
    }
  }

  @Test
  void failureComesBehindWhatCameBefore() throws IOException {
    InputStream broken =
        new InputStream() {
          @Override
          public int read() throws IOException {
            throw new IOException("broken");
          }
        };
    InputStream source =
        new SequenceInputStream(new ByteArrayInputStream(new byte[BUFFER]), broken);
    try (ReadAhead in = new ReadAhead(source, "test")) {
      assertEquals(BUFFER, in.readNBytes(BUFFER).length);
      assertEquals("broken", assertThrows(IOException.class, in::read).getMessage());
    }
  }

  @Test
  void readsNoMoreAheadThanFourMebibytes() throws Exception {
    AtomicLong taken = new AtomicLong();
    AtomicBoolean closed = new AtomicBoolean();
    InputStream endless =
        new InputStream() {
          @Override
          public int read() {
            taken.incrementAndGet();
            return 7;
          }

          @Override
          public int read(byte[] bytes, int offset, int length) {
            taken.addAndGet(length);
            Arrays.fill(bytes, offset, offset + length, (byte) 7);
            return length;
          }

          @Override
          public void close() {
            closed.set(true);
          }
        };
    try (ReadAhead in = new ReadAhead(endless, "test")) {
      for (int i = 0; i < 100; i++) {
        assertEquals(BUFFER, in.readNBytes(BUFFER).length);
      }
      assertTrue(taken.get() <= (100 + 17) * (long) BUFFER, "took " + taken.get());
    }
    assertTrue(closed.get());
  }
}
