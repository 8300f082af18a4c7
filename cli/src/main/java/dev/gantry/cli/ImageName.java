package dev.gantry.cli;

import java.util.Locale;

/// An image's name as it is written: repository, tag, digest. Only what the command line must know;
/// the engine checks the rest.
record ImageName(String repository, String tag, String digest) {
  /// @throws Refused with Docker's words if it cannot be a name
  static ImageName parse(String text) {
    int at = text.indexOf('@');
    String digest = at < 0 ? "" : text.substring(at + 1);
    String name = at < 0 ? text : text.substring(0, at);
    int colon = name.lastIndexOf(':');
    boolean tagged = colon > name.lastIndexOf('/');
    String repository = tagged ? name.substring(0, colon) : name;
    String tag = tagged ? name.substring(colon + 1) : "";
    check(repository, tagged, tag);
    return new ImageName(repository, tag, digest);
  }

  private static void check(String repository, boolean tagged, String tag) {
    int slash = repository.indexOf('/');
    String host = slash < 0 ? "" : repository.substring(0, slash);
    boolean hosted = host.indexOf('.') >= 0 || host.indexOf(':') >= 0 || host.equals("localhost");
    String path = hosted ? repository.substring(slash + 1) : repository;
    if (path.matches("[0-9a-f]{64}")) {
      throw new Refused(
          "invalid repository name (" + path + "), cannot specify 64-byte hexadecimal strings");
    }
    if (!path.equals(path.toLowerCase(Locale.ROOT))
        && path.matches("[a-zA-Z0-9]+([._/-]+[a-zA-Z0-9]+)*")) {
      String official = slash < 0 ? "library/" + path : path;
      throw new Refused(
          "invalid reference format: repository name (" + official + ") must be lowercase");
    }
    boolean good =
        path.matches("[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*");
    if (!good || tagged && !tag.matches("\\w[\\w.-]{0,127}")) {
      throw new Refused("invalid reference format");
    }
  }

  /// True if nothing says which version is meant.
  boolean isPlain() {
    return tag.isEmpty() && digest.isEmpty();
  }

  ImageName withDefaultTag() {
    return isPlain() ? new ImageName(repository, "latest", "") : this;
  }

  /// What Docker prints: no `docker.io/library/` before it.
  String familiar() {
    return familiarRepository() + suffix();
  }

  String familiarRepository() {
    String plain = repository.replaceFirst("^(index\\.)?docker\\.io/", "");
    return plain.replaceFirst("^library/(?=[^/]+$)", "");
  }

  /// With the registry: `docker.io/library/busybox:latest`.
  String full() {
    return fullRepository() + suffix();
  }

  String fullRepository() {
    int slash = repository.indexOf('/');
    String host = slash < 0 ? "" : repository.substring(0, slash);
    boolean hosted = host.indexOf('.') >= 0 || host.indexOf(':') >= 0 || host.equals("localhost");
    return hosted ? repository : "docker.io/" + (slash < 0 ? "library/" : "") + repository;
  }

  /// The registry it comes from.
  String registry() {
    return full().substring(0, full().indexOf('/'));
  }

  private String suffix() {
    return (tag.isEmpty() ? "" : ":" + tag) + (digest.isEmpty() ? "" : "@" + digest);
  }
}
