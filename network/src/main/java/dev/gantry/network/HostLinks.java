package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Netlink;
import dev.gantry.kernel.NetlinkSetup.HostMessage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/// The host's links, addresses and routes, over rtnetlink.
final class HostLinks implements AutoCloseable {
  private static final Path SYSCTL = Path.of("/proc/sys/net");

  /// A link of the host. `kind` is empty for a real device, `master` 0 for a link on no bridge.
  record Link(int index, String name, String kind, int master, int mtu, String alias) {}

  /// A route of the host to `to`, out of link `link` (its index).
  record Route(Cidr to, int link) {}

  private final Netlink netlink;

  private HostLinks(Netlink netlink) {
    this.netlink = netlink;
  }

  static HostLinks open() {
    try {
      return new HostLinks(Netlink.route());
    } catch (Errno e) {
      throw new Failure.Internal("cannot talk to the kernel about links: " + e.getMessage(), e);
    }
  }

  Optional<Link> find(String name) {
    try {
      return netlink.exchange(LinkMessages.linkByName(name), "link " + name).stream()
          .map(HostLinks::link)
          .findFirst();
    } catch (Errno e) {
      if (e.number() == Errno.ENODEV) {
        return Optional.empty();
      }
      throw failed("look at link " + name, e);
    }
  }

  /// The link with this index.
  Optional<Link> find(int index) {
    return all().stream().filter(link -> link.index() == index).findFirst();
  }

  List<Link> all() {
    try {
      return netlink.exchange(LinkMessages.dumpLinks(), "links").stream()
          .map(HostLinks::link)
          .toList();
    } catch (Errno e) {
      throw failed("list the links", e);
    }
  }

  private static Link link(Netlink.Message message) {
    Map<Integer, byte[]> attributes = NetlinkMessage.attributes(message.payload(), 16);
    byte @Nullable [] name = attributes.get(LinkMessages.IFLA_IFNAME);
    byte @Nullable [] info = attributes.get(LinkMessages.IFLA_LINKINFO);
    byte @Nullable [] alias = attributes.get(LinkMessages.IFLA_IFALIAS);
    byte @Nullable [] kind =
        info == null ? null : NetlinkMessage.attributes(info, 0).get(LinkMessages.IFLA_INFO_KIND);
    return new Link(
        message.buffer().getInt(4),
        name == null ? "" : NetlinkMessage.text(name),
        kind == null ? "" : NetlinkMessage.text(kind),
        number(attributes.get(LinkMessages.IFLA_MASTER)),
        number(attributes.get(LinkMessages.IFLA_MTU)),
        alias == null ? "" : NetlinkMessage.text(alias));
  }

  private static int number(byte @Nullable [] value) {
    return value == null || value.length < 4
        ? 0
        : ByteBuffer.wrap(value).order(ByteOrder.nativeOrder()).getInt();
  }

  /// The addresses of link `index`.
  List<Cidr> addresses(int index) {
    List<Cidr> result = new ArrayList<>();
    try {
      for (Netlink.Message message : netlink.exchange(LinkMessages.dumpAddresses(), "addresses")) {
        Map<Integer, byte[]> attributes = NetlinkMessage.attributes(message.payload(), 8);
        byte[] address =
            attributes.getOrDefault(
                LinkMessages.IFA_LOCAL, attributes.get(LinkMessages.IFA_ADDRESS));
        if (message.buffer().getInt(4) == index && address != null) {
          result.add(new Cidr(Cidr.of(address), message.payload()[1] & 0xff));
        }
      }
      return result;
    } catch (Errno e) {
      throw failed("list the addresses", e);
    }
  }

  /// The destinations of the host's unicast routes, default routes aside, save those of `except`.
  List<Route> routes(int except) {
    List<Route> result = new ArrayList<>();
    try {
      for (Netlink.Message message : netlink.exchange(LinkMessages.dumpRoutes(), "routes")) {
        byte[] payload = message.payload();
        Map<Integer, byte[]> attributes = NetlinkMessage.attributes(payload, 12);
        byte[] destination = attributes.get(LinkMessages.RTA_DST);
        int prefix = payload[1] & 0xff;
        boolean unicast = payload[7] == 1;
        int link = number(attributes.get(LinkMessages.RTA_OIF));
        if (destination != null && unicast && prefix > 0 && link != except) {
          result.add(new Route(new Cidr(Cidr.of(destination), prefix), link));
        }
      }
      return result;
    } catch (Errno e) {
      throw failed("list the routes", e);
    }
  }

