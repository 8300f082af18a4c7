package dev.gantry.server;

import dev.gantry.base.BulkInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Optional;

/// The server's side of a WebSocket (RFC 6455) without extensions: a byte stream each way. What the
/// client sends in text and binary frames is read as one stream; each write goes out as one frame.
/// Pings are answered while reading. Reading and writing may be done by two threads.
final class WebSocket {
  private static final String MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  private static final int MAX_FRAME = 1 << 20;
  private static final int TEXT = 1;
  private static final int BINARY = 2;
  private static final int CLOSE = 8;
  private static final int PING = 9;
  private static final int PONG = 10;

  private final InputStream in;
  private final OutputStream out;
  private final int opcode;
  private boolean closed;

  /// @param binary whether output goes into binary frames instead of text
  WebSocket(InputStream in, OutputStream out, boolean binary) {
    this.in = in;
    this.out = out;
    this.opcode = binary ? BINARY : TEXT;
  }

  /// What is wrong with the client's handshake; empty where it is fine.
  static Optional<String> refusal(HttpRequest q) {
    boolean upgrade =
        q.header("Upgrade").orElse("").equalsIgnoreCase("websocket")
            && q.header("Connection")
                .orElse("")
                .toLowerCase(java.util.Locale.ROOT)
                .contains("upgrade");
    if (!upgrade) {
      return Optional.of("not websocket protocol");
    }
    if (!q.header("Sec-WebSocket-Version").orElse("").equals("13")) {
      return Optional.of("missing or bad WebSocket Version");
    }
    return q.header("Sec-WebSocket-Key").orElse("").isEmpty()
        ? Optional.of("mismatch challenge/response")
        : Optional.empty();
  }

  /// The head of the answer that accepts `key`.
  static String head(String key) {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: "
        + accept(key)
        + "\r\n";
  }

  static String accept(String key) {
    try {
      byte[] sum =
          MessageDigest.getInstance("SHA-1")
              .digest((key + MAGIC).getBytes(StandardCharsets.US_ASCII));
      return Base64.getEncoder().encodeToString(sum);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  // ---- frames out

  private void send(int code, byte[] bytes, int offset, int length) throws IOException {
    ByteArrayOutputStream frame = new ByteArrayOutputStream(length + 10);
    frame.write(0x80 | code);
    if (length < 126) {
      frame.write(length);
    } else if (length < 1 << 16) {
      frame.write(126);
      frame.write(length >> 8);
      frame.write(length);
    } else {
      frame.write(127);
      for (int shift = 56; shift >= 0; shift -= 8) {
        frame.write((int) ((long) length >> shift));
      }
    }
    frame.write(bytes, offset, length);
    synchronized (out) {
      if (!closed) {
        closed = code == CLOSE;
        out.write(frame.toByteArray());
        out.flush();
      }
    }
  }

  /// Says the normal end.
  void close() throws IOException {
    send(CLOSE, new byte[] {0x03, (byte) 0xe8}, 0, 2);
  }

  OutputStream output() {
    return new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int offset, int length) throws IOException {
        if (length > 0) {
          send(opcode, bytes, offset, length);
        }
      }
    };
  }

  // ---- frames in

  InputStream input() {
    return new BulkInputStream() {
      private byte[] data = new byte[0];
      private int at;

      @Override
      public int read(byte[] buffer, int offset, int length) throws IOException {
        if (length == 0) {
          return 0;
        }
        while (at == data.length) {
          Optional<byte[]> next = receive();
          if (next.isEmpty()) {
            return -1;
          }
          data = next.get();
          at = 0;
        }
        int n = Math.min(length, data.length - at);
        System.arraycopy(data, at, buffer, offset, n);
        at += n;
        return n;
      }
    };
  }

  /// The next frame's data; empty when the client is done.
  private Optional<byte[]> receive() throws IOException {
    while (true) {
      int first = in.read();
      if (first < 0) {
        return Optional.empty();
      }
      byte[] data = payload();
      switch (first & 15) {
        case 0, TEXT, BINARY -> {
          return Optional.of(data);
        }
        case CLOSE -> {
          close();
          return Optional.empty();
        }
        case PING -> send(PONG, data, 0, data.length);
        case PONG -> {}
        default -> throw new IOException("unknown WebSocket frame " + (first & 15));
      }
    }
  }

  private byte[] payload() throws IOException {
    int second = need(1)[0] & 0xff;
    long length = second & 127;
    if (length >= 126) {
      long value = 0;
      for (byte b : need(length == 126 ? 2 : 8)) {
        value = value << 8 | b & 0xff;
      }
      length = value;
    }
    if ((second & 128) == 0 || length < 0 || length > MAX_FRAME) {
      throw new IOException("a WebSocket frame is unmasked or over 1 MiB");
    }
    byte[] mask = need(4);
    byte[] data = need((int) length);
    for (int i = 0; i < data.length; i++) {
      data[i] ^= mask[i % 4];
    }
    return data;
  }

  private byte[] need(int count) throws IOException {
    byte[] bytes = in.readNBytes(count);
    if (bytes.length < count) {
      throw new EOFException("the client left in the middle of a frame");
    }
    return bytes;
  }
}
