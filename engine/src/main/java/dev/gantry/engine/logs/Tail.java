package dev.gantry.engine.logs;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/// Finds where the last part of a log begins, by how much is in it.
public final class Tail {
  /// The first line of a part: of those of one time, the one that `before` others come before.
  public record Begin(Instant time, long before) {
    /// Whether a line belongs to the part.
    ///
    /// @param index how many lines of its time come before it
    public boolean includes(Instant other, long index) {
      int order = other.compareTo(time);
      return order > 0 || order == 0 && index >= before;
    }
  }

  private record Piece(Instant time, long bytes) {}

  private long bytes;
  private long lines;
  private boolean full;
  private Instant begin = Instant.MAX;
  private long before;

  private Tail(long bytes, long lines) {
    this.bytes = bytes;
    this.lines = lines;
  }

  /// The begin of the last lines that together are at most `lines`, with texts of at most `bytes`;
  /// [Instant#EPOCH] if that is the whole log, [Instant#MAX] if it is none. Reads no more than that
  /// of files that are not compressed.
  public static Begin begin(LogFile log, long bytes, long lines) throws IOException {
    Tail tail = new Tail(bytes, lines);
    for (long number = log.newest(); number >= log.oldest(); number--) {
      Optional<LogFile.Part> part = log.open(number);
      if (part.isEmpty()) {
        break;
      }
      try (LogFile.Part p = part.get()) {
        FileChannel plain = p.plain();
        if (plain == null ? tail.isFoundInAllOf(p) : tail.isFoundAtEndOf(plain)) {
          break;
        }
      }
    }
    return tail.full ? new Begin(tail.begin, tail.before) : new Begin(Instant.EPOCH, 0);
  }

  /// Takes the piece before those so far; true when nothing further is of interest.
  private boolean isFoundBefore(Piece piece) {
    full |= lines < 1 || bytes < piece.bytes();
    if (full) {
      boolean same = piece.time().equals(begin);
      before += same ? 1 : 0;
      return !same;
    }
    lines--;
    bytes -= piece.bytes();
    begin = piece.time();
    return false;
  }

  private static Optional<Piece> piece(byte[] bytes, int start, int length) {
    return LogLine.decode(bytes, start, length).map(e -> new Piece(e.time(), e.text().length));
  }

  private boolean isFoundAtEndOf(FileChannel file) throws IOException {
    BackwardLines back = new BackwardLines(file, file.size());
    while (back.next()) {
      Optional<Piece> piece = piece(back.bytes(), back.start(), back.length());
      if (piece.isPresent() && isFoundBefore(piece.get())) {
        return true;
      }
    }
    return false;
  }

  /// A compressed file is read from its beginning, and of its end as much is kept as can be wanted.
  private boolean isFoundInAllOf(LogFile.Part part) throws IOException {
    Deque<Piece> last = new ArrayDeque<>();
    long kept = 0;
    Instant removed = Instant.MIN;
    long together = 0; // how many of those that were removed last have the same time
    ForwardLines forward = new ForwardLines(part, 0);
    while (forward.next()) {
      Optional<Piece> piece = piece(forward.bytes(), forward.start(), forward.length());
      if (piece.isPresent()) {
        last.addLast(piece.get());
        kept += piece.get().bytes();
        while (kept > bytes || last.size() > lines) {
          Piece first = last.removeFirst();
          kept -= first.bytes();
          together = first.time().equals(removed) ? together + 1 : 1;
          removed = first.time();
        }
      }
    }
    for (Piece piece = last.pollLast(); piece != null; piece = last.pollLast()) {
      boolean ignored = isFoundBefore(piece); // they have room
    }
    full |= together > 0;
    before += removed.equals(begin) ? together : 0;
    return full;
  }
}
