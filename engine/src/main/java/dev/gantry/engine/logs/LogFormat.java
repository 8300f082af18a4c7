package dev.gantry.engine.logs;

import java.time.Instant;
import java.util.Map;

/// How entries are written; reading tells the two apart by their first byte.
public enum LogFormat {
  /// Docker's `json-file`: see [LogLine].
  JSON,
  /// The driver `local`, and what is kept beside a driver that sends lines elsewhere: see
  /// [CompactLine].
  COMPACT;

  // what is written at once; short lines grow to many times their size
  private static final int PIECE = 256 * 1024;

  /// Appends the entries that `bytes` holds whole, and what is left over too if `all`, until about
  /// as much is there as should be written at once.
  ///
  /// @return how many of the `count` bytes from `from` on were used
  int encode(
      LogLine.Buffer out,
      byte[] bytes,
      int from,
      int count,
      boolean all,
      String stream,
      Instant time,
      Map<String, String> attributes) {
    byte[] fixed =
        this == JSON
            ? LogLine.ending(stream, time, attributes)
            : CompactLine.beginning(stream, time, attributes);
    int to = from + count;
    int at = from;
    while (at < to && out.length() < PIECE) {
      int end = LogLine.endOfEntry(bytes, at, to);
      if (end < 0) {
        if (!all) {
          break;
        }
        end = to;
      }
      if (this == JSON) {
        LogLine.put(out, bytes, at, end, fixed);
      } else {
        CompactLine.put(out, bytes, at, end, fixed);
      }
      at = end;
    }
    return at - from;
  }
}
