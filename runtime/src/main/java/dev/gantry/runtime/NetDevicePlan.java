package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Netlink;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Network devices of the host that move into the container (config-linux.md#network-devices,
/// rtnetlink(7)). The kernel takes a moved device down and forgets its addresses: the lasting
/// global ones are read here, and set again inside.
///
/// When the container ends, the kernel gives physical devices back to the host and deletes virtual
/// ones.
final class NetDevicePlan {
  private static final int NEWLINK = 16;
  private static final int NEWADDR = 20;
  private static final int GETADDR = 22;
  private static final int REQUEST_ACK = 1 | 4;
  private static final int REQUEST_DUMP = 1 | 0x300;
  private static final int CREATE_REPLACE = 0x400 | 0x100;
  private static final int IFLA_IFNAME = 3;
  private static final int IFA_LABEL = 3;
  private static final int IFLA_NET_NS_PID = 19;
  private static final int IFLA_NET_NS_FD = 28;
  private static final int IFF_UP = 1;
  private static final int IFA_F_PERMANENT = 0x80;
  private static final int SIOCGIFINDEX = 0x8933;
  private static final int AF_INET = 2;
  private static final int SOCK_DGRAM = 2;
  private static final int NAME_LENGTH = 16;
  private static final int HEADER = 16;
  private static final int LINK_HEADER = 16;
  private static final int ADDRESS_HEADER = 8;

  private record Device(String name, String inside, int index, List<byte[]> addresses) {}

  private final LaunchPlan plan;
  private final NamespacePlan namespaces;
  private final List<Device> devices = new ArrayList<>();

  NetDevicePlan(LaunchPlan plan, RuntimeSpec.Linux linux, NamespacePlan namespaces) {
    this.plan = plan;
    this.namespaces = namespaces;
    for (Map.Entry<String, RuntimeSpec.NetDevice> entry : linux.netDevices().entrySet()) {
      String name = checked(entry.getKey());
      String given = entry.getValue().name();
      String inside = given == null || given.isEmpty() ? name : checked(given);
      if (devices.stream().anyMatch(d -> d.inside().equals(inside))) {
        throw new Failure.InvalidRequest("two network devices would be named " + inside);
      }
      devices.add(new Device(name, inside, index(name), addresses(index(name))));
    }
    if (!devices.isEmpty() && !namespaces.has("network")) {
      throw new Failure.InvalidRequest(
          "linux.netDevices needs a network namespace that is not the host's");
    }
  }

  private static String checked(String name) {
    int length = name.getBytes(StandardCharsets.UTF_8).length;
    if (length == 0
        || length >= NAME_LENGTH
        || name.equals(".")
        || name.equals("..")
        || name.chars().anyMatch(c -> c == '/' || c == ':' || c == '%' || c <= ' ')) {
      throw new Failure.InvalidRequest("invalid name \"" + name + "\" of a network device");
    }
    return name;
  }

  private static int index(String name) {
    try {
      return Integer.parseInt(Files.readString(Path.of("/sys/class/net", name, "ifindex")).strip());
    } catch (IOException | NumberFormatException e) {
      throw new Failure.InvalidRequest("there is no network device " + name, null, e);
    }
  }

  /// The lasting addresses of global scope, each as the kernel described it.
  private static List<byte[]> addresses(int index) {
    ByteBuffer request = message(GETADDR, REQUEST_DUMP, ADDRESS_HEADER);
    List<byte[]> found = new ArrayList<>();
    try (Netlink netlink = Netlink.route()) {
      for (Netlink.Message answer : netlink.exchange(finished(request), "addresses")) {
        ByteBuffer payload = answer.buffer();
        // struct ifaddrmsg: family, prefix length, flags, scope, index
        if (answer.type() == NEWADDR
            && payload.getInt(4) == index
            && (payload.get(2) & IFA_F_PERMANENT) != 0
            && payload.get(3) == 0) {
          found.add(unlabelled(payload));
        }
      }
    } catch (IOException e) {
      throw new Failure.Unavailable(
          "could not read the addresses of a network device: " + e.getMessage(), e);
    }
    return List.copyOf(found);
  }

  /// Without the label, which is the name that the device has outside.
  private static byte[] unlabelled(ByteBuffer address) {
    ByteBuffer out = ByteBuffer.allocate(address.capacity()).order(ByteOrder.nativeOrder());
    out.put(address.slice(0, ADDRESS_HEADER));
    for (int at = ADDRESS_HEADER; at + 4 <= address.capacity(); ) {
      int length = address.getShort(at) & 0xffff;
      int padded = Math.min((length + 3) & ~3, address.capacity() - at);
      if (length < 4) {
        break;
      }
      if (address.getShort(at + 2) != IFA_LABEL) {
        out.put(address.slice(at, padded));
      }
      at += padded;
    }
    byte[] bytes = new byte[out.position()];
    out.get(0, bytes);
    return bytes;
  }

  private static ByteBuffer message(int type, int flags, int header) {
    ByteBuffer out = ByteBuffer.allocate(4096).order(ByteOrder.nativeOrder());
    out.putInt(0).putShort((short) type).putShort((short) flags).putInt(1).putInt(0);
    out.position(HEADER + header);
    return out;
  }

  private static byte[] finished(ByteBuffer message) {
    message.putInt(0, message.position());
    byte[] bytes = new byte[message.position()];
    message.get(0, bytes);
    return bytes;
  }

  private static void attribute(ByteBuffer out, int type, byte[] value) {
    out.putShort((short) (4 + value.length)).putShort((short) type).put(value);
    out.position((out.position() + 3) & ~3);
  }

  /// In the monitor, with the host's rights.
  void move(Argument pid) {
    if (devices.isEmpty()) {
      return;
    }
    Optional<Argument> joined = namespaces.joinedNetwork();
    for (Device device : devices) {
      String what = "move the network device " + device.name() + " into the container";
      ByteBuffer out = message(NEWLINK, REQUEST_ACK, LINK_HEADER);
      out.putInt(HEADER + 4, device.index());
      attribute(out, IFLA_IFNAME, (device.inside() + "\0").getBytes(StandardCharsets.UTF_8));
      attribute(out, joined.isPresent() ? IFLA_NET_NS_FD : IFLA_NET_NS_PID, new byte[4]);
      byte[] bytes = finished(out);
      Argument.Pointer place = plan.bytes(bytes);
      plan.special(
          what, Special.STORE32, LaunchPlan.behind(place, bytes.length - 4), joined.orElse(pid));
      exchange(what, place, bytes.length);
    }
  }

  /// In the child: addresses, and up.
  void configure() {
    for (Device device : devices) {
      String what = "configure the network device " + device.inside();
      Argument socket =
          plan.call(
                  what,
                  Syscalls.SOCKET,
                  number(AF_INET),
                  number(SOCK_DGRAM | Fd.O_CLOEXEC),
                  number(0))
              .result();
      // struct ifreq: the name, then the index, which may be another one here
      Argument.Pointer request = plan.reserve(40);
      byte[] name = device.inside().getBytes(StandardCharsets.UTF_8);
      plan.set(request, name);
      plan.call(what, Syscalls.IOCTL, socket, number(SIOCGIFINDEX), request);
      Argument index =
          plan.special(what, Special.LOAD32, LaunchPlan.behind(request, NAME_LENGTH)).result();
      plan.call("close a descriptor", Syscalls.CLOSE, socket);
      for (byte[] address : device.addresses()) {
        ByteBuffer out = message(NEWADDR, REQUEST_ACK | CREATE_REPLACE, 0);
        out.put(address);
        send(what, finished(out), HEADER + 4, index);
      }
      ByteBuffer up = message(NEWLINK, REQUEST_ACK, LINK_HEADER);
      up.putInt(HEADER + 8, IFF_UP).putInt(HEADER + 12, IFF_UP);
      send(what, finished(up), HEADER + 4, index);
    }
  }

  private void send(String what, byte[] bytes, int indexAt, Argument index) {
    Argument.Pointer place = plan.bytes(bytes);
    plan.special(what, Special.STORE32, LaunchPlan.behind(place, indexAt), index);
    exchange(what, place, bytes.length);
  }

  private void exchange(String what, Argument.Pointer message, int length) {
    Argument socket = PlanCompiler.netlinkSocket(plan, what);
    plan.special(what, Special.NETLINK, socket, message, number(length), number(1));
    plan.call("close a descriptor", Syscalls.CLOSE, socket);
  }
}
