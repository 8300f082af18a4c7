package dev.gantry.network;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Netlink;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Other programs' rules on forwarded packets, which can drop what our table accepts: a packet must
/// get past every table of a hook.
///
/// Docker sets the policy of iptables' FORWARD chain to drop, and has the chain DOCKER-USER for the
/// rules of everybody else; there, and nowhere else, our bridges are let through (what may be
/// reached is still decided by our own table). For firewalls without such a place a sentence says
/// what their user can do. Thread-safe.
final class NeighbourFirewalls implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(NeighbourFirewalls.class.getName());
  private static final String IPTABLES = "filter";
  private static final String DOCKER_USER = "DOCKER-USER";
  private static final int INPUT = 1;
  private static final int FORWARD = 2;
  private static final int POLICY_DROP = 0;

  private record Chain(int family, String table, String name, int hook, int policy) {}

  private final Netlink netlink;
  private final String mark;
  private List<String> warnings = List.of();

  private NeighbourFirewalls(Netlink netlink, String table) {
    this.netlink = netlink;
    this.mark = "gantry: table " + table;
  }

  static NeighbourFirewalls open(String table) {
    try {
      return new NeighbourFirewalls(Netlink.netfilter(), table);
    } catch (Errno e) {
      throw new dev.gantry.base.Failure.Internal("cannot talk to nf_tables: " + e.getMessage(), e);
    }
  }

  /// What stands against forwarding now, a sentence each with what to do.
  synchronized List<String> warnings() {
    return warnings;
  }

  /// Looks at the others' chains and lets `bridges` through where that is asked for.
  synchronized void settle(Collection<String> bridges) {
    try {
      List<Chain> chains = chains();
      List<String> found = new ArrayList<>();
      for (Chain chain : chains) {
        if (chain.hook() != FORWARD || chain.policy() != POLICY_DROP) {
          continue;
        }
        boolean asked =
            chain.table().equals(IPTABLES)
                && chains.stream()
                    .anyMatch(
                        c ->
                            c.name().equals(DOCKER_USER)
                                && c.table().equals(IPTABLES)
                                && c.family() == chain.family());
        if (asked) {
          letThrough(chain.family(), bridges);
        } else {
          found.add(
              "The chain "
                  + chain.name()
                  + " of the firewall table "
                  + chain.table()
                  + " drops forwarded packets by default: containers may not reach the outside."
                  + " Allow forwarding from and to "
                  + String.join(", ", bridges)
                  + " there (with ufw: ufw route allow in on BRIDGE, ufw route allow out on"
                  + " BRIDGE).");
        }
      }
      if (chains.stream().anyMatch(chain -> chain.table().equals("firewalld"))) {
        found.add(
            "firewalld rejects forwarded packets of links in no zone: put "
                + String.join(", ", bridges)
                + " into the zone trusted (firewall-cmd --permanent --zone=trusted"
                + " --add-interface=BRIDGE).");
      }
      found.stream()
          .filter(text -> !warnings.contains(text))
          .forEach(text -> LOG.log(System.Logger.Level.WARNING, text));
      warnings = List.copyOf(found);
    } catch (Errno e) {
      LOG.log(
          System.Logger.Level.WARNING, "other firewalls could not be read: {0}", e.getMessage());
    }
  }

  /// The chains of this host that see packets to its own sockets, each in words that end in what
  /// becomes of packets that no rule names.
  synchronized List<String> inputChains() {
    try {
      return chains().stream()
          .filter(chain -> chain.hook() == INPUT)
          .map(
              chain ->
                  "chain "
                      + chain.name()
                      + " of table "
                      + chain.table()
                      + ", by default "
                      + (chain.policy() == POLICY_DROP ? "drop" : "accept"))
          .toList();
    } catch (Errno e) {
      return List.of("they could not be read (" + e.getMessage() + "), by default drop");
    }
  }

  private List<Chain> chains() throws Errno {
    List<Chain> chains = new ArrayList<>();
    for (Netlink.Message message : netlink.exchange(NftMessages.dumpChains(), "chains")) {
      Map<Integer, byte[]> attributes = NetlinkMessage.attributes(message.payload(), 4);
      byte[] hook = attributes.get(4);
      chains.add(
          new Chain(
              message.payload()[0],
              text(attributes.get(1)),
              text(attributes.get(3)),
              hook == null ? -1 : number(NetlinkMessage.attributes(hook, 0).get(1)),
              number(attributes.get(5))));
    }
    return chains;
  }

  private static String text(byte @Nullable [] value) {
    return value == null ? "" : NetlinkMessage.text(value);
  }

  private static int number(byte @Nullable [] value) {
    return value == null || value.length < 4 ? -1 : ByteBuffer.wrap(value).getInt();
  }

  /// Replaces our rules in DOCKER-USER by rules for `bridges`, unless they are right.
  private void letThrough(int family, Collection<String> bridges) throws Errno {
    List<byte[]> old = ownRules(family);
    if (old.size() == 2 * bridges.size()) {
      return;
    }
    List<byte[]> changes = new ArrayList<>();
    old.forEach(
        handle -> changes.add(NftMessages.deleteRule(family, IPTABLES, DOCKER_USER, handle)));
    for (String bridge : bridges) {
      changes.add(rule(family, rule -> rule.from(bridge).counter().accept()));
      changes.add(rule(family, rule -> rule.to(bridge).counter().accept()));
    }
    if (!changes.isEmpty()) {
      netlink.exchange(NftMessages.transaction(changes), DOCKER_USER);
    }
  }

  private byte[] rule(int family, java.util.function.Consumer<NftRule> content) {
    // without "append" a rule goes to the front, before the chain's closing return
    return NftMessages.rule(family, 0, IPTABLES, DOCKER_USER, mark, content);
  }

  private List<byte[]> ownRules(int family) throws Errno {
    List<byte[]> handles = new ArrayList<>();
    for (Netlink.Message message :
        netlink.exchange(NftMessages.dumpRules(family, IPTABLES, DOCKER_USER), DOCKER_USER)) {
      Map<Integer, byte[]> attributes = NetlinkMessage.attributes(message.payload(), 4);
      byte[] data = attributes.get(7);
      byte[] handle = attributes.get(3);
      boolean own =
          data != null
              && data.length > 2
              && NetlinkMessage.text(java.util.Arrays.copyOfRange(data, 2, data.length))
                  .equals(mark);
      if (own && handle != null) {
        handles.add(handle);
      }
    }
    return handles;
  }

  /// Takes our rules out of the others' chains.
  synchronized void withdraw() {
    for (int family : new int[] {NftMessages.FAMILY_IPV4, NftMessages.FAMILY_IPV6}) {
      Optional<Errno> failure = tryWithdraw(family);
      failure
          .filter(e -> e.number() != Errno.ENOENT)
          .ifPresent(
              e ->
                  LOG.log(
                      System.Logger.Level.WARNING,
                      "rules in {0} not removed: {1}",
                      DOCKER_USER,
                      e.getMessage()));
    }
  }

  private Optional<Errno> tryWithdraw(int family) {
    try {
      letThrough(family, List.of());
      return Optional.empty();
    } catch (Errno e) {
      return Optional.of(e);
    }
  }

  @Override
  public void close() {
    netlink.close();
  }
}
