package dev.gantry.grpc;

import java.io.IOException;

/// The peer broke HTTP/2's rules: the connection ends with this code (RFC 9113, section 7).
final class Http2Exception extends IOException {
  private static final long serialVersionUID = 1L;

  static final int PROTOCOL = 1;
  static final int FLOW_CONTROL = 3;
  static final int FRAME_SIZE = 6;
  static final int REFUSED = 7;
  static final int CANCEL = 8;
  static final int COMPRESSION = 9;
  static final int CALM = 11;

  private final int code;

  Http2Exception(int code, String message) {
    super(message);
    this.code = code;
  }

  int code() {
    return code;
  }
}
