package dev.gantry.registry;

import java.util.Optional;

/// Who wants to hear what happens.
@FunctionalInterface
interface Events {
  /// @param action push, pull, mount or delete
  /// @param reference the digest, or the tag that was removed
  /// @param tag by which it was named
  void happened(
      String action, Call call, RepositoryName name, String reference, Optional<String> tag);
}
