package dev.gantry.registry;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Who asks.
///
/// @param user empty for anybody
/// @param granted the rights that a token carries by repository, instead of what the policy says
record Identity(String user, Optional<Map<String, Set<Right>>> granted) {
  static final Identity ANONYMOUS = new Identity("", Optional.empty());

  static Identity of(String user) {
    return new Identity(user, Optional.empty());
  }

  boolean isAnonymous() {
    return user.isEmpty() && granted.isEmpty();
  }
}
