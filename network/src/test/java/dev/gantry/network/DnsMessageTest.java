package dev.gantry.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DnsMessageTest {
  private static final InetAddress ADDRESS = Cidr.literal("10.1.2.3").orElseThrow();

  private static byte[] query(String name, int type, byte... more) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, (byte) (more.length > 0 ? 1 : 0)});
    for (String label : name.split("\\.")) {
      out.write(label.length());
      out.writeBytes(label.getBytes(StandardCharsets.US_ASCII));
    }
    out.writeBytes(new byte[] {0, 0, (byte) type, 0, 1});
    out.writeBytes(more);
    return out.toByteArray();
  }

  private static DnsMessage.Query parsed(String name, byte... more) {
    return DnsMessage.parse(query(name, DnsMessage.A, more)).orElseThrow();
  }

  @Test
  void readsNameTypeAndSize() {
    DnsMessage.Query query = parsed("Web.Example", new byte[] {0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0});
    assertEquals("web.example", query.name());
    assertEquals(DnsMessage.A, query.type());
    assertEquals(4096, query.udpLimit());
    assertEquals(512, parsed("a").udpLimit());
  }

  @Test
  void hostilePacketsGetNoAnswer() {
    byte[] good = query("web", DnsMessage.A);
    for (int length = 0; length < good.length; length++) {
      assertEquals(
          Optional.empty(), DnsMessage.parse(java.util.Arrays.copyOf(good, length)), "cut");
    }
    byte[] pointer = good.clone();
    pointer[12] = (byte) 0xc0;
    assertEquals(Optional.empty(), DnsMessage.parse(pointer));
    byte[] response = good.clone();
    response[2] |= (byte) 0x80;
    assertEquals(Optional.empty(), DnsMessage.parse(response));
    byte[] two = good.clone();
    two[5] = 2;
    assertEquals(Optional.empty(), DnsMessage.parse(two));
  }

  @Test
  void noiseNeverFails() {
    Random random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      byte[] noise = new byte[random.nextInt(80)];
      random.nextBytes(noise);
      if (noise.length > 6 && i % 2 == 0) {
        noise[2] = 1;
        noise[4] = 0;
        noise[5] = 1;
      }
      DnsMessage.parse(noise).ifPresent(q -> assertTrue(q.name().length() < 400));
    }
  }

  @Test
  void answerRepeatsTheQuestion() {
    byte[] answer = DnsMessage.addresses(parsed("web"), List.of(ADDRESS));
    assertTrue(DnsMessage.answers(answer, parsed("WEB")));
    assertFalse(DnsMessage.answers(answer, parsed("wab")));
    assertEquals(1, answer[7]);
    assertEquals(3, answer[answer.length - 1]);
  }

  @Test
  void longAnswerIsTruncatedOverUdp() {
    DnsMessage.Query query = parsed("web");
    byte[] answer = DnsMessage.addresses(query, Collections.nCopies(40, ADDRESS));
    byte[] cut = DnsMessage.forUdp(query, answer);
    assertTrue(cut.length < 512);
    assertEquals(2, cut[2] & 2);
    assertEquals(0, cut[7]);
  }

  @Test
  void reverseNamesAreAddresses() {
    assertEquals(Optional.of(ADDRESS), DnsMessage.reverse("3.2.1.10.in-addr.arpa"));
    assertEquals(Optional.empty(), DnsMessage.reverse("2.1.10.in-addr.arpa"));
    assertEquals(
        Cidr.literal("fd00::1"), DnsMessage.reverse("1" + ".0".repeat(27) + ".0.0.d.f.ip6.arpa"));
  }
}
