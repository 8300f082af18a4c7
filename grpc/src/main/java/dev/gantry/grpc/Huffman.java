package dev.gantry.grpc;

import java.io.ByteArrayOutputStream;

/// The fixed code of RFC 7541, appendix B. It is canonical: the lengths alone give the codes.
final class Huffman {
  /// The length of each symbol's code as a letter, `A` for 5 bits; the last symbol is the end.
  private static final String LENGTHS =
      "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHF"
          + "IBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJBKABABABBBACCBBBABCBAABCCCCCKGJIX"
          + "PRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRS"
          + "VVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWVZ";

  private static final int END = 256;

  /// By the number of bits: the first code of that length, how many there are, where they begin.
  private static final int[] FIRST = new int[31];

  private static final int[] COUNT = new int[31];
  private static final int[] START = new int[31];
  private static final int[] SYMBOLS = new int[END + 1];

  static {
    for (int symbol = 0; symbol <= END; symbol++) {
      COUNT[length(symbol)]++;
    }
    int code = 0;
    int start = 0;
    int[] next = new int[31];
    for (int bits = 1; bits <= 30; bits++) {
      code <<= 1;
      FIRST[bits] = code;
      START[bits] = start;
      next[bits] = start;
      code += COUNT[bits];
      start += COUNT[bits];
    }
    for (int symbol = 0; symbol <= END; symbol++) {
      SYMBOLS[next[length(symbol)]++] = symbol;
    }
  }

  private Huffman() {}

  private static int length(int symbol) {
    return LENGTHS.charAt(symbol) - 'A' + 5;
  }

  /// @throws Http2Exception if the bytes hold the end symbol or are padded wrongly
  static byte[] decode(byte[] bytes, int from, int to) throws Http2Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream((to - from) * 8 / 5 + 1);
    int code = 0;
    int bits = 0;
    for (int i = from * 8; i < to * 8; i++) {
      code = code << 1 | bytes[i >> 3] >> (7 - (i & 7)) & 1;
      bits++;
      if (bits > 30) {
        throw new Http2Exception(Http2Exception.COMPRESSION, "a code that is none");
      }
      int offset = code - FIRST[bits];
      if (COUNT[bits] > 0 && offset >= 0 && offset < COUNT[bits]) {
        int symbol = SYMBOLS[START[bits] + offset];
        if (symbol == END) {
          throw new Http2Exception(Http2Exception.COMPRESSION, "the end symbol in a text");
        }
        out.write(symbol);
        code = 0;
        bits = 0;
      }
    }
    if (bits > 7 || code != (1 << bits) - 1) {
      throw new Http2Exception(Http2Exception.COMPRESSION, "wrong padding");
    }
    return out.toByteArray();
  }

  /// For tests and for whoever wants short headers.
  static byte[] encode(byte[] text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    long pending = 0;
    int bits = 0;
    for (byte b : text) {
      int length = length(b & 0xff);
      int index = -1;
      for (int i = 0; i < COUNT[length]; i++) {
        if (SYMBOLS[START[length] + i] == (b & 0xff)) {
          index = i;
        }
      }
      pending = pending << length | FIRST[length] + index;
      bits += length;
      while (bits >= 8) {
        out.write((int) (pending >>> bits - 8));
        bits -= 8;
        pending &= (1L << bits) - 1;
      }
    }
    if (bits > 0) {
      out.write((int) (pending << 8 - bits | (1 << 8 - bits) - 1));
    }
    return out.toByteArray();
  }
}
