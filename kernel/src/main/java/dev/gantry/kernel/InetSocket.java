package dev.gantry.kernel;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// A TCP or UDP socket of the host (ip(7), ipv6(7)), for what the JDK's cannot do: thousands of
/// listeners that cost next to nothing until somebody connects, and datagrams answered from the
/// address that they were sent to. Always non-blocking and close-on-exec.
public final class InetSocket implements Closeable {
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_DGRAM = 2;
  private static final int SOL_SOCKET = 1;
  private static final int SO_REUSEADDR = 2;
  private static final int SO_ERROR = 4;
  private static final int IPPROTO_IP = 0;
  private static final int IP_PKTINFO = 8;
  private static final int IPPROTO_IPV6 = 41;
  private static final int IPV6_V6ONLY = 26;
  private static final int IPV6_RECVPKTINFO = 49;
  private static final int IPV6_PKTINFO = 50;
  private static final int EINPROGRESS = 115;
  private static final int IPPROTO_TCP = 6;
  private static final int TCP_NODELAY = 1;
  private static final int SHUT_WR = 1;
  private static final int SHUT_RDWR = 2;

  // struct sockaddr_in6, the larger one; struct msghdr; struct cmsghdr (cmsg(3)), 64 bits
  private static final int NAME_SIZE = 28;
  private static final int HEADER_SIZE = 56;
  private static final int CONTROL_SIZE = 64;
  private static final int CONTROL_HEADER = 16;

  private final Fd fd;

  private InetSocket(Fd fd) {
    this.fd = fd;
  }

  /// A socket that waits for connections.
  ///
  /// @param dual one on `::` takes IPv4 as well
  public static InetSocket listener(InetSocketAddress at, boolean dual, int backlog) throws Errno {
    InetSocket socket = bound(at, SOCK_STREAM, dual);
    try {
      Native.call(Syscalls.LISTEN, at.toString(), socket.fd.number(), backlog, 0);
      return socket;
    } catch (Errno e) {
      socket.close();
      throw e;
    }
  }

