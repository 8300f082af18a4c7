package dev.gantry.kernel;

import java.util.List;

/// The rtnetlink messages that connect a new network namespace, ready to be sent by the launch
/// plan: first the host's, from the host's namespace, then the container's, from within.
///
/// @param hostMessages each one request that is acknowledged
/// @param containerMessages sent in one batch; each is acknowledged
public record NetlinkSetup(List<HostMessage> hostMessages, List<byte[]> containerMessages) {
  /// Nothing to set up.
  public static final NetlinkSetup NONE = new NetlinkSetup(List.of(), List.of());

  public NetlinkSetup {
    hostMessages = List.copyOf(hostMessages);
    containerMessages = List.copyOf(containerMessages);
  }

  /// A request; the pid of the container's first process is written at each of `pidOffsets` (32
  /// bits, native order) before it is sent.
  public record HostMessage(byte[] bytes, List<Integer> pidOffsets) {
    public HostMessage {
      bytes = bytes.clone();
      pidOffsets = List.copyOf(pidOffsets);
    }
  }
}
