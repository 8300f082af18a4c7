package dev.gantry.grpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MessageTest {
  @Test
  void readsWhatItWrites() throws Exception {
    Message message =
        new Message()
            .text(1, "ref")
            .number(2, -1)
            .number(300, 1L << 40)
            .flag(4, true)
            .map(5, Map.of("no-cache", ""))
            .texts(6, List.of("a", ""))
            .message(7, new Message());
    Message back = Message.decode(message.encode());
    assertEquals("ref", back.text(1));
    assertEquals(-1, back.number(2));
    assertEquals(1L << 40, back.number(300));
    assertTrue(back.flag(4));
    assertEquals(Map.of("no-cache", ""), back.map(5));
    assertEquals(List.of("a", ""), back.texts(6));
    assertTrue(back.message(7).isPresent());
    assertFalse(back.has(8));
    assertEquals("", back.text(8));
  }

  /// The example of the encoding's description: field 1 = 150.
  @Test
  void writesAsDescribed() {
    assertEquals("089601", HexFormat.of().formatHex(new Message().number(1, 150).encode()));
    assertEquals(
        "120774657374696e67", HexFormat.of().formatHex(new Message().text(2, "testing").encode()));
    assertEquals(0, new Message().text(1, "").number(2, 0).flag(3, false).encode().length);
  }

  @Test
  void neverFailsOtherwiseThanWithAStatus() {
    Random random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = new byte[random.nextInt(40)];
      random.nextBytes(bytes);
      try {
        Message message = Message.decode(bytes);
        assertTrue(message.encode().length >= 0);
      } catch (GrpcException e) {
        assertEquals(GrpcException.INTERNAL, e.code());
      }
    }
  }

  @Test
  void refusesALengthBeyondTheEnd() {
    assertThrows(GrpcException.class, () -> Message.decode(new byte[] {0x0a, 5, 1}));
  }
}
