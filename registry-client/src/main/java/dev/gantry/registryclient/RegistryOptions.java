package dev.gantry.registryclient;

import dev.gantry.base.Failure;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// How registries are reached: what dockerd's settings of the same names say, and rewrite rules.
///
/// @param mirrors tried before Docker Hub for its images, in this order
/// @param insecure `host`, `host:port` or `address/bits`: plain HTTP and unknown certificates are
///   accepted there; the loopback addresses always are among them
/// @param rewrites tried before the place that a name says, in this order
/// @param certificates folders that hold `HOST[:PORT]/*.crt`, `*.cert` and `*.key`
/// @param downloads blobs loaded at a time, of all pulls together
/// @param uploads blobs sent at a time, of all pushes together
/// @param attempts of loading or sending one blob that brings nothing
/// @param patience how long a registry may stay silent in the middle of something
public record RegistryOptions(
    List<URI> mirrors,
    List<String> insecure,
    List<Rewrite> rewrites,
    List<Path> certificates,
    Proxies proxies,
    int downloads,
    int uploads,
    int attempts,
    Duration patience) {

  /// Images whose name begins with `prefix` are looked for under `target` first.
  ///
  /// @param prefix of a full name, whole parts of it: `docker.io`, `ghcr.io/team`
  /// @param target `host[:port][/path]` or with `http://` or `https://` before it
  public record Rewrite(String prefix, String target) {
    private static final Pattern TARGET =
        Pattern.compile(
            "(https?://)?([A-Za-z0-9.-]+|\\[[0-9a-fA-F:]+\\])(:[0-9]+)?(/[a-z0-9._-]+)*");

    /// Reads `PREFIX=TARGET`.
    public static Rewrite parse(String text) {
      int equals = text.indexOf('=');
      String prefix = equals < 1 ? "" : text.substring(0, equals);
      String target = equals < 1 ? "" : text.substring(equals + 1);
      while (target.endsWith("/")) {
        target = target.substring(0, target.length() - 1);
      }
      if (prefix.isEmpty() || prefix.endsWith("/") || !TARGET.matcher(target).matches()) {
        throw new Failure.InvalidRequest(
            "invalid registry rewrite \"" + text + "\"",
            "write PREFIX=HOST[:PORT][/PATH], as docker.io/library=mirror.example.com/hub",
            null);
      }
      return new Rewrite(prefix, target);
    }

    /// The new name without its registry's scheme; empty if the rule is not for `name`.
    java.util.Optional<String> apply(String name) {
      if (!name.equals(prefix) && !name.startsWith(prefix + "/")) {
        return java.util.Optional.empty();
      }
      return java.util.Optional.of(target + name.substring(prefix.length()));
    }
  }

  /// Proxies of the outside world; empty texts for none.
  ///
  /// @param none hosts, domains, addresses and networks that are reached without
  public record Proxies(String http, String https, List<String> none) {
    public Proxies {
      none = List.copyOf(none);
    }
  }

  public static final RegistryOptions DEFAULT =
      new RegistryOptions(
          List.of(),
          List.of(),
          List.of(),
          List.of(Path.of("/etc/gantry/certs.d"), Path.of("/etc/docker/certs.d")),
          new Proxies("", "", List.of()),
          3,
          5,
          5,
          Duration.ofSeconds(60));

  public RegistryOptions {
    mirrors = List.copyOf(mirrors);
    insecure = List.copyOf(insecure);
    rewrites = List.copyOf(rewrites);
    certificates = List.copyOf(certificates);
  }

  /// The same with one more host where plain HTTP and unknown certificates are accepted.
  RegistryOptions withInsecure(String host) {
    List<String> more = new ArrayList<>(insecure);
    more.add(host);
    return new RegistryOptions(
        mirrors, more, rewrites, certificates, proxies, downloads, uploads, attempts, patience);
  }

  /// True if plain HTTP and unknown certificates are accepted from `host`, which may have a port.
  boolean isInsecure(String host) {
    String bare = Hosts.withoutPort(host);
    if (bare.equals("localhost")
        || Hosts.isIn(bare, "127.0.0.0/8")
        || Hosts.isIn(bare, "::1/128")) {
      return true;
    }
    return insecure.stream()
        .anyMatch(i -> i.contains("/") ? Hosts.isIn(bare, i) : i.equals(host) || i.equals(bare));
  }
}
