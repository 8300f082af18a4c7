package dev.gantry.registry;

import java.util.regex.Pattern;

/// The name of a repository (distribution-spec spec.md#pulling-manifests): parts joined by `/`, at
/// most 255 characters. A part never begins with `_`, which keeps our own folders apart.
record RepositoryName(String value) implements Comparable<RepositoryName> {
  private static final int MAX = 255;
  private static final Pattern GRAMMAR =
      Pattern.compile(
          "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*");

  RepositoryName {
    if (value.length() > MAX || !GRAMMAR.matcher(value).matches()) {
      throw new RegistryError(
          ErrorCode.NAME_INVALID,
          "invalid repository name \"" + (value.length() > MAX ? "(too long)" : value) + "\"");
    }
  }

  @Override
  public int compareTo(RepositoryName other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
