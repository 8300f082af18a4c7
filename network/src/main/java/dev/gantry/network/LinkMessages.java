package dev.gantry.network;

import static dev.gantry.network.NetlinkMessage.ACK;
import static dev.gantry.network.NetlinkMessage.CREATE;
import static dev.gantry.network.NetlinkMessage.DUMP;
import static dev.gantry.network.NetlinkMessage.EXCLUSIVE;
import static dev.gantry.network.NetlinkMessage.REPLACE;
import static dev.gantry.network.NetlinkMessage.REQUEST;

import dev.gantry.kernel.NetlinkSetup.HostMessage;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;

/// The requests of rtnetlink(7) that networks of containers need, as bytes.
final class LinkMessages {
  static final int NEWLINK = 16;
  static final int DELLINK = 17;
  static final int GETLINK = 18;
  static final int SETLINK = 19;
  static final int NEWADDR = 20;
  static final int DELADDR = 21;
  static final int GETADDR = 22;
  static final int NEWROUTE = 24;
  static final int DELROUTE = 25;
  static final int GETROUTE = 26;

  static final int LOOPBACK_INDEX = 1;

  static final int IFLA_ADDRESS = 1;
  static final int IFLA_IFNAME = 3;
  static final int IFLA_MTU = 4;
  static final int IFLA_LINK = 5;
  static final int IFLA_MASTER = 10;
  static final int IFLA_LINKINFO = 18;
  static final int IFLA_IFALIAS = 20;
  static final int IFLA_NET_NS_PID = 19;
  static final int IFLA_NET_NS_FD = 28;
  static final int IFLA_INFO_KIND = 1;
  static final int IFLA_INFO_DATA = 2;
  static final int IFA_ADDRESS = 1;
  static final int IFA_LOCAL = 2;
  static final int RTA_DST = 1;
  static final int RTA_OIF = 4;
  private static final int VETH_INFO_PEER = 1;
  private static final int IFLA_MACVLAN_MODE = 1;
  private static final int IFLA_IPVLAN_MODE = 1;
  private static final int IFLA_IPVLAN_FLAGS = 2;
  private static final int IFLA_VLAN_ID = 1;
  private static final int IFA_BROADCAST = 4;
  private static final int IFA_FLAGS = 8;
  private static final int IFA_F_NODAD = 2;
  private static final int RTA_GATEWAY = 5;
  private static final int RTA_PRIORITY = 6;
  private static final int IFF_UP = 1;
  private static final int IFLA_PROTINFO = 12;
  private static final int IFLA_BRPORT_MODE = 4;
  private static final int AF_BRIDGE = 7;
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;
  private static final int TABLE_MAIN = 254;
  private static final int PROTOCOL_BOOT = 3;
  private static final int SCOPE_UNIVERSE = 0;
  private static final int SCOPE_LINK = 253;
  private static final int UNICAST = 1;

  /// How the namespace is named that a new link goes to: the number is filled in when it is sent.
  enum Target {
    PROCESS(IFLA_NET_NS_PID),
    DESCRIPTOR(IFLA_NET_NS_FD);

    final int attribute;

    Target(int attribute) {
      this.attribute = attribute;
    }
  }

  private LinkMessages() {}

  private static NetlinkMessage link(NetlinkMessage message, int index, int flags, int change) {
    return message.u8(0).u8(0).u16(0).u32(index).u32(flags).u32(change);
  }

