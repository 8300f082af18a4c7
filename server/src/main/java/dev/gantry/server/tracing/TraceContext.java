package dev.gantry.server.tracing;

import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Who asks, as the request's headers tell (W3C Trace Context): `traceparent` of version 00, or the
/// beginning of a later one; what is malformed counts as absent.
///
/// @param trace id, 16 bytes, or none
/// @param span id, 8 bytes, or none
/// @param sampled whether the caller keeps its part
/// @param state `tracestate`, passed on as it is
record TraceContext(byte[] trace, byte[] span, boolean sampled, String state) {
  static final TraceContext NONE = new TraceContext(new byte[0], new byte[0], false, "");

  private static final Pattern PARENT =
      Pattern.compile("([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?");

  static TraceContext of(Optional<String> parent, Optional<String> state) {
    Matcher m = PARENT.matcher(parent.orElse("").strip());
    if (!m.matches()
        || m.group(1).equals("ff")
        || m.group(1).equals("00") && m.group(5) != null
        || m.group(2).equals("0".repeat(32))
        || m.group(3).equals("0".repeat(16))) {
      return NONE;
    }
    HexFormat hex = HexFormat.of();
    return new TraceContext(
        hex.parseHex(m.group(2)),
        hex.parseHex(m.group(3)),
        (hex.parseHex(m.group(4))[0] & 1) != 0,
        state.orElse(""));
  }

  boolean isRemote() {
    return trace.length > 0;
  }
}
