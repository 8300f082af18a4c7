package dev.gantry.registryclient;

import dev.gantry.oci.ImageReference;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/// One place where a repository may be found.
///
/// @param base scheme and host: `https://registry.example.com:5000`
/// @param path the repository there
/// @param mirror true if the name's own registry is another one: a failure here is no answer yet,
///   and credentials of that registry are not for this one
/// @param insecure true if certificates are not checked
record Endpoint(URI base, String path, boolean mirror, boolean insecure) {
  private static final String HUB = "docker.io";
  private static final String HUB_HOST = "registry-1.docker.io";

  URI uri(String tail) {
    return URI.create(base + "/v2/" + path + tail);
  }

  String host() {
    return base.getAuthority();
  }

  /// Where to look for `reference`, in this order.
  static List<Endpoint> of(ImageReference reference, RegistryOptions options) {
    List<Endpoint> all = new ArrayList<>();
    for (RegistryOptions.Rewrite rewrite : options.rewrites()) {
      rewrite.apply(reference.name()).ifPresent(target -> addTarget(all, target, options));
    }
    if (reference.domain().equals(HUB)) {
      for (URI mirror : options.mirrors()) {
        add(all, mirror.toString(), reference.path(), true, options);
      }
    }
    addHost(all, hostOf(reference.domain()), reference.path(), false, options);
    return all;
  }

  /// Where `reference` is pushed to: its own registry alone.
  static List<Endpoint> origin(ImageReference reference, RegistryOptions options) {
    List<Endpoint> all = new ArrayList<>();
    addHost(all, hostOf(reference.domain()), reference.path(), false, options);
    return all;
  }

  static String hostOf(String domain) {
    return domain.equals(HUB) ? HUB_HOST : domain;
  }

  private static void addTarget(List<Endpoint> all, String target, RegistryOptions options) {
    int scheme = target.indexOf("://");
    int slash = target.indexOf('/', scheme < 0 ? 0 : scheme + 3);
    String host = slash < 0 ? target : target.substring(0, slash);
    String path = slash < 0 ? "" : target.substring(slash + 1);
    if (scheme < 0) {
      addHost(all, host, path, true, options);
    } else {
      add(all, host, path, true, options);
    }
  }

  private static void add(
      List<Endpoint> all, String base, String path, boolean mirror, RegistryOptions options) {
    String plain = base.endsWith("/") ? base.substring(0, base.length() - 1) : base;
    URI uri = URI.create(plain);
    all.add(
        new Endpoint(uri, path, mirror, options.isInsecure(String.valueOf(uri.getAuthority()))));
  }

  /// HTTPS first; plain HTTP only where that is allowed.
  private static void addHost(
      List<Endpoint> all, String host, String path, boolean mirror, RegistryOptions options) {
    boolean insecure = options.isInsecure(host);
    all.add(new Endpoint(URI.create("https://" + host), path, mirror, insecure));
    if (insecure) {
      all.add(new Endpoint(URI.create("http://" + host), path, mirror, true));
    }
  }
}