  /// Makes bridge `name`, or takes the one that is there, and gives it `addresses`.
  Link ensureBridge(String name, int mtu, List<Cidr> addresses) {
    Optional<Link> existing = find(name);
    if (existing.isPresent() && !existing.get().kind().equals("bridge")) {
      throw new Failure.Conflict(
          "the link " + name + " is there and is no bridge", "choose another bridge name", null);
    }
    Link bridge = existing.orElseGet(() -> createBridge(name, mtu));
    boolean ipv6 = addresses.stream().anyMatch(Cidr::isIpv6);
    // a container must not make itself the host's router (CVE-2020-13401)
    sysctl("ipv6/conf/" + name + "/accept_ra", "0");
    if (ipv6) {
      sysctl("ipv6/conf/" + name + "/disable_ipv6", "0");
      sysctl("ipv6/conf/" + name + "/accept_dad", "0");
    }
    // published ports are reachable at 127.0.0.1; the table keeps others from using this
    sysctl("ipv4/conf/" + name + "/route_localnet", "1");
    try {
      if (existing.isPresent()) {
        netlink.exchange(LinkMessages.up(bridge.index()), "bridge " + name);
        if (mtu > 0 && bridge.mtu() != mtu) {
          netlink.exchange(LinkMessages.mtu(bridge.index(), mtu), "bridge " + name);
        }
      }
      List<Cidr> present = addresses(bridge.index());
      for (Cidr address : addresses) {
        if (!present.contains(address)) {
          netlink.exchange(
              LinkMessages.address(bridge.index(), address), "address " + address + " of " + name);
        }
      }
    } catch (Errno e) {
      throw failed("set up bridge " + name, e);
    }
    return bridge;
  }

  private Link createBridge(String name, int mtu) {
    try {
      netlink.exchange(LinkMessages.bridge(name, mtu == 0 ? 1500 : mtu, randomMac()), name);
    } catch (Errno e) {
      throw failed("make bridge " + name, e);
    }
    return find(name)
        .orElseThrow(() -> new Failure.Internal("bridge " + name + " went away at once"));
  }

  /// Makes a link that leads nowhere.
  Link createDummy(String name, String alias) {
    return create(name, LinkMessages.dummy(name, alias));
  }

  /// Makes the link for packets with `tag` on `base`.
  Link createVlan(String name, Link base, int tag, String alias) {
    return create(name, LinkMessages.vlan(name, base.index(), tag, alias));
  }

  private Link create(String name, byte[] message) {
    try {
      netlink.exchange(message, "link " + name);
    } catch (Errno e) {
      if (e.number() == Errno.EOPNOTSUPP) {
        // Docker's text; here it means that the kernel lacks the module
        throw new Failure.Internal("operation not supported", e);
      }
      throw failed("make link " + name, e);
    }
    return find(name)
        .orElseThrow(() -> new Failure.Internal("link " + name + " went away at once"));
  }

  /// A locally administered address.
  static byte[] randomMac() {
    byte[] mac = new byte[6];
    ThreadLocalRandom.current().nextBytes(mac);
    mac[0] = 0x02;
    mac[1] = 0x42;
    return mac;
  }

  /// Sends messages about `what`.
  void change(List<byte[]> messages, String what) {
    try {
      netlink.exchange(NetlinkMessage.join(messages), what);
    } catch (Errno e) {
      throw failed("change " + what, e);
    }
  }

  /// Sends a launch message for process `pid` now.
  void send(HostMessage message, int pid, String what) {
    byte[] bytes = message.bytes().clone();
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    message.pidOffsets().forEach(offset -> buffer.putInt(offset, pid));
    try {
      netlink.exchange(bytes, what);
    } catch (Errno e) {
      throw failed("make " + what, e);
    }
  }

  /// Deletes a link; one that is gone already is fine.
  void delete(Link link) {
    try {
      netlink.exchange(LinkMessages.delete(link.index()), "link " + link.name());
    } catch (Errno e) {
      if (e.number() != Errno.ENODEV) {
        throw failed("delete link " + link.name(), e);
      }
    }
  }

  /// Writes a setting under /proc/sys/net. One that the kernel lacks (no IPv6) is passed over; one
  /// that has the value already is not written, so a read-only /proc/sys works when it is right.
  static void sysctl(String name, String value) {
    Path file = SYSCTL.resolve(name);
    try {
      if (Files.exists(file) && !Files.readString(file).strip().equals(value)) {
        Files.writeString(file, value);
      }
    } catch (IOException e) {
      throw new Failure.Internal("cannot set net." + name + " to " + value + ": " + e, e);
    }
  }

  private static Failure.Internal failed(String what, Errno e) {
    return new Failure.Internal("cannot " + what + ": " + e.getMessage(), e);
  }

  @Override
  public void close() {
    netlink.close();
  }
}
