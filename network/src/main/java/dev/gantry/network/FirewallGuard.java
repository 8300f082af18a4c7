package dev.gantry.network;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Netlink;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Puts the table back when somebody takes it away: `nft flush ruleset` is what many firewall
/// scripts begin with. It sleeps until nf_tables tells of a change.
final class FirewallGuard implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(FirewallGuard.class.getName());
  private static final int GROUP_NFTABLES = 7;

  private final Firewall firewall;
  private final Runnable neighbours;
  private @Nullable Thread thread;

  /// @param neighbours looks at other programs' rules again
  FirewallGuard(Firewall firewall, Runnable neighbours) {
    this.firewall = firewall;
    this.neighbours = neighbours;
  }

  synchronized void start() {
    if (thread == null) {
      thread = Thread.ofVirtual().name("gantry-firewall").start(this::watch);
    }
  }

  private void watch() {
    try (Netlink events = Netlink.netfilter()) {
      events.join(GROUP_NFTABLES);
      check();
      while (true) {
        try {
          List<Netlink.Message> changes = events.receive(TimeUnit.HOURS.toNanos(1));
          if (changes.stream().anyMatch(FirewallGuard::removes)) {
            check();
          }
          if (changes.stream().anyMatch(FirewallGuard::isChain)) {
            neighbours.run();
          }
        } catch (Errno e) {
          check(); // notifications were lost
        }
      }
    } catch (InterruptedIOException e) {
      Thread.currentThread().interrupt();
    } catch (Errno e) {
      LOG.log(System.Logger.Level.WARNING, "firewall is not watched: {0}", e.getMessage());
    }
  }

  private static boolean removes(Netlink.Message message) {
    int type = message.type() & 0xff;
    return type == NftMessages.DELTABLE || type == 5 || type == NftMessages.DELRULE;
  }

  private static boolean isChain(Netlink.Message message) {
    return (message.type() & 0xff) == NftMessages.NEWCHAIN;
  }

  private void check() {
    try {
      if (!firewall.present()) {
        firewall.apply();
        LOG.log(System.Logger.Level.INFO, "firewall table restored: {0}", firewall.table());
      }
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.WARNING, "firewall table not restored: {0}", e.getMessage());
    }
  }

  @Override
  public synchronized void close() {
    if (thread != null) {
      thread.interrupt();
      try {
        thread.join(java.time.Duration.ofSeconds(2));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      thread = null;
    }
  }
}
