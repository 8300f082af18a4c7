package dev.gantry.kernel;

import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// A netlink socket (netlink(7)) that sends finished messages and reads the answers.
///
/// The kernel works on a request before `sendto` returns, and goes on with a dump whenever it is
/// read, so answers are collected without waiting. A socket belongs to the network namespace in
/// which it was opened, whatever thread uses it later. Thread-safe: one exchange at a time.
public final class Netlink implements AutoCloseable {
  /// One message of an answer: its type, sequence number, and what follows the header.
  public record Message(int type, int sequence, byte[] payload) {
    /// The payload in native order.
    public ByteBuffer buffer() {
      return ByteBuffer.wrap(payload).order(ByteOrder.nativeOrder());
    }
  }

  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  private static final int NETLINK_ROUTE = 0;
  private static final int NETLINK_NETFILTER = 12;
  private static final int SOL_SOCKET = 1;
  private static final int SO_SNDBUFFORCE = 32;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int SOL_NETLINK = 270;
  private static final int NETLINK_ADD_MEMBERSHIP = 1;
  private static final int NETLINK_CAP_ACK = 10;
  private static final int NETLINK_EXT_ACK = 11;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_TRUNC = 0x20;
  private static final int NLMSG_ERROR = 2;
  private static final int NLMSG_DONE = 3;
  private static final int ERROR_MESSAGE = 1; // NLMSGERR_ATTR_MSG
  private static final int F_CAPPED = 0x100;
  private static final int F_EXTENDED = 0x200;
  private static final int BUFFER = 8 << 20;
  private static final int CHUNK = 32 << 10;

  private final Fd socket;

  private Netlink(Fd socket) {
    this.socket = socket;
  }

  /// Links, addresses, routes (rtnetlink(7)).
  public static Netlink route() throws Errno {
    return open(NETLINK_ROUTE);
  }

  /// Netfilter's subsystems, nf_tables among them.
  public static Netlink netfilter() throws Errno {
    return open(NETLINK_NETFILTER);
  }

  private static Netlink open(int protocol) throws Errno {
    Fd socket =
        Fd.adopt(
            (int)
                Native.call(
                    Syscalls.SOCKET, "netlink", AF_NETLINK, SOCK_RAW | Fd.O_CLOEXEC, protocol));
    Netlink netlink = new Netlink(socket);
    netlink.bind();
    netlink.option(SOL_NETLINK, NETLINK_CAP_ACK, 1);
    netlink.option(SOL_NETLINK, NETLINK_EXT_ACK, 1);
    // a ruleset of thousands of elements is one message; without CAP_NET_ADMIN the defaults stay
    netlink.option(SOL_SOCKET, SO_SNDBUFFORCE, BUFFER);
    netlink.option(SOL_SOCKET, SO_RCVBUFFORCE, BUFFER);
    return netlink;
  }

