package dev.gantry.buildkit;

import dev.gantry.grpc.Call;
import dev.gantry.grpc.Message;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;

/// Bytes as a stream of `BytesMessage`s. Closing it ends our side of the call.
final class MessageOutput extends OutputStream {
  private final Call call;
  private final int most;

  /// @param most bytes in one message
  MessageOutput(Call call, int most) {
    this.call = call;
    this.most = most;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    for (int at = offset; at < offset + length; at += most) {
      call.send(
          new Message()
              .bytes(1, Arrays.copyOfRange(bytes, at, Math.min(at + most, offset + length))));
    }
  }

  @Override
  public void close() throws IOException {
    call.half();
  }
}
