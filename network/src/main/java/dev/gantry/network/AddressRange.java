package dev.gantry.network;

import java.math.BigInteger;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/// Hands out the addresses of one subnet, or of a range in it, one after the other.
///
/// Round robin, because an old veth answers for up to 50 ms after its namespace has gone: an
/// address is used again as late as possible. Not thread-safe; the owner of the network holds the
/// lock.
final class AddressRange {
  private final Cidr subnet;
  private final BigInteger first;
  private final BigInteger last;
  private final boolean small;
  private final Set<InetAddress> used = new HashSet<>();
  private BigInteger next;

  /// @param range the part of `subnet` to take addresses from, by itself or as a whole
  AddressRange(Cidr subnet, Cidr range) {
    this.subnet = subnet;
    BigInteger low = subnet.offsetOf(range.network().address());
    BigInteger high = low.add(range.size()).subtract(BigInteger.ONE);
    // the first address names the subnet, the last of IPv4 is the broadcast
    this.small = subnet.size().compareTo(BigInteger.TWO) <= 0;
    BigInteger end = subnet.size().subtract(subnet.isIpv6() ? BigInteger.ONE : BigInteger.TWO);
    this.first = small ? low : low.max(BigInteger.ONE);
    this.last = small ? high : high.min(end);
    this.next = first;
  }

  boolean holds(InetAddress address) {
    return subnet.contains(address);
  }

  /// Takes `address`; false when somebody has it, or it stands for the subnet or for all on it.
  boolean reserve(InetAddress address) {
    return !hasMeaning(address) && used.add(address);
  }

  private boolean hasMeaning(InetAddress address) {
    BigInteger offset = subnet.offsetOf(address);
    boolean broadcast = !subnet.isIpv6() && offset.equals(subnet.size().subtract(BigInteger.ONE));
    return !small && (offset.signum() == 0 || broadcast);
  }

  void free(InetAddress address) {
    used.remove(address);
  }

  /// The next free address, or nothing when all are taken.
  Optional<InetAddress> take() {
    BigInteger count = last.subtract(first).add(BigInteger.ONE);
    // of used.size() + 1 different addresses one is free
    BigInteger tries = count.min(BigInteger.valueOf(used.size() + 1L));
    for (BigInteger i = BigInteger.ZERO; i.compareTo(tries) < 0; i = i.add(BigInteger.ONE)) {
      InetAddress candidate = subnet.at(next);
      next = next.compareTo(last) >= 0 ? first : next.add(BigInteger.ONE);
      if (used.add(candidate)) {
        return Optional.of(candidate);
      }
    }
    return Optional.empty();
  }
}