  /// Takes a port of the kernel's choice: a socket without one is passed over by notifications.
  private void bind() throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocate(12, 4);
      address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_NETLINK);
      Native.call(Syscalls.BIND, "netlink", socket.number(), address.address(), 12);
    } catch (Errno e) {
      close();
      throw e;
    }
  }

  private long option(int level, int name, int value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocateFrom(ValueLayout.JAVA_INT, value);
      return Native.raw(
          Syscalls.SETSOCKOPT, socket.number(), level, name, number.address(), Integer.BYTES, 0);
    }
  }

  /// Subscribes to the notifications of `group`; read them by [#receive].
  public void join(int group) throws Errno {
    long result = option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    if (result < 0) {
      throw new Errno((int) -result, "setsockopt", "netlink group " + group);
    }
  }

  /// Sends one or more messages, back to back in `request`, and answers what the kernel had to say
  /// besides acknowledgements. The first error wins and names `object`.
  public synchronized List<Message> exchange(byte[] request, String object) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(Math.max(request.length, 1), 8);
      MemorySegment.copy(request, 0, bytes, ValueLayout.JAVA_BYTE, 0, request.length);
      Native.call(
          Syscalls.SENDTO, object, socket.number(), bytes.address(), request.length, 0, 0, 0);
      List<Message> answers = new ArrayList<>();
      Errno first = null;
      MemorySegment chunk = arena.allocate(CHUNK, 8);
      while (true) {
        List<Message> some = read(chunk, object);
        if (some.isEmpty()) {
          break;
        }
        for (Message message : some) {
          if (message.type() != NLMSG_ERROR && message.type() != NLMSG_DONE) {
            answers.add(message);
          } else if (first == null && error(message) != 0) {
            first = failure(message, object);
          }
        }
      }
      if (first != null) {
        throw first;
      }
      return answers;
    }
  }

  /// Waits up to `nanos` for notifications; none came when the list is empty. ENOBUFS says that
  /// some were lost.
  public List<Message> receive(long nanos) throws Errno, InterruptedIOException {
    if (!Poller.shared().awaitReadable(socket, nanos)) {
      return List.of();
    }
    try (Arena arena = Arena.ofConfined()) {
      return read(arena.allocate(CHUNK, 8), "notifications");
    }
  }

  private List<Message> read(MemorySegment chunk, String object) throws Errno {
    long size =
        Native.raw(
            Syscalls.RECVFROM,
            socket.number(),
            chunk.address(),
            CHUNK,
            MSG_DONTWAIT | MSG_TRUNC,
            0,
            0);
    if (size == -Errno.EAGAIN) {
      return List.of();
    }
    if (size < 0) {
      throw new Errno((int) -size, "recvfrom", object);
    }
    if (size > CHUNK) {
      throw new Errno(Errno.E2BIG, "recvfrom", object);
    }
    List<Message> messages = new ArrayList<>();
    byte[] bytes = new byte[(int) size];
    MemorySegment.copy(chunk, ValueLayout.JAVA_BYTE, 0, bytes, 0, bytes.length);
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    for (int at = 0; at + 16 <= bytes.length; ) {
      int length = in.getInt(at);
      if (length < 16 || at + length > bytes.length) {
        break;
      }
      int type = Short.toUnsignedInt(in.getShort(at + 4));
      byte[] payload = new byte[length - 16];
      System.arraycopy(bytes, at + 16, payload, 0, payload.length);
      // the flags of an answer matter only for the place of the error text; see failure()
      if (type == NLMSG_ERROR) {
        payload = withoutRequest(payload, Short.toUnsignedInt(in.getShort(at + 6)));
      }
      messages.add(new Message(type, in.getInt(at + 8), payload));
      at += length + 3 & ~3;
    }
    return messages;
  }

  /// An error's payload as its number and the attributes, without the request it repeats.
  private static byte[] withoutRequest(byte[] payload, int flags) {
    int request =
        payload.length >= 20
            ? ByteBuffer.wrap(payload).order(ByteOrder.nativeOrder()).getInt(4)
            : 16;
    int attributes = 4 + ((flags & F_CAPPED) != 0 ? 16 : request + 3 & ~3);
    boolean extended = (flags & F_EXTENDED) != 0 && attributes < payload.length;
    int rest = extended ? payload.length - attributes : 0;
    byte[] result = new byte[4 + rest];
    System.arraycopy(payload, 0, result, 0, Math.min(4, payload.length));
    System.arraycopy(payload, payload.length - rest, result, 4, rest);
    return result;
  }

  private static int error(Message message) {
    return message.payload().length >= 4 ? message.buffer().getInt(0) : 0;
  }

  private static Errno failure(Message message, String object) {
    ByteBuffer in = message.buffer();
    String text = "";
    for (int at = 4; at + 4 <= in.limit(); ) {
      int length = Short.toUnsignedInt(in.getShort(at));
      if (length < 4 || at + length > in.limit()) {
        break;
      }
      if (in.getShort(at + 2) == ERROR_MESSAGE) {
        text =
            " ("
                + new String(
                    message.payload(), at + 4, Math.max(0, length - 5), StandardCharsets.UTF_8)
                + ")";
      }
      at += length + 3 & ~3;
    }
    return new Errno(-error(message), "netlink", object + text);
  }

  @Override
  public void close() {
    socket.close();
  }
}
