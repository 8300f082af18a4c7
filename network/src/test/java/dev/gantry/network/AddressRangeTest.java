package dev.gantry.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class AddressRangeTest {
  private static AddressRange range(String subnet, String part) {
    return new AddressRange(Cidr.parse(subnet), Cidr.parse(part));
  }

  private static String take(AddressRange range) {
    return range.take().map(Cidr::text).orElse("none");
  }

  private static InetAddress address(String text) {
    return Cidr.literal(text).orElseThrow();
  }

  @Test
  void firstAndLastAddressOfASubnetAreNotHandedOut() {
    AddressRange range = range("10.0.0.0/30", "10.0.0.0/30");
    assertEquals(
        List.of("10.0.0.1", "10.0.0.2", "none"),
        Stream.generate(() -> take(range)).limit(3).toList());
  }

  @Test
  void freedAddressIsUsedAgainLast() {
    AddressRange range = range("10.0.0.0/29", "10.0.0.0/29");
    assertEquals("10.0.0.1", take(range));
    range.free(address("10.0.0.1"));
    assertEquals("10.0.0.2", take(range));
    assertEquals(
        List.of("10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.1", "none"),
        Stream.generate(() -> take(range)).limit(6).toList());
  }

  @Test
  void reservedAddressIsSkipped() {
    AddressRange range = range("10.0.0.0/29", "10.0.0.0/29");
    assertTrue(range.reserve(address("10.0.0.1")));
    assertFalse(range.reserve(address("10.0.0.1")));
    assertEquals("10.0.0.2", take(range));
  }

  @Test
  void partOfASubnetIsUsedAsAWhole() {
    AddressRange range = range("10.0.0.0/16", "10.0.5.0/31");
    assertEquals(
        List.of("10.0.5.0", "10.0.5.1", "none"),
        Stream.generate(() -> take(range)).limit(3).toList());
    assertTrue(range.reserve(address("10.0.77.1")), "static addresses come from all of it");
  }

  @Test
  void hugeSubnetIsNotWalked() {
    AddressRange range = range("fd00::/8", "fd00::/8");
    assertEquals(Optional.of(address("fd00::1")), range.take());
    assertEquals(Optional.of(address("fd00::2")), range.take());
  }
}
