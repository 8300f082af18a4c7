package dev.gantry.network;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.kernel.NetlinkSetup.HostMessage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MessagesTest {
  @Test
  void attributesArePaddedAndNest() {
    NetlinkMessage message = new NetlinkMessage(16, 5);
    message.attribute(3, "ab").nest(2, () -> message.attribute(1, 7));
    byte[] bytes = message.bytes();
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    assertEquals(bytes.length, in.getInt(0));
    Map<Integer, byte[]> attributes = NetlinkMessage.attributes(bytes, NetlinkMessage.HEADER);
    assertEquals("ab", NetlinkMessage.text(attributes.getOrDefault(3, new byte[0])));
    assertEquals(1, NetlinkMessage.attributes(attributes.getOrDefault(2, new byte[0]), 0).size());
  }

  @Test
  void cutAttributesAreLeftOut() {
    byte[] bytes = new NetlinkMessage(16, 5).attribute(3, "abcd").bytes();
    assertEquals(
        Map.of(),
        NetlinkMessage.attributes(
            java.util.Arrays.copyOf(bytes, bytes.length - 6), NetlinkMessage.HEADER));
  }

  @Test
  void pidOfAVethIsWhereItIsSaid() {
    HostMessage veth =
        LinkMessages.veth(
            "veth0000001", 1 << 20, 7, "eth0", 100, new byte[6], 1500, LinkMessages.Target.PROCESS);
    int offset = veth.pidOffsets().getFirst();
    ByteBuffer in = ByteBuffer.wrap(veth.bytes()).order(ByteOrder.nativeOrder());
    assertEquals(0, in.getInt(offset));
    assertEquals(LinkMessages.IFLA_NET_NS_PID, in.getShort(offset - 2));
  }

  @Test
  void transactionIsFramedForNfTables() {
    byte[] bytes = NftMessages.transaction(List.of(NftMessages.newTable("t")));
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    assertEquals(16, in.getShort(4));
    assertArrayEquals(new byte[] {0, 0, 0, 10}, java.util.Arrays.copyOfRange(bytes, 16, 20));
    assertEquals(17, in.getShort(bytes.length - 16));
  }

  @Test
  void manyElementsAreCutIntoMessages() {
    List<NftMessages.Element> elements =
        java.util.stream.IntStream.range(0, 1000)
            .mapToObj(i -> new NftMessages.Element(NetlinkMessage.bigEndian(i)))
            .toList();
    assertEquals(4, NftMessages.addElements("t", "s", elements).size());
  }
}
