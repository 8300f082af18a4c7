package dev.gantry.network;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Writes the expressions of one nf_tables rule in order: each loads a register, compares it or
/// ends the rule. Registers are numbered as the 32-bit ones of the kernel, from 0.
final class NftRule {
  private static final int FIRST_REGISTER = 8; // NFT_REG32_00
  private static final int META_L4PROTO = 16;
  private static final int META_IIFNAME = 6;
  private static final int META_OIFNAME = 7;
  private static final int META_NFPROTO = 15;
  private static final int CT_STATE = 0;
  private static final int CT_STATUS = 2;
  private static final int ESTABLISHED_RELATED = 2 | 4;
  private static final int STATUS_DNAT = 1 << 5;
  private static final int NETWORK_HEADER = 1;
  private static final int TRANSPORT_HEADER = 2;
  private static final int CHECKSUM_INET = 1;
  private static final int ADDRESS_TYPE_LOCAL = 2;
  private static final int ACCEPT = 1;
  private static final int DROP = 0;
  static final int NAME_SIZE = 16;

  private final NetlinkMessage message;

  NftRule(NetlinkMessage message) {
    this.message = message;
  }

  private NftRule expression(String name, Runnable data) {
    message.nest(
        1,
        () -> {
          message.attribute(1, name);
          message.nest(2, data);
        });
    return this;
  }

  private static int register(int number) {
    return FIRST_REGISTER + number;
  }

  private NftRule meta(int key, int register) {
    return expression(
        "meta", () -> message.attributeBig(2, key).attributeBig(1, register(register)));
  }

  private NftRule compare(boolean equal, byte[] value) {
    return expression(
        "cmp",
        () -> {
          message.attributeBig(1, register(0)).attributeBig(2, equal ? 0 : 1);
          message.nest(3, () -> message.attribute(1, value));
        });
  }

  private NftRule payload(int base, int offset, int length, int register) {
    return expression(
        "payload",
        () ->
            message
                .attributeBig(1, register(register))
                .attributeBig(2, base)
                .attributeBig(3, offset)
                .attributeBig(4, length));
  }

  private static byte[] nativeInt(int value) {
    return ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(value).array();
  }

