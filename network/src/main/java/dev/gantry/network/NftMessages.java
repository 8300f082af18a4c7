package dev.gantry.network;

import static dev.gantry.network.NetlinkMessage.APPEND;
import static dev.gantry.network.NetlinkMessage.CREATE;
import static dev.gantry.network.NetlinkMessage.DUMP;
import static dev.gantry.network.NetlinkMessage.REQUEST;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// The requests of nf_tables (linux/netfilter/nf_tables.h) as bytes. Changes are sent as one
/// [#transaction], which the kernel applies as a whole or not at all.
final class NftMessages {
  static final int FAMILY_INET = 1;
  static final int FAMILY_IPV4 = 2;
  static final int FAMILY_IPV6 = 10;

  static final int NEWTABLE = 0;
  static final int GETTABLE = 1;
  static final int DELTABLE = 2;
  static final int NEWCHAIN = 3;
  static final int GETCHAIN = 4;
  static final int NEWRULE = 6;
  static final int GETRULE = 7;
  static final int DELRULE = 8;
  static final int NEWSET = 9;
  static final int NEWSETELEM = 12;
  static final int DELSETELEM = 14;
  static final int SUBSYSTEM = 10 << 8;

  // data types as the nft program names them, six bits each in a concatenation
  static final int TYPE_IPV4 = 7;
  static final int TYPE_IPV6 = 8;
  static final int TYPE_PROTOCOL = 12;
  static final int TYPE_SERVICE = 13;
  static final int TYPE_IFNAME = 41;

  private static final int BATCH_BEGIN = 16;
  private static final int BATCH_END = 17;
  private static final int SET_MAP = 0x8;
  private static final int ELEMENTS_PER_MESSAGE = 256;

  private NftMessages() {}

  static NetlinkMessage message(int type, int flags, int family) {
    return new NetlinkMessage(SUBSYSTEM | type, REQUEST | flags).u8(family).u8(0).u16(0);
  }

  /// Changes framed as one transaction.
  static byte[] transaction(List<byte[]> changes) {
    List<byte[]> all = new ArrayList<>();
    all.add(frame(BATCH_BEGIN));
    all.addAll(changes);
    all.add(frame(BATCH_END));
    return NetlinkMessage.join(all);
  }

  private static byte[] frame(int type) {
    // the subsystem in network order
    return new NetlinkMessage(type, REQUEST).u8(0).u8(0).u8(0).u8(10).bytes();
  }

  static byte[] newTable(String table) {
    return message(NEWTABLE, CREATE, FAMILY_INET).attribute(1, table).bytes();
  }

  static byte[] deleteTable(String table) {
    return message(DELTABLE, 0, FAMILY_INET).attribute(1, table).bytes();
  }

  static byte[] getTable(String table) {
    return message(GETTABLE, 0, FAMILY_INET).attribute(1, table).bytes();
  }

  /// A chain that the kernel enters at `hook` (0 prerouting, 1 input, 2 forward, 3 output, 4
  /// postrouting).
  static byte[] baseChain(String table, String chain, String type, int hook, int priority) {
    NetlinkMessage message = message(NEWCHAIN, CREATE, FAMILY_INET);
    message.attribute(1, table).attribute(3, chain);
    message.nest(4, () -> message.attributeBig(1, hook).attributeBig(2, priority));
    return message.attribute(7, type).bytes();
  }

  /// A set, or a map when `dataLength` is not 0. Its id binds rules of the same transaction to it.
  static byte[] set(
      String table, String name, int id, int keyType, int keyLength, int dataType, int dataLength) {
    NetlinkMessage message = message(NEWSET, CREATE, FAMILY_INET);
    message.attribute(1, table).attribute(2, name);
    message.attributeBig(3, dataLength > 0 ? SET_MAP : 0);
    message.attributeBig(4, keyType).attributeBig(5, keyLength);
    if (dataLength > 0) {
      message.attributeBig(6, dataType).attributeBig(7, dataLength);
    }
    message.attributeBig(10, id);
    if (keyType == TYPE_IFNAME) {
      // tells the nft program that the key is no number in network order
      message.attribute(13, new byte[] {0, 4, 1, 0, 0, 0});
    }
    return message.bytes();
  }

  /// An element of a set (`data` empty) or map.
  record Element(byte[] key, byte[] data) {
    Element(byte[] key) {
      this(key, new byte[0]);
    }
  }

  static List<byte[]> addElements(String table, String set, List<Element> elements) {
    return elements(NEWSETELEM, CREATE, table, set, elements);
  }

  static List<byte[]> deleteElements(String table, String set, List<Element> elements) {
    return elements(DELSETELEM, 0, table, set, elements);
  }

  private static List<byte[]> elements(
      int type, int flags, String table, String set, List<Element> elements) {
    List<byte[]> messages = new ArrayList<>();
    for (int from = 0; from < elements.size(); from += ELEMENTS_PER_MESSAGE) {
      List<Element> some =
          elements.subList(from, Math.min(elements.size(), from + ELEMENTS_PER_MESSAGE));
      NetlinkMessage message = message(type, flags, FAMILY_INET);
      message.attribute(1, table).attribute(2, set);
      message.nest(
          3,
          () -> {
            for (Element element : some) {
              message.nest(
                  1,
                  () -> {
                    message.nest(1, () -> message.attribute(1, element.key()));
                    if (element.data().length > 0) {
                      message.nest(2, () -> message.attribute(1, element.data()));
                    }
                  });
            }
          });
      messages.add(message.bytes());
    }
    return messages;
  }

  static byte[] rule(String table, String chain, Consumer<NftRule> content) {
    return rule(FAMILY_INET, APPEND, table, chain, "", content);
  }

  /// A rule; `comment` is kept in its user data, where the nft program shows it.
  static byte[] rule(
      int family,
      int place,
      String table,
      String chain,
      String comment,
      Consumer<NftRule> content) {
    NetlinkMessage message = message(NEWRULE, CREATE | place, family);
    message.attribute(1, table).attribute(2, chain);
    message.nest(4, () -> content.accept(new NftRule(message)));
    if (!comment.isEmpty()) {
      byte[] text = (comment + '\0').getBytes(java.nio.charset.StandardCharsets.UTF_8);
      byte[] data = new byte[text.length + 2];
      data[1] = (byte) text.length;
      System.arraycopy(text, 0, data, 2, text.length);
      message.attribute(7, data);
    }
    return message.bytes();
  }

  static byte[] dumpChains() {
    return message(GETCHAIN, DUMP, 0).bytes();
  }

  static byte[] dumpRules(int family, String table, String chain) {
    return message(GETRULE, DUMP, family).attribute(1, table).attribute(2, chain).bytes();
  }

  static byte[] deleteRule(int family, String table, String chain, byte[] handle) {
    return message(DELRULE, 0, family)
        .attribute(1, table)
        .attribute(2, chain)
        .attribute(3, handle)
        .bytes();
  }
}
