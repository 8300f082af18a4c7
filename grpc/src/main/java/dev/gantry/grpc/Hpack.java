package dev.gantry.grpc;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Header blocks (RFC 7541). One decoder per connection; what we write uses no table, so writing
/// needs no state.
final class Hpack {
  /// Bytes of header lines that one block may hold.
  static final int MOST_BYTES = 128 << 10;

  private static final int TABLE = 4096;

  private static final List<Header> STATIC = table();

  private final List<Header> dynamic = new ArrayList<>(); // the newest last
  private int size;
  private int limit = TABLE;

  // ---- reading

  /// @throws Http2Exception if the block is wrong or too large
  List<Header> decode(byte[] block) throws Http2Exception {
    List<Header> headers = new ArrayList<>();
    int bytes = 0;
    int[] at = {0};
    while (at[0] < block.length) {
      int first = block[at[0]] & 0xff;
      if (first >= 0x80) {
        headers.add(entry(integer(block, at, 7)));
      } else if (first >= 0x40) {
        Header header = literal(block, at, 6);
        headers.add(header);
        remember(header);
      } else if (first >= 0x20) {
        int wanted = integer(block, at, 5);
        if (wanted > TABLE || !headers.isEmpty()) {
          throw wrong("table size " + wanted);
        }
        limit = wanted;
        shrink();
        continue;
      } else {
        headers.add(literal(block, at, 4));
      }
      bytes += headers.getLast().size();
      if (bytes > MOST_BYTES) {
        throw new Http2Exception(
            Http2Exception.CALM, "more than " + MOST_BYTES + " bytes of headers");
      }
    }
    return headers;
  }

  private Header literal(byte[] block, int[] at, int bits) throws Http2Exception {
    int index = integer(block, at, bits);
    String name = index == 0 ? string(block, at) : entry(index).name();
    return new Header(name, string(block, at));
  }

  private Header entry(int index) throws Http2Exception {
    if (index >= 1 && index <= STATIC.size()) {
      return STATIC.get(index - 1);
    }
    int behind = index - STATIC.size();
    if (behind < 1 || behind > dynamic.size()) {
      throw wrong("index " + index);
    }
    return dynamic.get(dynamic.size() - behind);
  }

  private void remember(Header header) {
    dynamic.add(header);
    size += header.size();
    shrink();
  }

  private void shrink() {
    while (size > limit) {
      size -= dynamic.removeFirst().size();
    }
  }

  private static int integer(byte[] block, int[] at, int bits) throws Http2Exception {
    int mask = (1 << bits) - 1;
    int value = next(block, at) & mask;
    if (value < mask) {
      return value;
    }
    for (int shift = 0; shift <= 21; shift += 7) {
      int b = next(block, at);
      value += (b & 0x7f) << shift;
      if (b < 0x80) {
        return value;
      }
    }
    throw wrong("a number too large");
  }

  private static String string(byte[] block, int[] at) throws Http2Exception {
    if (at[0] >= block.length) {
      throw wrong("a block that ends early");
    }
    boolean packed = block[at[0]] < 0;
    int length = integer(block, at, 7);
    if (length > block.length - at[0]) {
      throw wrong("a text that ends early");
    }
    int from = at[0];
    at[0] += length;
    return packed
        ? new String(Huffman.decode(block, from, at[0]), StandardCharsets.UTF_8)
        : new String(block, from, length, StandardCharsets.UTF_8);
  }

  private static int next(byte[] block, int[] at) throws Http2Exception {
    if (at[0] >= block.length) {
      throw wrong("a block that ends early");
    }
    return block[at[0]++] & 0xff;
  }

  private static Http2Exception wrong(String what) {
    return new Http2Exception(Http2Exception.COMPRESSION, "wrong header block: " + what);
  }

  // ---- writing

  /// Literals without index.
  static byte[] encode(List<Header> headers) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Header header : headers) {
      out.write(0);
      string(out, header.name());
      string(out, header.value());
    }
    return out.toByteArray();
  }

  private static void string(ByteArrayOutputStream out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int rest = bytes.length;
    if (rest < 127) {
      out.write(rest);
    } else {
      out.write(127);
      for (rest -= 127; rest >= 128; rest >>>= 7) {
        out.write(rest & 0x7f | 0x80);
      }
      out.write(rest);
    }
    out.writeBytes(bytes);
  }

  /// RFC 7541, appendix A.
  private static List<Header> table() {
    String[] lines = {
      ":authority",
      ":method=GET",
      ":method=POST",
      ":path=/",
      ":path=/index.html",
      ":scheme=http",
      ":scheme=https",
      ":status=200",
      ":status=204",
      ":status=206",
      ":status=304",
      ":status=400",
      ":status=404",
      ":status=500",
      "accept-charset",
      "accept-encoding=gzip, deflate",
      "accept-language",
      "accept-ranges",
      "accept",
      "access-control-allow-origin",
      "age",
      "allow",
      "authorization",
      "cache-control",
      "content-disposition",
      "content-encoding",
      "content-language",
      "content-length",
      "content-location",
      "content-range",
      "content-type",
      "cookie",
      "date",
      "etag",
      "expect",
      "expires",
      "from",
      "host",
      "if-match",
      "if-modified-since",
      "if-none-match",
      "if-range",
      "if-unmodified-since",
      "last-modified",
      "link",
      "location",
      "max-forwards",
      "proxy-authenticate",
      "proxy-authorization",
      "range",
      "referer",
      "refresh",
      "retry-after",
      "server",
      "set-cookie",
      "strict-transport-security",
      "transfer-encoding",
      "user-agent",
      "vary",
      "via",
      "www-authenticate"
    };
    List<Header> table = new ArrayList<>();
    for (String line : lines) {
      int sign = line.indexOf('=');
      table.add(
          sign < 0
              ? new Header(line, "")
              : new Header(line.substring(0, sign), line.substring(sign + 1)));
    }
    return List.copyOf(table);
  }
}
