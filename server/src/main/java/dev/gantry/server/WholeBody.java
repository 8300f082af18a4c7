package dev.gantry.server;

import dev.gantry.base.Failure;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Semaphore;
import java.util.function.Function;

/// Reads the bodies that are needed as a whole, with a bound on each and on all that are in the
/// heap at a time. A client that sends slowly holds no more than what it has sent, and the first
/// piece of each costs nothing: requests as people make them always come through.
final class WholeBody {
  /// Bytes of one: the kernel takes no more than 6 MiB of arguments and environment.
  static final int MOST = 8 << 20;

  private static final int PIECE = 64 * 1024;

  // the heap is one for the whole process, whoever listens in it
  private static final Semaphore PIECES = new Semaphore((32 << 20) / PIECE);

  private WholeBody() {}

  /// Reads the body to its end and gives its text to `use`; what that returns should be small.
  ///
  /// @throws Failure.TooLarge for more than [#MOST] bytes
  /// @throws Failure.Unavailable while other large bodies fill the bound on all
  static <T> T read(InputStream body, Function<String, T> use) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    int held = 0;
    try {
      all.writeBytes(body.readNBytes(PIECE));
      for (byte[] piece = body.readNBytes(PIECE);
          piece.length > 0;
          piece = body.readNBytes(PIECE)) {
        if (all.size() + piece.length > MOST) {
          throw new Failure.TooLarge("the request body is over 8 MiB");
        }
        if (!PIECES.tryAcquire()) {
          throw new Failure.Unavailable(
              "too many large requests at once: try again when others are done");
        }
        held++;
        all.writeBytes(piece);
      }
      return use.apply(all.toString(StandardCharsets.UTF_8));
    } finally {
      PIECES.release(held);
    }
  }
}