  /// A link name as nf_tables compares it: 16 bytes, filled with NUL.
  static byte[] interfaceName(String name) {
    return Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), NAME_SIZE);
  }

  NftRule family(boolean ipv6) {
    return meta(META_NFPROTO, 0)
        .compare(
            true, new byte[] {(byte) (ipv6 ? NftMessages.FAMILY_IPV6 : NftMessages.FAMILY_IPV4)});
  }

  NftRule from(String link) {
    return meta(META_IIFNAME, 0).compare(true, interfaceName(link));
  }

  NftRule notFrom(String link) {
    return meta(META_IIFNAME, 0).compare(false, interfaceName(link));
  }

  NftRule to(String link) {
    return meta(META_OIFNAME, 0).compare(true, interfaceName(link));
  }

  NftRule notTo(String link) {
    return meta(META_OIFNAME, 0).compare(false, interfaceName(link));
  }

  NftRule fromAnyOf(String set, int id) {
    return meta(META_IIFNAME, 0).lookup(set, id, false);
  }

  NftRule toAnyOf(String set, int id) {
    return meta(META_OIFNAME, 0).lookup(set, id, false);
  }

  NftRule toNoneOf(String set, int id) {
    return meta(META_OIFNAME, 0).lookup(set, id, true);
  }

  private NftRule lookup(String set, int id, boolean inverted) {
    return expression(
        "lookup",
        () -> {
          message.attribute(1, set).attributeBig(2, register(0)).attributeBig(4, id);
          if (inverted) {
            message.attributeBig(5, 1);
          }
        });
  }

  /// Matches when the masked register is not zero.
  private NftRule anyBitOf(int mask) {
    return expression(
            "bitwise",
            () -> {
              message.attributeBig(1, register(0)).attributeBig(2, register(0)).attributeBig(3, 4);
              message.nest(4, () -> message.attribute(1, nativeInt(mask)));
              message.nest(5, () -> message.attribute(1, nativeInt(0)));
            })
        .compare(false, nativeInt(0));
  }

  private NftRule conntrack(int key) {
    return expression("ct", () -> message.attributeBig(2, key).attributeBig(1, register(0)));
  }

  /// Packets of a connection that was let through before.
  NftRule established() {
    return conntrack(CT_STATE).anyBitOf(ESTABLISHED_RELATED);
  }

  /// Packets whose destination was rewritten: to a published port.
  NftRule published() {
    return conntrack(CT_STATUS).anyBitOf(STATUS_DNAT);
  }

  /// Source (or destination) within `subnet`.
  NftRule address(boolean source, Cidr subnet) {
    int length = subnet.isIpv6() ? 16 : 4;
    int offset = subnet.isIpv6() ? source ? 8 : 24 : source ? 12 : 16;
    byte[] mask = new byte[length];
    for (int bit = 0; bit < subnet.prefix(); bit++) {
      mask[bit / 8] |= (byte) (0x80 >> bit % 8);
    }
    family(subnet.isIpv6()).payload(NETWORK_HEADER, offset, length, 0);
    expression(
        "bitwise",
        () -> {
          message.attributeBig(1, register(0)).attributeBig(2, register(0));
          message.attributeBig(3, length);
          message.nest(4, () -> message.attribute(1, mask));
          message.nest(5, () -> message.attribute(1, new byte[length]));
        });
    return compare(true, subnet.network().address().getAddress());
  }

  /// The destination is an address of this host.
  NftRule toThisHost() {
    return expression(
            "fib", () -> message.attributeBig(1, register(0)).attributeBig(2, 3).attributeBig(3, 2))
        .compare(true, nativeInt(ADDRESS_TYPE_LOCAL));
  }

  /// Rewrites the destination to what `map` says for protocol, address (if `withAddress`) and port.
  NftRule publish(String map, int id, boolean ipv6, boolean withAddress) {
    int words = ipv6 ? 4 : 1;
    meta(META_L4PROTO, 0);
    int port = 1;
    if (withAddress) {
      payload(NETWORK_HEADER, ipv6 ? 24 : 16, words * 4, 1);
      port += words;
    }
    payload(TRANSPORT_HEADER, 2, 2, port);
    expression(
        "lookup",
        () ->
            message
                .attribute(1, map)
                .attributeBig(2, register(0))
                .attributeBig(3, register(0))
                .attributeBig(4, id));
    return expression(
        "nat",
        () ->
            message
                .attributeBig(1, 1)
                .attributeBig(2, ipv6 ? NftMessages.FAMILY_IPV6 : NftMessages.FAMILY_IPV4)
                .attributeBig(3, register(0))
                .attributeBig(4, register(0))
                .attributeBig(5, register(words))
                .attributeBig(6, register(words))
                .attributeBig(7, 2));
  }

  /// Packets to an address and port that the set has.
  NftRule toOpenPort(String set, int id, boolean ipv6) {
    int length = ipv6 ? 16 : 4;
    return family(ipv6)
        .meta(META_L4PROTO, 0)
        .payload(NETWORK_HEADER, ipv6 ? 24 : 16, length, 1)
        .payload(TRANSPORT_HEADER, 2, 2, 1 + length / 4)
        .lookup(set, id, false);
  }

  /// Echo requests of ICMP.
  NftRule echo(boolean ipv6) {
    return family(ipv6)
        .meta(META_L4PROTO, 0)
        .compare(true, new byte[] {(byte) (ipv6 ? 58 : 1)})
        .payload(TRANSPORT_HEADER, 0, 1, 0)
        .compare(true, new byte[] {(byte) (ipv6 ? 128 : 8)});
  }

  /// Packets of a protocol to (or from) a port.
  NftRule port(boolean source, int protocol, int port) {
    return meta(META_L4PROTO, 0)
        .compare(true, new byte[] {(byte) protocol})
        .payload(TRANSPORT_HEADER, source ? 0 : 2, 2, 0)
        .compare(true, new byte[] {(byte) (port >> 8), (byte) port});
  }

  /// Writes another port into the packet, without a memory of the connection.
  NftRule setPort(boolean source, int checksumOffset, int port) {
    value(0, new byte[] {(byte) (port >> 8), (byte) port});
    return expression(
        "payload",
        () ->
            message
                .attributeBig(2, TRANSPORT_HEADER)
                .attributeBig(3, source ? 0 : 2)
                .attributeBig(4, 2)
                .attributeBig(5, register(0))
                .attributeBig(6, CHECKSUM_INET)
                .attributeBig(7, checksumOffset));
  }

  /// Rewrites the source to an address of the host.
  NftRule source(java.net.InetAddress address) {
    byte[] bytes = address.getAddress();
    value(0, bytes);
    int family = bytes.length == 16 ? NftMessages.FAMILY_IPV6 : NftMessages.FAMILY_IPV4;
    return expression(
        "nat",
        () -> message.attributeBig(1, 0).attributeBig(2, family).attributeBig(3, register(0)));
  }

  private void value(int register, byte[] bytes) {
    expression(
        "immediate",
        () -> {
          message.attributeBig(1, register(register));
          message.nest(2, () -> message.attribute(1, bytes));
        });
  }

  /// Hides the source behind the address of the link that the packet leaves by.
  NftRule masquerade() {
    return expression("masq", () -> {});
  }

  NftRule counter() {
    return expression("counter", () -> {});
  }

  NftRule accept() {
    return verdict(ACCEPT);
  }

  NftRule drop() {
    return verdict(DROP);
  }

  private NftRule verdict(int code) {
    return expression(
        "immediate",
        () -> {
          message.attributeBig(1, 0);
          message.nest(2, () -> message.nest(2, () -> message.attributeBig(1, code)));
        });
  }
}
