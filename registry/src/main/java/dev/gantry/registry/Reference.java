package dev.gantry.registry;

import java.util.regex.Pattern;

/// What names a manifest in a repository: a tag or a digest.
sealed interface Reference {
  /// A tag of at most 128 characters.
  record Tag(String value) implements Reference {
    private static final Pattern GRAMMAR = Pattern.compile("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}");

    public Tag {
      if (!GRAMMAR.matcher(value).matches()) {
        throw new RegistryError(
            ErrorCode.MANIFEST_INVALID, 400, "invalid tag", dev.gantry.json.Json.of(value));
      }
    }

    @Override
    public String toString() {
      return value;
    }
  }

  /// A digest.
  record ByDigest(ContentDigest digest) implements Reference {
    @Override
    public String toString() {
      return digest.toString();
    }
  }

  static Reference parse(String text) {
    return text.indexOf(':') >= 0 ? new ByDigest(ContentDigest.parse(text)) : new Tag(text);
  }
}
