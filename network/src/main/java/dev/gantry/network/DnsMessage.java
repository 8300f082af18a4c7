package dev.gantry.network;

import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The part of DNS (RFC 1035) that a container's name server speaks itself: one question, answers
/// of addresses and names. Everything else is passed on as bytes.
final class DnsMessage {
  static final int A = 1;
  static final int PTR = 12;
  static final int AAAA = 28;
  static final int NO_ERROR = 0;
  static final int SERVER_FAILURE = 2;
  private static final int OPT = 41;
  private static final int CLASS_IN = 1;
  private static final int HEADER = 12;
  private static final int NAME_LIMIT = 255;
  private static final int PLAIN_UDP = 512;
  private static final int TTL_SECONDS = 600;

  /// A question as it came.
  ///
  /// @param name in lower case without the last dot
  /// @param bytes the question's section, for the answer
  /// @param udpLimit what the asker takes over UDP
  record Query(int id, boolean recursion, String name, int type, byte[] bytes, int udpLimit) {}

  private DnsMessage() {}

  /// Reads a query; what is none, or no well-formed one, is empty and gets no answer.
  static Optional<Query> parse(byte[] message) {
    if (message.length < HEADER) {
      return Optional.empty();
    }
    ByteBuffer in = ByteBuffer.wrap(message);
    int flags = Short.toUnsignedInt(in.getShort(2));
    boolean plainQuery = (flags & 0xf800) == 0 && in.getShort(4) == 1 && in.getShort(6) == 0;
    if (!plainQuery) {
      return Optional.empty();
    }
    StringBuilder name = new StringBuilder();
    int at = HEADER;
    while (at < message.length && message[at] != 0) {
      int length = message[at] & 0xff;
      // a question comes first, so there is nothing that a pointer could point to
      if (length > 63 || at + 1 + length > message.length || name.length() > NAME_LIMIT) {
        return Optional.empty();
      }
      if (!name.isEmpty()) {
        name.append('.');
      }
      name.append(new String(message, at + 1, length, StandardCharsets.ISO_8859_1));
      at += 1 + length;
    }
    if (at + 5 > message.length || in.getShort(at + 3) != CLASS_IN) {
      return Optional.empty();
    }
    byte[] question = new byte[at + 5 - HEADER];
    System.arraycopy(message, HEADER, question, 0, question.length);
    return Optional.of(
        new Query(
            Short.toUnsignedInt(in.getShort(0)),
            (flags & 0x100) != 0,
            name.toString().toLowerCase(Locale.ROOT),
            Short.toUnsignedInt(in.getShort(at + 1)),
            question,
            udpLimit(in, at + 5)));
  }

  /// The size of an EDNS record (RFC 6891) that directly follows, which is where it stands in
  /// queries.
  private static int udpLimit(ByteBuffer in, int at) {
    boolean edns = in.limit() >= at + 11 && in.get(at) == 0 && in.getShort(at + 1) == OPT;
    return edns ? Math.clamp(Short.toUnsignedInt(in.getShort(at + 3)), PLAIN_UDP, 4096) : PLAIN_UDP;
  }

  /// An answer of addresses of the asked type; none are a known name without such an address.
  static byte[] addresses(Query query, List<InetAddress> addresses) {
    return answer(query, NO_ERROR, addresses.stream().map(InetAddress::getAddress).toList());
  }

  /// An answer of one name.
  static byte[] pointer(Query query, String name) {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (String label : name.split("\\.")) {
      byte[] bytes = label.getBytes(StandardCharsets.ISO_8859_1);
      if (bytes.length == 0 || bytes.length > 63) {
        return answer(query, SERVER_FAILURE, List.of());
      }
      data.write(bytes.length);
      data.writeBytes(bytes);
    }
    data.write(0);
    return answer(query, NO_ERROR, List.of(data.toByteArray()));
  }

  static byte[] failure(Query query) {
    return answer(query, SERVER_FAILURE, List.of());
  }

  private static byte[] answer(Query query, int code, List<byte[]> records) {
    int size = HEADER + query.bytes().length + records.stream().mapToInt(r -> 12 + r.length).sum();
    ByteBuffer out = ByteBuffer.allocate(size);
    int flags = 0x8000 | (query.recursion() ? 0x100 : 0) | 0x80 | code;
    out.putShort((short) query.id()).putShort((short) flags);
    out.putShort((short) 1).putShort((short) records.size()).putInt(0).put(query.bytes());
    for (byte[] data : records) {
      out.putShort((short) (0xc000 | HEADER)).putShort((short) query.type());
      out.putShort((short) CLASS_IN).putInt(TTL_SECONDS);
      out.putShort((short) data.length).put(data);
    }
    return out.array();
  }

  /// `answer` as it may be sent over UDP: too long a one loses its records and says so, and the
  /// asker comes again over TCP.
  static byte[] forUdp(Query query, byte[] answer) {
    if (answer.length <= query.udpLimit()) {
      return answer;
    }
    byte[] cut = new byte[HEADER + query.bytes().length];
    System.arraycopy(answer, 0, cut, 0, cut.length);
    cut[2] |= 2; // truncated
    java.util.Arrays.fill(cut, 6, HEADER, (byte) 0);
    return cut;
  }

  /// Whether `answer` belongs to `query`: same id, a response, the same question.
  static boolean answers(byte[] answer, Query query) {
    int end = HEADER + query.bytes().length;
    if (answer.length < HEADER
        || (ByteBuffer.wrap(answer).getShort(0) & 0xffff) != query.id()
        || answer[2] >= 0) {
      return false;
    }
    boolean withQuestion = answer.length >= end && answer[5] == 1;
    // servers that fail may leave the question out
    return withQuestion
        ? sameQuestion(answer, query.bytes())
        : answer[5] == 0 && (answer[3] & 0xf) != 0;
  }

  private static boolean sameQuestion(byte[] answer, byte[] question) {
    for (int i = 0; i < question.length; i++) {
      if (lower(answer[HEADER + i]) != lower(question[i])) {
        return false;
      }
    }
    return true;
  }

  private static int lower(byte b) {
    return b >= 'A' && b <= 'Z' ? b + 32 : b;
  }

  /// The address that a name for reverse lookups stands for.
  static Optional<InetAddress> reverse(String name) {
    List<String> labels = new ArrayList<>(List.of(name.split("\\.")));
    java.util.Collections.reverse(labels);
    if (name.endsWith(".in-addr.arpa") && labels.size() == 6) {
      return Cidr.literal(String.join(".", labels.subList(2, 6)));
    }
    if (name.endsWith(".ip6.arpa") && labels.size() == 34) {
      String digits = String.join("", labels.subList(2, 34));
      return digits.matches("[0-9a-f]{32}")
          ? Optional.of(Cidr.of(java.util.HexFormat.of().parseHex(digits)))
          : Optional.empty();
    }
    return Optional.empty();
  }
}