  /// Makes a bridge that is up. Its address is fixed, or it would change with each port.
  static byte[] bridge(String name, int mtu, byte[] mac) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK | CREATE | EXCLUSIVE);
    link(message, 0, IFF_UP, IFF_UP);
    message.attribute(IFLA_IFNAME, name).attribute(IFLA_MTU, mtu).attribute(IFLA_ADDRESS, mac);
    message.nestPlain(IFLA_LINKINFO, () -> message.attribute(IFLA_INFO_KIND, "bridge"));
    return message.bytes();
  }

  /// Makes a veth pair in one step: the host's end up and on the bridge, the other end straight in
  /// the network namespace of the process whose pid is filled in.
  ///
  /// Both ends get an index of our choice: then the container's own messages can name it before it
  /// exists (the kernel takes the peer's index only with the host end's). The peer cannot be up at
  /// once; the kernel refuses to open it before it is linked.
  static HostMessage veth(
      String hostName,
      int hostIndex,
      int bridgeIndex,
      String name,
      int index,
      byte[] mac,
      int mtu,
      Target target) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK | CREATE | EXCLUSIVE);
    link(message, hostIndex, IFF_UP, IFF_UP);
    message.attribute(IFLA_IFNAME, hostName).attribute(IFLA_MTU, mtu);
    message.attribute(IFLA_MASTER, bridgeIndex);
    return withPeer(
        message,
        target,
        () -> {
          link(message, index, 0, 0);
          message.attribute(IFLA_IFNAME, name).attribute(IFLA_MTU, mtu);
          message.attribute(IFLA_ADDRESS, mac);
        });
  }

  /// Makes a veth pair that is down and on no bridge, its other end in the namespace of the
  /// descriptor that is filled in.
  static HostMessage pair(String hostName, int hostIndex, String name, int index) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK | CREATE | EXCLUSIVE);
    link(message, hostIndex, 0, 0).attribute(IFLA_IFNAME, hostName);
    return withPeer(
        message, Target.DESCRIPTOR, () -> link(message, index, 0, 0).attribute(IFLA_IFNAME, name));
  }

  private static HostMessage withPeer(NetlinkMessage message, Target target, Runnable peer) {
    List<Integer> offsets = new ArrayList<>();
    message.nestPlain(
        IFLA_LINKINFO,
        () -> {
          message.attribute(IFLA_INFO_KIND, "veth");
          message.nestPlain(
              IFLA_INFO_DATA,
              () ->
                  message.nestPlain(
                      VETH_INFO_PEER,
                      () -> {
                        peer.run();
                        offsets.add(message.position() + 4);
                        message.attribute(target.attribute, 0);
                      }));
        });
    return new HostMessage(message.bytes(), offsets);
  }

  /// Puts the host's end of a pair on its bridge.
  static byte[] onBridge(int index, int bridgeIndex, int mtu) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK);
    link(message, index, IFF_UP, IFF_UP);
    return message.attribute(IFLA_MTU, mtu).attribute(IFLA_MASTER, bridgeIndex).bytes();
  }

  /// Brings the container's end of a pair up.
  static byte[] up(int index, byte[] mac, int mtu) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK);
    link(message, index, IFF_UP, IFF_UP);
    return message.attribute(IFLA_MTU, mtu).attribute(IFLA_ADDRESS, mac).bytes();
  }

  /// Lets a bridge send packets back out of the port they came from. A container reaches its own
  /// published port that way when br_netfilter rewrites packets on the bridge already.
  static HostMessage hairpin(int index) {
    NetlinkMessage message = new NetlinkMessage(SETLINK, REQUEST | ACK);
    message.u8(AF_BRIDGE).u8(0).u16(0).u32(index).u32(0).u32(0);
    message.nest(IFLA_PROTINFO, () -> message.attributeU8(IFLA_BRPORT_MODE, 1));
    return new HostMessage(message.bytes(), List.of());
  }

  /// Makes a macvlan interface on `parent` inside the namespace of the process whose pid is filled
  /// in.
  static HostMessage macvlan(
      int parent, String name, int index, byte[] mac, int mtu, int mode, Target target) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK | CREATE | EXCLUSIVE);
    link(message, index, 0, 0);
    message.attribute(IFLA_IFNAME, name).attribute(IFLA_LINK, parent);
    if (mtu > 0) {
      message.attribute(IFLA_MTU, mtu);
    }
    message.attribute(IFLA_ADDRESS, mac);
    int offset = message.position() + 4;
    message.attribute(target.attribute, 0);
    message.nestPlain(
        IFLA_LINKINFO,
        () -> {
          message.attribute(IFLA_INFO_KIND, "macvlan");
          message.nestPlain(IFLA_INFO_DATA, () -> message.attribute(IFLA_MACVLAN_MODE, mode));
        });
    return new HostMessage(message.bytes(), List.of(offset));
  }

  /// Makes an ipvlan interface on `parent` inside the namespace that is filled in.
  static HostMessage ipvlan(
      int parent, String name, int index, int mtu, int mode, int flags, Target target) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK | CREATE | EXCLUSIVE);
    link(message, index, 0, 0);
    message.attribute(IFLA_IFNAME, name).attribute(IFLA_LINK, parent);
    if (mtu > 0) {
      message.attribute(IFLA_MTU, mtu);
    }
    int offset = message.position() + 4;
    message.attribute(target.attribute, 0);
    message.nestPlain(
        IFLA_LINKINFO,
        () -> {
          message.attribute(IFLA_INFO_KIND, "ipvlan");
          message.nestPlain(
              IFLA_INFO_DATA,
              () ->
                  message
                      .attribute(IFLA_IPVLAN_MODE, nativeShort(mode))
                      .attribute(IFLA_IPVLAN_FLAGS, nativeShort(flags)));
        });
    return new HostMessage(message.bytes(), List.of(offset));
  }

  private static byte[] nativeShort(int value) {
    return ByteBuffer.allocate(2).order(ByteOrder.nativeOrder()).putShort((short) value).array();
  }

  /// Makes a dummy link that is up.
  static byte[] dummy(String name, String alias) {
    return virtual(name, alias, 0, message -> message.attribute(IFLA_INFO_KIND, "dummy"));
  }

  /// Makes a link of VLAN `tag` on link `parent` that is up.
  static byte[] vlan(String name, int parent, int tag, String alias) {
    return virtual(
        name,
        alias,
        parent,
        message -> {
          message.attribute(IFLA_INFO_KIND, "vlan");
          message.nestPlain(
              IFLA_INFO_DATA, () -> message.attribute(IFLA_VLAN_ID, nativeShort(tag)));
        });
  }

  private static byte[] virtual(
      String name, String alias, int parent, Consumer<NetlinkMessage> info) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK | CREATE | EXCLUSIVE);
    link(message, 0, IFF_UP, IFF_UP);
    message.attribute(IFLA_IFNAME, name).attribute(IFLA_IFALIAS, alias);
    if (parent > 0) {
      message.attribute(IFLA_LINK, parent);
    }
    message.nestPlain(IFLA_LINKINFO, () -> info.accept(message));
    return message.bytes();
  }

  static byte[] up(int index) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK);
    return link(message, index, IFF_UP, IFF_UP).bytes();
  }

  static byte[] mtu(int index, int mtu) {
    NetlinkMessage message = new NetlinkMessage(NEWLINK, REQUEST | ACK);
    return link(message, index, 0, 0).attribute(IFLA_MTU, mtu).bytes();
  }

  static byte[] delete(int index) {
    return link(new NetlinkMessage(DELLINK, REQUEST | ACK), index, 0, 0).bytes();
  }

  static byte[] linkByName(String name) {
    NetlinkMessage message = new NetlinkMessage(GETLINK, REQUEST);
    return link(message, 0, 0, 0).attribute(IFLA_IFNAME, name).bytes();
  }

  static byte[] dumpLinks() {
    return link(new NetlinkMessage(GETLINK, REQUEST | DUMP), 0, 0, 0).bytes();
  }

  static byte[] dumpAddresses() {
    return new NetlinkMessage(GETADDR, REQUEST | DUMP).u8(0).u8(0).u8(0).u8(0).u32(0).bytes();
  }

  static byte[] dumpRoutes() {
    return new NetlinkMessage(GETROUTE, REQUEST | DUMP)
        .u8(0)
        .u8(0)
        .u8(0)
        .u8(0)
        .u8(0)
        .u8(0)
        .u8(0)
        .u8(0)
        .u32(0)
        .bytes();
  }

  /// Gives link `index` an address. IPv6 ones are used at once: nobody else has them on our links.
  static byte[] address(int index, Cidr address) {
    NetlinkMessage message = new NetlinkMessage(NEWADDR, REQUEST | ACK | CREATE | REPLACE);
    byte[] bytes = address.address().getAddress();
    boolean ipv6 = address.isIpv6();
    message.u8(ipv6 ? AF_INET6 : AF_INET).u8(address.prefix()).u8(0).u8(0).u32(index);
    message.attribute(IFA_LOCAL, bytes).attribute(IFA_ADDRESS, bytes);
    if (ipv6) {
      message.attribute(IFA_FLAGS, IFA_F_NODAD);
    } else if (address.prefix() < 31) {
      message.attribute(
          IFA_BROADCAST,
          address.at(address.size().subtract(java.math.BigInteger.ONE)).getAddress());
    }
    return message.bytes();
  }

  /// Sends what has no better route through `gateway`, out of link `index`.
  static byte[] defaultRoute(int index, InetAddress gateway, int metric) {
    NetlinkMessage message = route(NEWROUTE, CREATE | REPLACE, gateway, SCOPE_UNIVERSE);
    message.attribute(RTA_GATEWAY, gateway.getAddress()).attribute(RTA_OIF, index);
    if (metric > 0) {
      message.attribute(RTA_PRIORITY, metric);
    }
    return message.bytes();
  }

  /// Takes the default route of `family`'s family away.
  static byte[] deleteDefaultRoute(InetAddress family) {
    return route(DELROUTE, 0, family, 255).bytes();
  }

  /// Sends what has no better route out of link `index` itself.
  static byte[] defaultRouteOnLink(int index, InetAddress family) {
    return route(NEWROUTE, CREATE | REPLACE, family, SCOPE_LINK).attribute(RTA_OIF, index).bytes();
  }

  private static NetlinkMessage route(int type, int flags, InetAddress family, int scope) {
    boolean ipv6 = family.getAddress().length == 16;
    return new NetlinkMessage(type, REQUEST | ACK | flags)
        .u8(ipv6 ? AF_INET6 : AF_INET)
        .u8(0)
        .u8(0)
        .u8(0)
        .u8(TABLE_MAIN)
        .u8(PROTOCOL_BOOT)
        .u8(scope)
        .u8(UNICAST)
        .u32(0);
  }

  static byte[] mac(String text) {
    return HexFormat.ofDelimiter(":").parseHex(text);
  }
}
