package dev.gantry.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CidrTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense",
        "10.0.0.0",
        "10.0.0.0/33",
        "10.0.0/8",
        "host/8",
        "::/129",
        "1.2.3.4/-1"
      })
  void refusesWhatIsNoSubnet(String text) {
    assertTrue(Cidr.tryParse(text).isEmpty(), text);
  }

  @Test
  void neverLooksNamesUp() {
    assertTrue(Cidr.literal("localhost").isEmpty());
    assertTrue(Cidr.literal("").isEmpty());
  }

  @ParameterizedTest
  @CsvSource({
    "10.124.0.5/16, 10.124.0.0/16",
    "172.17.255.255/12, 172.16.0.0/12",
    "fd00:1:2:3:ffff::1/64, fd00:1:2:3::/64",
    "10.0.0.1/32, 10.0.0.1/32"
  })
  void networkHasNoHostBits(String address, String network) {
    assertEquals(network, Cidr.parse(address).network().toString());
  }

  @Test
  void subnetsOverlapEitherWay() {
    Cidr large = Cidr.parse("10.0.0.0/8");
    Cidr small = Cidr.parse("10.9.0.0/24");
    assertTrue(large.overlaps(small));
    assertTrue(small.overlaps(large));
    assertFalse(small.overlaps(Cidr.parse("10.9.1.0/24")));
    assertFalse(large.overlaps(Cidr.parse("fd00::/8")));
  }

  @Test
  void addressesAreCounted() {
    Cidr subnet = Cidr.parse("10.0.255.0/23");
    assertEquals("10.0.255.4", Cidr.text(subnet.at(BigInteger.valueOf(260))));
    assertEquals(
        BigInteger.valueOf(260), subnet.offsetOf(Cidr.literal("10.0.255.4").orElseThrow()));
  }

  @ParameterizedTest
  @CsvSource({
    "fd00:0:0:0:0:0:0:1, fd00::1",
    "0:0:0:0:0:0:0:0, ::",
    "1:0:0:2:0:0:0:3, 1:0:0:2::3",
    "1:2:3:4:5:6:7:0, 1:2:3:4:5:6:7:0",
    "0:0:1::, 0:0:1::"
  })
  void ipv6IsWrittenShort(String text, String shortest) {
    assertEquals(shortest, Cidr.text(Cidr.literal(text).orElseThrow()));
  }
}
