package dev.gantry.network;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Writes one netlink message: header, the family's fixed part, attributes that may nest
/// (netlink(7), rtnetlink(7)). Numbers are in native order; nf_tables wants its own in network
/// order, for which there are the `…Big` forms.
final class NetlinkMessage {
  static final int REQUEST = 0x001;
  static final int ACK = 0x004;
  static final int DUMP = 0x300;
  static final int EXCLUSIVE = 0x200;
  static final int CREATE = 0x400;
  static final int APPEND = 0x800;
  static final int REPLACE = 0x100;
  static final int HEADER = 16;
  private static final int NESTED = 0x8000;

  private ByteBuffer buffer = ByteBuffer.allocate(256).order(ByteOrder.nativeOrder());

  NetlinkMessage(int type, int flags) {
    buffer.putInt(0).putShort((short) type).putShort((short) flags).putInt(0).putInt(0);
  }

  private ByteBuffer room(int bytes) {
    if (buffer.remaining() < bytes) {
      ByteBuffer larger =
          ByteBuffer.allocate(Math.max(buffer.capacity() * 2, buffer.position() + bytes))
              .order(ByteOrder.nativeOrder());
      buffer.flip();
      buffer = larger.put(buffer);
    }
    return buffer;
  }

  NetlinkMessage u8(int value) {
    room(1).put((byte) value);
    return this;
  }

  NetlinkMessage u16(int value) {
    room(2).putShort((short) value);
    return this;
  }

  NetlinkMessage u32(int value) {
    room(4).putInt(value);
    return this;
  }

  NetlinkMessage raw(byte[] bytes) {
    room(bytes.length).put(bytes);
    return this;
  }

  /// Where the next byte goes: for values that are filled in later.
  int position() {
    return buffer.position();
  }

  NetlinkMessage attribute(int type, byte[] value) {
    room(4).putShort((short) (4 + value.length)).putShort((short) type);
    return raw(value).align();
  }

  NetlinkMessage attribute(int type, int value) {
    room(8).putShort((short) 8).putShort((short) type).putInt(value);
    return this;
  }

  NetlinkMessage attributeU8(int type, int value) {
    return attribute(type, new byte[] {(byte) value});
  }

  NetlinkMessage attributeBig(int type, int value) {
    return attribute(type, bigEndian(value));
  }

  /// A text with its closing NUL.
  NetlinkMessage attribute(int type, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return attribute(type, java.util.Arrays.copyOf(bytes, bytes.length + 1));
  }

  /// Attributes inside an attribute. A nest past 64 kB cannot be written: cut the list before.
  NetlinkMessage nest(int type, Runnable content) {
    return nestPlain(type | NESTED, content);
  }

  /// As [#nest] without the flag, which old attributes of rtnetlink do not have.
  NetlinkMessage nestPlain(int type, Runnable content) {
    int start = buffer.position();
    room(4).putShort((short) 0).putShort((short) type);
    content.run();
    int length = buffer.position() - start;
    if (length > 0xffff) {
      throw new IllegalStateException("a netlink attribute of " + length + " bytes");
    }
    buffer.putShort(start, (short) length);
    return this;
  }

  NetlinkMessage align() {
    while ((buffer.position() & 3) != 0) {
      u8(0);
    }
    return this;
  }

  /// The finished message.
  byte[] bytes() {
    align();
    byte[] bytes = new byte[buffer.position()];
    buffer.putInt(0, bytes.length);
    System.arraycopy(buffer.array(), 0, bytes, 0, bytes.length);
    return bytes;
  }

  static byte[] bigEndian(int value) {
    return ByteBuffer.allocate(4).putInt(value).array();
  }

  /// Messages back to back, as one send takes them.
  static byte[] join(List<byte[]> messages) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    messages.forEach(all::writeBytes);
    return all.toByteArray();
  }

  /// The attributes in `payload` from `offset` on, by type without flags; of several of one type
  /// the last.
  static Map<Integer, byte[]> attributes(byte[] payload, int offset) {
    Map<Integer, byte[]> result = new HashMap<>();
    ByteBuffer in = ByteBuffer.wrap(payload).order(ByteOrder.nativeOrder());
    for (int at = offset; at + 4 <= payload.length; ) {
      int length = Short.toUnsignedInt(in.getShort(at));
      if (length < 4 || at + length > payload.length) {
        break;
      }
      byte[] value = new byte[length - 4];
      System.arraycopy(payload, at + 4, value, 0, value.length);
      result.put(in.getShort(at + 2) & 0x3fff, value);
      at += (length + 3) & ~3;
    }
    return result;
  }

  /// A text attribute up to its NUL.
  static String text(byte[] value) {
    int length = 0;
    while (length < value.length && value[length] != 0) {
      length++;
    }
    return new String(value, 0, length, StandardCharsets.UTF_8);
  }
}
