package dev.gantry.runtime;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.PidFd;
import java.io.InterruptedIOException;

/// Collects the exits of the monitors that this process started, so that none stays as a zombie.
final class Reaper {
  private Reaper() {}

  static void reap(int child) {
    PidFd pidFd;
    try {
      pidFd = PidFd.open(child);
    } catch (Errno e) {
      return; // it cannot be gone before it is collected, so this is not our child
    }
    Thread.ofVirtual()
        .name("reap-" + child)
        .start(
            () -> {
              try (pidFd) {
                pidFd.await();
                pidFd.reap();
              } catch (Errno | InterruptedIOException e) {
                // nothing waits for a monitor's own exit
                Thread.currentThread().interrupt();
              }
            });
  }
}
