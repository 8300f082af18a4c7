package dev.gantry.buildkit;

import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.IOException;
import java.io.InputStream;

/// The bytes of a stream of `BytesMessage`s.
final class MessageInput extends InputStream {
  private final Call call;
  private byte[] data = new byte[0];
  private int at;
  private boolean ended;

  MessageInput(Call call) {
    this.call = call;
  }

  private boolean fill() throws IOException {
    try {
      while (at == data.length && !ended) {
        byte[] message = call.receive();
        ended = message == null;
        data = message == null ? new byte[0] : Message.decode(message).bytes(1);
        at = 0;
      }
    } catch (GrpcException e) {
      throw new IOException(e.text(), e);
    }
    return at < data.length;
  }

  @Override
  public int read() throws IOException {
    return fill() ? data[at++] & 0xff : -1;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    if (!fill()) {
      return -1;
    }
    int n = Math.min(length, data.length - at);
    System.arraycopy(data, at, buffer, offset, n);
    at += n;
    return n;
  }

  @Override
  public int available() {
    return data.length - at;
  }

  @Override
  public void close() {
    call.close();
  }
}
