package dev.gantry.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.junit.jupiter.api.Test;

class WholeBodyTest {
  private static InputStream body(int length) {
    return new ByteArrayInputStream(new byte[length]);
  }

  private static int length(int length) throws IOException {
    return WholeBody.read(body(length), String::length);
  }

  @Test
  void readsToTheEnd() throws IOException {
    assertEquals(0, length(0));
    assertEquals(100_000, length(100_000));
    assertEquals(WholeBody.MOST, length(WholeBody.MOST));
  }

  @Test
  void refusesWhatIsTooLong() {
    assertThrows(Failure.TooLarge.class, () -> length(WholeBody.MOST + 1));
  }

  /// Whatever became of a body, what it held is given back: each is tried far more often than there
  /// is room for.
  @Test
  void givesBackWhatItHeld() throws IOException {
    for (int i = 0; i < 10; i++) {
      assertThrows(Failure.TooLarge.class, () -> length(WholeBody.MOST + 1));
      assertThrows(
          IllegalStateException.class,
          () ->
              WholeBody.read(
                  body(WholeBody.MOST),
                  text -> {
                    throw new IllegalStateException("refused");
                  }));
    }
    assertEquals(WholeBody.MOST, length(WholeBody.MOST));
  }

  @Test
  void onlySoManyLargeOnesAreInTheHeapAtOnceAndSmallOnesAlways() throws IOException {
    assertThrows(Failure.Unavailable.class, () -> nested(10));
    assertEquals(4, nested(3));
  }

  /// Reads so many more while it holds one; how many there were.
  private static int nested(int more) throws IOException {
    return WholeBody.read(
        body(WholeBody.MOST),
        text -> {
          try {
            assertEquals(1000, length(1000));
            return more == 0 ? 1 : 1 + nested(more - 1);
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        });
  }
}
