package dev.gantry.engine.logs;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;

/// How far an intake has come, in a page shared with the kernel: a store into it survives the end
/// of this process.
///
/// ```
///    0  format                       4096  where a terminal's bytes land
///    8  which of the two is valid
///   16  place in the spool of what has landed; -1 while that is not certain
///   64, 128  log size, then per stream: which spool file, bytes of it done
/// ```
///
/// A change is written into the record that is not valid, which one store then makes valid.
///
/// The landing place is filled with 0xFF, which no UTF-8 text holds, so that after a crash in the
/// middle of a read the length of what has come can be seen.
final class IntakeState implements AutoCloseable {
  static final int LANDING = 4096;

  private static final String NAME = "log.state";
  private static final long FORMAT = 0x676e_7472_796c_6f31L;
  private static final int SIZE = 2 * LANDING;
  private static final long VALID = 8;
  private static final long LANDED_AT = 16;
  private static final int RECORD = 64;
  private static final byte FILL = (byte) 0xff;
  private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();

  private final Arena arena;
  private final MemorySegment page;
  private final ByteBuffer landing;

  private IntakeState(Arena arena, MemorySegment page) {
    this.arena = arena;
    this.page = page;
    this.landing = page.asSlice(LANDING, LANDING).asByteBuffer();
  }

  /// A new state: the log is `logSize` long, and nothing has been taken.
  static IntakeState create(Path folder, long logSize) throws IOException {
    Path fresh = folder.resolve(NAME + ".new");
    byte[] zeros = new byte[SIZE];
    Arrays.fill(zeros, LANDING, SIZE, FILL);
    // written, not just mapped: where there is no room a write fails, a store kills
    Files.write(fresh, zeros);
    IntakeState state = map(fresh);
    state.page.set(ValueLayout.JAVA_LONG, LANDED_AT, -1);
    state.page.set(ValueLayout.JAVA_LONG, RECORD, logSize);
    LONG.setVolatile(state.page, 0L, FORMAT);
    Files.move(fresh, folder.resolve(NAME));
    return state;
  }

  /// The state that an earlier process left.
  static Optional<IntakeState> find(Path folder) throws IOException {
    Path file = folder.resolve(NAME);
    if (!Files.exists(file) || Files.size(file) != SIZE) {
      return Optional.empty();
    }
    IntakeState state = map(file);
    if (state.page.get(ValueLayout.JAVA_LONG, 0) != FORMAT) {
      state.close();
      return Optional.empty();
    }
    return Optional.of(state);
  }

  private static IntakeState map(Path file) throws IOException {
    Arena arena = Arena.ofShared();
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      return new IntakeState(arena, channel.map(FileChannel.MapMode.READ_WRITE, 0, SIZE, arena));
    } catch (IOException e) {
      arena.close();
      throw e;
    }
  }

  private long valid() {
    long which = (long) LONG.getVolatile(page, VALID);
    return which == 0 ? RECORD : 2 * RECORD;
  }

  private long get(long field) {
    return page.get(ValueLayout.JAVA_LONG, valid() + 8 * field);
  }

  /// How long the log was when that was noted last.
  long logSize() {
    return get(0);
  }

  /// Which of a stream's spool files is the present one.
  long spool(String stream) {
    return get(field(stream));
  }

  /// How much of that file is in the log.
  long done(String stream) {
    return get(field(stream) + 1);
  }

  private static int field(String stream) {
    return stream.equals("stderr") ? 3 : 1;
  }

  synchronized void noteLogSize(long logSize) {
    publish(logSize, 1, get(1), get(2));
  }

  synchronized void note(long logSize, String stream, long spool, long done) {
    publish(logSize, field(stream), spool, done);
  }

  synchronized void noteSpool(String stream, long spool, long done) {
    publish(get(0), field(stream), spool, done);
  }

  private void publish(long logSize, int field, long spool, long done) {
    long from = valid();
    long to = from == RECORD ? 2 * RECORD : RECORD;
    MemorySegment.copy(page, from, page, to, 5 * 8);
    page.set(ValueLayout.JAVA_LONG, to, logSize);
    page.set(ValueLayout.JAVA_LONG, to + 8L * field, spool);
    page.set(ValueLayout.JAVA_LONG, to + 8L * field + 8, done);
    LONG.setVolatile(page, VALID, to == RECORD ? 0L : 1L);
  }

  // ---- the landing place of a terminal's bytes

  /// Prepares for a read whose bytes belong at `spoolSize` of the spool, and answers where they
  /// land.
  ByteBuffer landing(long spoolSize) {
    LONG.setVolatile(page, LANDED_AT, spoolSize);
    return landing.clear();
  }

  /// What has landed is in the spool: clears the place.
  void cleared(int count) {
    LONG.setVolatile(page, LANDED_AT, -1L);
    page.asSlice(LANDING, count).fill(FILL);
  }

  /// Where in the spool the bytes of [#landed()] belong; -1 if nothing is certain to have landed.
  long landedAt() {
    return (long) LONG.getVolatile(page, LANDED_AT);
  }

  /// What a read had brought when the process ended, perhaps nothing.
  ByteBuffer landed() {
    int count = LANDING;
    while (count > 0 && landing.get(count - 1) == FILL) {
      count--;
    }
    return landing.clear().limit(count);
  }

  @Override
  public void close() {
    arena.close();
  }
}
