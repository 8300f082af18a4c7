package dev.gantry.grpc;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A protobuf message as numbered fields. Written field by field; read by asking for a field in the
/// type that the interface's description gives it.
///
/// Fields with the type's default value are left out when written and read as the default. Not
/// thread-safe. See the protobuf encoding, wire types 0, 1, 2 and 5.
public final class Message {
  private static final int MOST_FIELDS = 1_000_000;

  /// To be written in eight bytes; read as a number like others.
  private record Fixed(long value) {}

  private final Map<Integer, List<Object>> fields = new LinkedHashMap<>();

  // ---- writing

  public Message text(int field, String value) {
    return value.isEmpty() ? this : add(field, value.getBytes(StandardCharsets.UTF_8));
  }

  public Message texts(int field, List<String> values) {
    values.forEach(v -> add(field, v.getBytes(StandardCharsets.UTF_8)));
    return this;
  }

  public Message bytes(int field, byte[] value) {
    return value.length == 0 ? this : add(field, value);
  }

  public Message number(int field, long value) {
    return value == 0 ? this : add(field, value);
  }

  public Message flag(int field, boolean value) {
    return number(field, value ? 1 : 0);
  }

  /// A `fixed64`, written even if it is 0.
  public Message fixed64(int field, long value) {
    return add(field, new Fixed(value));
  }

  /// A message, written even if it is empty.
  public Message message(int field, Message value) {
    return add(field, value.encode());
  }

  public Message messages(int field, List<Message> values) {
    values.forEach(v -> message(field, v));
    return this;
  }

  /// `google.protobuf.Timestamp`.
  public Message time(int field, Instant when) {
    return message(field, new Message().number(1, when.getEpochSecond()).number(2, when.getNano()));
  }

  /// `map<string, string>`.
  public Message map(int field, Map<String, String> values) {
    values.forEach((k, v) -> message(field, new Message().text(1, k).text(2, v)));
    return this;
  }

  /// One entry of a `map<string, …>` whose values are messages or bytes.
  public Message entry(int field, String key, byte[] value) {
    return message(field, new Message().add(1, key.getBytes(StandardCharsets.UTF_8)).add(2, value));
  }

  private Message add(int field, Object value) {
    fields.computeIfAbsent(field, f -> new ArrayList<>(1)).add(value);
    return this;
  }

  public byte[] encode() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    fields.forEach(
        (field, values) -> {
          for (Object value : values) {
            if (value instanceof byte[] bytes) {
              varint(out, (long) field << 3 | 2);
              varint(out, bytes.length);
              out.writeBytes(bytes);
            } else if (value instanceof Fixed fixed) {
              varint(out, (long) field << 3 | 1);
              for (int i = 0; i < 64; i += 8) {
                out.write((int) (fixed.value() >>> i));
              }
            } else {
              varint(out, (long) field << 3);
              varint(out, (Long) value);
            }
          }
        });
    return out.toByteArray();
  }

  private static void varint(ByteArrayOutputStream out, long value) {
    long rest = value;
    while ((rest & ~0x7fL) != 0) {
      out.write((int) (rest & 0x7f | 0x80));
      rest >>>= 7;
    }
    out.write((int) rest);
  }

  // ---- reading

  /// Takes a message apart.
  ///
  /// @throws GrpcException `INTERNAL` if the bytes are no message
  public static Message decode(byte[] bytes) throws GrpcException {
    Message message = new Message();
    int[] at = {0};
    int count = 0;
    while (at[0] < bytes.length) {
      long tag = varint(bytes, at);
      int field = (int) (tag >>> 3);
      if (field <= 0 || tag >>> 3 > 0x1fffffff || ++count > MOST_FIELDS) {
        throw broken();
      }
      switch ((int) (tag & 7)) {
        case 0 -> message.add(field, varint(bytes, at));
        case 1 -> message.add(field, fixed(bytes, at, 8));
        case 5 -> message.add(field, fixed(bytes, at, 4));
        case 2 -> {
          long length = varint(bytes, at);
          if (length < 0 || length > bytes.length - at[0]) {
            throw broken();
          }
          byte[] value = new byte[(int) length];
          System.arraycopy(bytes, at[0], value, 0, value.length);
          at[0] += value.length;
          message.add(field, value);
        }
        default -> throw broken();
      }
    }
    return message;
  }

  private static GrpcException broken() {
    return new GrpcException(GrpcException.INTERNAL, "the message is no protobuf message");
  }

  private static long varint(byte[] bytes, int[] at) throws GrpcException {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at[0] >= bytes.length) {
        throw broken();
      }
      byte b = bytes[at[0]++];
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw broken();
  }

  private static long fixed(byte[] bytes, int[] at, int size) throws GrpcException {
    if (bytes.length - at[0] < size) {
      throw broken();
    }
    long value = 0;
    for (int i = 0; i < size; i++) {
      value |= (bytes[at[0]++] & 0xffL) << 8 * i;
    }
    return value;
  }

  private List<Object> all(int field) {
    return fields.getOrDefault(field, List.of());
  }

  public boolean has(int field) {
    return fields.containsKey(field);
  }

  /// The last value, or no bytes.
  public byte[] bytes(int field) {
    List<Object> values = all(field);
    return !values.isEmpty() && values.getLast() instanceof byte[] bytes ? bytes : new byte[0];
  }

  public String text(int field) {
    return new String(bytes(field), StandardCharsets.UTF_8);
  }

  public List<String> texts(int field) {
    List<String> texts = new ArrayList<>();
    for (Object value : all(field)) {
      if (value instanceof byte[] bytes) {
        texts.add(new String(bytes, StandardCharsets.UTF_8));
      }
    }
    return texts;
  }

  public long number(int field) {
    List<Object> values = all(field);
    return !values.isEmpty() && values.getLast() instanceof Long number ? number : 0;
  }

  public boolean flag(int field) {
    return number(field) != 0;
  }

  public Optional<Message> message(int field) throws GrpcException {
    return has(field) ? Optional.of(decode(bytes(field))) : Optional.empty();
  }

  public List<Message> messages(int field) throws GrpcException {
    List<Message> messages = new ArrayList<>();
    for (Object value : all(field)) {
      if (value instanceof byte[] bytes) {
        messages.add(decode(bytes));
      }
    }
    return messages;
  }

  /// `map<string, string>`.
  public Map<String, String> map(int field) throws GrpcException {
    Map<String, String> map = new LinkedHashMap<>();
    for (Message entry : messages(field)) {
      map.put(entry.text(1), entry.text(2));
    }
    return map;
  }

  /// `map<string, bytes>`, and those with messages as values.
  public Map<String, byte[]> entries(int field) throws GrpcException {
    Map<String, byte[]> map = new LinkedHashMap<>();
    for (Message entry : messages(field)) {
      map.put(entry.text(1), entry.bytes(2));
    }
    return map;
  }
}
