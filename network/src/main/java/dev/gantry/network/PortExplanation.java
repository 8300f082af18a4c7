package dev.gantry.network;

import java.util.List;

/// Who reaches a container's port, and which rule decides: what `gantry port explain` prints.
///
/// @param port as `80/tcp`
/// @param notes what else is worth knowing, a sentence each
public record PortExplanation(String container, String port, List<Way> ways, List<String> notes) {
  public PortExplanation {
    ways = List.copyOf(ways);
    notes = List.copyOf(notes);
  }

  /// What is known of a way.
  public enum Answer {
    YES,
    NO,
    /// Rules that are not ours decide.
    DEPENDS
  }

  /// One way to the port.
  ///
  /// @param address `address:port` that is asked
  /// @param who asks
  /// @param rule that decides, and where it stands
  public record Way(String address, String who, Answer answer, String rule) {}
}
