package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.registryclient.RegistryOptions;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// The flags that say how registries are reached, checked.
final class RegistryFlags {
  private RegistryFlags() {}

  static RegistryOptions read(Flags flags) {
    return read(flags, System.getenv());
  }

  /// @param environment for the proxies that no flag names
  static RegistryOptions read(Flags flags, Map<String, String> environment) {
    List<Path> certificates = flags.list("registry-certs").stream().map(Path::of).toList();
    return new RegistryOptions(
        flags.list("registry-mirror").stream().map(RegistryFlags::mirror).toList(),
        flags.list("insecure-registry").stream().map(RegistryFlags::insecure).toList(),
        flags.list("registry-rewrite").stream().map(RegistryOptions.Rewrite::parse).toList(),
        certificates.isEmpty() ? RegistryOptions.DEFAULT.certificates() : certificates,
        new RegistryOptions.Proxies(
            proxy(flags, environment, "http-proxy"),
            proxy(flags, environment, "https-proxy"),
            List.of(text(flags, environment, "no-proxy").split("[,\\s]+"))),
        positive(flags, "max-concurrent-downloads", 3),
        positive(flags, "max-concurrent-uploads", 5),
        positive(flags, "max-download-attempts", 5),
        Duration.ofSeconds(positive(flags, "registry-timeout", 60)));
  }

  private static URI mirror(String text) {
    try {
      URI uri = URI.create(text);
      boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
      if (!http || uri.getHost() == null) {
        throw bad(text, "it must be a URL of http or https");
      }
      if (uri.getUserInfo() != null) {
        throw bad(text, "username/password not allowed in URI");
      }
      if (uri.getQuery() != null || uri.getFragment() != null) {
        throw bad(text, "query or fragment not allowed in URI");
      }
      return URI.create(text.replaceFirst("/+$", ""));
    } catch (IllegalArgumentException e) {
      throw bad(text, "it is no URL");
    }
  }

  private static Failure bad(String mirror, String why) {
    return new Failure.InvalidRequest("invalid mirror: \"" + mirror + "\": " + why);
  }

  private static String insecure(String text) {
    if (text.contains("://")) {
      throw new Failure.InvalidRequest(
          "insecure registry " + text + " should not contain '://'", null, null);
    }
    if (!text.matches("[A-Za-z0-9._:\\[\\]-]+(/[0-9]{1,3})?")) {
      throw new Failure.InvalidRequest(
          "insecure registry " + text + " is not valid: invalid host \"" + text + "\"");
    }
    return text;
  }

  private static int positive(Flags flags, String name, int absent) {
    int number = flags.number(name, absent);
    if (number <= 0) {
      throw new Failure.InvalidRequest("invalid " + name.replace('-', ' ') + ": " + number);
    }
    return number;
  }

  private static String text(Flags flags, Map<String, String> environment, String name) {
    String upper = name.replace('-', '_').toUpperCase(java.util.Locale.ROOT);
    List<String> all = new ArrayList<>();
    all.add(flags.text(name, ""));
    all.add(environment.getOrDefault(upper, ""));
    all.add(environment.getOrDefault(upper.toLowerCase(java.util.Locale.ROOT), ""));
    return all.stream().filter(t -> !t.isEmpty()).findFirst().orElse("");
  }

  private static String proxy(Flags flags, Map<String, String> environment, String name) {
    String text = text(flags, environment, name);
    try {
      URI uri = URI.create(text.isEmpty() || text.contains("://") ? text : "http://" + text);
      if (!text.isEmpty() && (uri.getHost() == null || !"http".equals(uri.getScheme()))) {
        throw Flags.invalid(name, text);
      }
      return text;
    } catch (IllegalArgumentException e) {
      throw Flags.invalid(name, text);
    }
  }
}
