package dev.gantry.grpc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class HpackTest {
  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text.replace(" ", ""));
  }

  /// RFC 7541, appendix C.4: three requests whose headers share a table.
  @Test
  void remembersWhatEarlierBlocksSaid() throws Exception {
    Hpack hpack = new Hpack();
    assertEquals(
        List.of(
            new Header(":method", "GET"),
            new Header(":scheme", "http"),
            new Header(":path", "/"),
            new Header(":authority", "www.example.com")),
        hpack.decode(hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")));
    assertEquals(
        new Header("cache-control", "no-cache"),
        hpack.decode(hex("8286 84be 5886 a8eb 1064 9cbf")).getLast());
    assertEquals(
        List.of(
            new Header(":method", "GET"),
            new Header(":scheme", "https"),
            new Header(":path", "/index.html"),
            new Header(":authority", "www.example.com"),
            new Header("custom-key", "custom-value")),
        hpack.decode(hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")));
  }

  @Test
  void readsWhatItWrites() throws Exception {
    List<Header> headers = new ArrayList<>();
    headers.add(new Header("exclude-patterns", "x".repeat(127)));
    headers.add(new Header("exclude-patterns", "ä".repeat(5000)));
    headers.add(new Header("empty", ""));
    assertEquals(headers, new Hpack().decode(Hpack.encode(headers)));
  }

  @Test
  void everySymbolSurvivesTheHuffmanCode() throws Exception {
    byte[] all = new byte[512];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) i;
    }
    byte[] packed = Huffman.encode(all);
    assertArrayEquals(all, Huffman.decode(packed, 0, packed.length));
    assertEquals(
        "f1e3c2e5f23a6ba0ab90f4ff",
        HexFormat.of()
            .formatHex(Huffman.encode("www.example.com".getBytes(StandardCharsets.UTF_8))));
  }

  @Test
  void refusesBlocksThatAreWrong() {
    for (String block :
        List.of(
            "80",
            "be",
            "ff",
            "ffffffffff7f",
            "400a",
            "3fe21f",
            "00",
            "0003",
            "008180",
            "ffffffff0f")) {
      assertThrows(Http2Exception.class, () -> new Hpack().decode(hex(block)), block);
    }
  }

  @Test
  void refusesASmallBlockThatUnpacksToAHugeOne() throws Exception {
    Hpack hpack = new Hpack();
    byte[] remembered = Hpack.encode(List.of(new Header("a", "x".repeat(4000))));
    remembered[0] = 0x40;
    assertEquals(1, hpack.decode(remembered).size());
    byte[] bomb = new byte[1000];
    java.util.Arrays.fill(bomb, (byte) (0x80 | 62));
    assertEquals(
        Http2Exception.CALM, assertThrows(Http2Exception.class, () -> hpack.decode(bomb)).code());
  }
}
