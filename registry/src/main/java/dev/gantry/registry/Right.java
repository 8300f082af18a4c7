package dev.gantry.registry;

import java.util.Locale;

/// What one may do in a repository.
enum Right {
  PULL,
  PUSH,
  DELETE;

  /// The word of token scopes and policy files.
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