  /// A socket that takes datagrams with [#receive]; `dual` as above.
  public static InetSocket datagrams(InetSocketAddress at, boolean dual) throws Errno {
    InetSocket socket = bound(at, SOCK_DGRAM, dual);
    try {
      if (at.getAddress() instanceof Inet6Address) {
        socket.option(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      } else {
        socket.option(IPPROTO_IP, IP_PKTINFO, 1);
      }
      return socket;
    } catch (Errno e) {
      socket.close();
      throw e;
    }
  }

  /// A datagram socket that talks to `to` alone, by [Fd#read] and [Fd#write].
  public static InetSocket datagramsTo(InetSocketAddress to) throws Errno {
    InetSocket socket = open(to, SOCK_DGRAM);
    try {
      socket.connect(to);
      return socket;
    } catch (Errno e) {
      socket.close();
      throw e;
    }
  }

  /// A connection to `to`, waited for at most `nanos`.
  public static InetSocket connection(InetSocketAddress to, long nanos) throws IOException {
    InetSocket socket = open(to, SOCK_STREAM);
    try {
      try {
        socket.connect(to);
      } catch (Errno e) {
        if (e.number() != EINPROGRESS) {
          throw e;
        }
        if (!Poller.shared().awaitWritable(socket.fd, nanos)) {
          throw new SocketTimeoutException(
              "no connection to " + to + " within " + TimeUnit.NANOSECONDS.toSeconds(nanos) + " s");
        }
        socket.requireConnected(to);
      }
      socket.option(IPPROTO_TCP, TCP_NODELAY, 1);
      return socket;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  private static InetSocket open(InetSocketAddress address, int type) throws Errno {
    int family = address.getAddress() instanceof Inet6Address ? AF_INET6 : AF_INET;
    return new InetSocket(
        Fd.adopt(
            (int)
                Native.call(
                    Syscalls.SOCKET,
                    address.toString(),
                    family,
                    type | Fd.O_CLOEXEC | Fd.O_NONBLOCK,
                    0)));
  }

  private static InetSocket bound(InetSocketAddress at, int type, boolean dual) throws Errno {
    InetSocket socket = open(at, type);
    try (Arena arena = Arena.ofConfined()) {
      if (type == SOCK_STREAM) {
        socket.option(SOL_SOCKET, SO_REUSEADDR, 1);
      }
      if (at.getAddress() instanceof Inet6Address) {
        socket.option(IPPROTO_IPV6, IPV6_V6ONLY, dual ? 0 : 1);
      }
      MemorySegment name = name(arena, at);
      Native.call(
          Syscalls.BIND, at.toString(), socket.fd.number(), name.address(), name.byteSize());
      return socket;
    } catch (Errno e) {
      socket.close();
      throw e;
    }
  }

  private void connect(InetSocketAddress to) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = name(arena, to);
      Native.call(Syscalls.CONNECT, to.toString(), fd.number(), name.address(), name.byteSize());
    }
  }

  private void requireConnected(InetSocketAddress to) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = arena.allocate(4, 4);
      MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, 4);
      Native.call(
          Syscalls.GETSOCKOPT,
          to.toString(),
          fd.number(),
          SOL_SOCKET,
          SO_ERROR,
          error.address(),
          length.address(),
          0);
      int number = error.get(ValueLayout.JAVA_INT, 0);
      if (number != 0) {
        throw new Errno(number, "connect", to.toString());
      }
    }
  }

  private void option(int level, int name, int value) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocateFrom(ValueLayout.JAVA_INT, value);
      Native.call(
          Syscalls.SETSOCKOPT, "", fd.number(), level, name, number.address(), Integer.BYTES, 0);
    }
  }

  /// struct sockaddr_in or sockaddr_in6.
  private static MemorySegment name(Arena arena, InetSocketAddress address) {
    byte[] number = address.getAddress().getAddress();
    boolean six = number.length == 16;
    MemorySegment name = arena.allocate(six ? NAME_SIZE : 16, 8);
    name.set(ValueLayout.JAVA_SHORT, 0, (short) (six ? AF_INET6 : AF_INET));
    name.asByteBuffer().putShort(2, (short) address.getPort()); // in network order
    MemorySegment.copy(number, 0, name, ValueLayout.JAVA_BYTE, six ? 8 : 4, number.length);
    if (address.getAddress() instanceof Inet6Address scoped) {
      name.set(ValueLayout.JAVA_INT, 24, scoped.getScopeId());
    }
    return name;
  }

  /// The descriptor, to wait for and to read and write where the socket is connected.
  public Fd fd() {
    return fd;
  }

  /// The port that the socket is bound to.
  public int port() throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(NAME_SIZE, 8);
      MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, NAME_SIZE);
      Native.call(Syscalls.GETSOCKNAME, "", fd.number(), name.address(), length.address());
      return Short.toUnsignedInt(name.asByteBuffer().getShort(2));
    }
  }

  /// A connection that waits to be taken, if there is one.
  public Optional<InetSocket> accept() throws Errno {
    long result =
        Native.raw(Syscalls.ACCEPT4, fd.number(), 0, 0, Fd.O_CLOEXEC | Fd.O_NONBLOCK, 0, 0);
    if (result == -Errno.EAGAIN) {
      return Optional.empty();
    }
    if (result < 0) {
      throw Native.failed((int) -result, Syscalls.ACCEPT4, "");
    }
    InetSocket connection = new InetSocket(Fd.adopt((int) result));
    connection.option(IPPROTO_TCP, TCP_NODELAY, 1);
    return Optional.of(connection);
  }

  /// No more bytes go out; what the other side still sends can be read.
  public void endOutput() {
    shutdown(SHUT_WR);
  }

  /// Ends the connection in both directions, so that whoever waits for it goes on.
  public void shutdown() {
    shutdown(SHUT_RDWR);
  }

  private void shutdown(int how) {
    // fails only where the other side has ended it before
    long ignored = Native.raw(Syscalls.SHUTDOWN, fd.number(), how, 0, 0, 0, 0);
  }

  /// Who sent a datagram, and to which of this machine's addresses: an answer goes the way back.
  ///
  /// @param name the kernel's form of the sender
  /// @param control the kernel's form of the address
  public record Correspondent(ByteBuffer name, ByteBuffer control) {
    /// The address of this machine that was written to.
    public InetAddress at() throws IOException {
      byte[] bytes = new byte[control.getInt(8) == IPPROTO_IPV6 ? 16 : 4];
      control.get(bytes.length == 16 ? CONTROL_HEADER : CONTROL_HEADER + 4, bytes);
      return InetAddress.getByAddress(bytes);
    }
  }

  /// Takes a datagram into a direct buffer, which is then ready to be read; empty when none waits.
  public Optional<Correspondent> receive(ByteBuffer direct) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      direct.clear();
      MemorySegment name = arena.allocate(NAME_SIZE, 8);
      MemorySegment control = arena.allocate(CONTROL_SIZE, 8);
      MemorySegment header = header(arena, name, direct, control, CONTROL_SIZE);
      long count = Native.raw(Syscalls.RECVMSG, fd.number(), header.address(), 0, 0, 0, 0);
      if (count == -Errno.EAGAIN) {
        return Optional.empty();
      }
      if (count < 0) {
        throw Native.failed((int) -count, Syscalls.RECVMSG, "");
      }
      direct.limit((int) count);
      byte[] from = new byte[header.get(ValueLayout.JAVA_INT, 8)];
      MemorySegment.copy(name, ValueLayout.JAVA_BYTE, 0, from, 0, from.length);
      byte[] way = new byte[(int) header.get(ValueLayout.JAVA_LONG, 40)];
      MemorySegment.copy(control, ValueLayout.JAVA_BYTE, 0, way, 0, way.length);
      ByteBuffer back = ByteBuffer.wrap(way).order(ByteOrder.nativeOrder());
      withoutLink(back, from);
      return Optional.of(new Correspondent(ByteBuffer.wrap(from), back));
    }
  }

  /// The answer may leave by any link, as routes say; only link-local addresses need theirs.
  private static void withoutLink(ByteBuffer control, byte[] from) {
    if (control.capacity() < CONTROL_HEADER + 12) {
      return;
    }
    if (control.getInt(8) == IPPROTO_IP) {
      control.putInt(CONTROL_HEADER, 0);
    } else if (control.getInt(12) == IPV6_PKTINFO
        && !(from[8] == (byte) 0xfe && (from[9] & 0xc0) == 0x80)) {
      control.putInt(CONTROL_HEADER + 16, 0);
    }
  }

  /// Sends a direct buffer's content to `to`, from the address that it had written to.
  public void send(ByteBuffer direct, Correspondent to) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = copy(arena, to.name());
      MemorySegment control = copy(arena, to.control());
      MemorySegment header = header(arena, name, direct, control, to.control().capacity());
      Native.call(Syscalls.SENDMSG, "", fd.number(), header.address(), 0);
    }
  }

  private static MemorySegment copy(Arena arena, ByteBuffer bytes) {
    MemorySegment copy = arena.allocate(Math.max(bytes.capacity(), 1), 8);
    MemorySegment.copy(bytes.array(), 0, copy, ValueLayout.JAVA_BYTE, 0, bytes.capacity());
    return copy;
  }

  /// struct msghdr with one piece.
  private static MemorySegment header(
      Arena arena, MemorySegment name, ByteBuffer direct, MemorySegment control, int controls) {
    MemorySegment piece = arena.allocate(16, 8);
    piece.set(ValueLayout.JAVA_LONG, 0, MemorySegment.ofBuffer(direct).address());
    piece.set(ValueLayout.JAVA_LONG, 8, direct.remaining());
    MemorySegment header = arena.allocate(HEADER_SIZE, 8);
    header.set(ValueLayout.JAVA_LONG, 0, name.address());
    header.set(ValueLayout.JAVA_INT, 8, (int) name.byteSize());
    header.set(ValueLayout.JAVA_LONG, 16, piece.address());
    header.set(ValueLayout.JAVA_LONG, 24, 1);
    header.set(ValueLayout.JAVA_LONG, 32, control.address());
    header.set(ValueLayout.JAVA_LONG, 40, controls);
    return header;
  }

  @Override
  public void close() {
    fd.close();
  }
}
