package dev.gantry.registry;

import dev.gantry.base.Failure;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// What `gantry registry serve` can be told. A flag is said as `--name VALUE` or `--name=VALUE`.
final class RegistryOptions {
  // name, kind, what it is for
  private static final String KNOWN =
      """
      listen | list | address to listen on: HOST:PORT, :PORT or unix:///path (127.0.0.1:5000; repeatable)
      data | text | folder that holds everything (/var/lib/gantry-registry)
      share | text | an engine's data root on the same file system: blobs that both have are kept once
      tls-cert | text | certificate with its chain, PEM; read anew when it changes
      tls-key | text | its private key, PEM
      tls-client-ca | text | clients must show a certificate of one of these authorities
      htpasswd | text | users and their bcrypt hashes; read anew when it changes
      auth | text | how users of --htpasswd say who they are: basic or token (basic)
      token-realm | text | another token server, which signs the tokens
      token-service | text | our name in tokens (gantry-registry)
      token-issuer | text | who signs the tokens of --token-realm
      token-keys | text | its public keys or certificates, PEM
      policy | text | file with rights, quotas and immutable tags by repository; read anew when it changes
      read-only | bool | nobody changes anything
      no-delete | bool | nobody deletes anything
      quota | text | most bytes for each repository, as 20GB
      immutable-tag | list | pattern of tags that stay what they are, as v* (repeatable)
      proxy | list | be a cache of [NAMESPACE=]URL (repeatable)
      proxy-credentials | list | file with USER:PASSWORD for [NAMESPACE=] that cache (repeatable)
      gc-interval | text | time between garbage collections; 0 for none (1h)
      gc-grace | text | how long content that nothing needs is left alone (24h)
      upload-expiry | text | how long an unfinished upload is kept (24h)
      rate-limit | text | manifests that a client may pull in a time, as 100/6h
      webhook | list | URL that is told of pushes, pulls, mounts and deletes (repeatable)
      access-log | text | file that gets a JSON line for each request; - for standard output
      public-metrics | bool | anybody may read /metrics
      warning | text | sentence that every client is told
      drain | text | how long requests in work are waited for at the end (15s)
      help | bool | print this and end
      """;

  private final Map<String, List<String>> values = new LinkedHashMap<>();

  private RegistryOptions() {}

  /// Reads the arguments behind `serve`.
  static RegistryOptions parse(List<String> arguments) {
    RegistryOptions options = new RegistryOptions();
    for (int i = 0; i < arguments.size(); i++) {
      String argument = arguments.get(i);
      int equals = argument.indexOf('=');
      String name = equals < 0 ? argument : argument.substring(0, equals);
      String kind = name.startsWith("--") ? kind(name.substring(2)) : "";
      String value;
      if (kind.isEmpty()) {
        throw new Failure.InvalidRequest(
            "unknown option: " + argument, "gantry registry serve --help lists them", null);
      } else if (equals >= 0) {
        value = argument.substring(equals + 1);
      } else if (kind.equals("bool")) {
        value = "true";
      } else if (i + 1 < arguments.size()) {
        value = arguments.get(++i);
      } else {
        throw new Failure.InvalidRequest(argument + " needs a value");
      }
      List<String> said = options.values.computeIfAbsent(name.substring(2), n -> new ArrayList<>());
      if (!kind.equals("list") && !said.isEmpty()) {
        throw new Failure.InvalidRequest(name + " is said twice");
      }
      said.add(value);
    }
    return options;
  }

  private static String kind(String name) {
    for (String line : KNOWN.lines().toList()) {
      String[] cells = line.split("\\|", 3);
      if (cells[0].strip().equals(name)) {
        return cells[1].strip();
      }
    }
    return "";
  }

  static String help() {
    StringBuilder help =
        new StringBuilder(
            "Usage: gantry registry serve [OPTIONS]\n\n"
                + "A registry of container images (OCI distribution).\n\nOptions:\n");
    for (String line : KNOWN.lines().toList()) {
      String[] cells = line.split("\\|", 3);
      String kind =
          switch (cells[1].strip()) {
            case "bool" -> "";
            case "list" -> " list";
            default -> " string";
          };
      help.append(
          String.format(
              Locale.ROOT, "  %-28s%s%n", "--" + cells[0].strip() + kind, cells[2].strip()));
    }
    return help.toString();
  }

  String text(String name, String absent) {
    List<String> said = values.get(name);
    return said == null ? absent : said.getLast();
  }

  Optional<String> text(String name) {
    return Optional.ofNullable(values.get(name)).map(List::getLast);
  }

  Optional<Path> path(String name) {
    return text(name).map(Path::of);
  }

  List<String> list(String name) {
    return values.getOrDefault(name, List.of());
  }

  boolean flag(String name) {
    String value = text(name, "false");
    return switch (value) {
      case "true", "1" -> true;
      case "false", "0" -> false;
      default -> throw invalid(name, value, "true or false");
    };
  }

  OptionalLong size(String name) {
    Optional<String> said = text(name);
    try {
      return said.isEmpty() ? OptionalLong.empty() : OptionalLong.of(Policy.bytes(said.get()));
    } catch (RuntimeException e) {
      throw invalid(name, said.orElse(""), "a size as 512MB");
    }
  }

  /// A time as `90s`, `15m`, `24h`, `7d` or `0`.
  Duration time(String name, String absent) {
    return time(name, text(name, absent), "a time as 90s, 15m, 24h or 7d");
  }

  private static Duration time(String name, String text, String form) {
    if (text.equals("0")) {
      return Duration.ZERO;
    }
    if (!text.matches("[0-9]{1,6}(ms|[smhd])")) {
      throw invalid(name, text, form);
    }
    long number = Long.parseLong(text.replaceAll("[a-z]", ""));
    return switch (text.replaceAll("[0-9]", "")) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      case "h" -> Duration.ofHours(number);
      default -> Duration.ofDays(number);
    };
  }

  /// So many in such a time.
  record Rate(int most, Duration window) {}

  Optional<Rate> rate(String name) {
    Optional<String> said = text(name);
    if (said.isEmpty()) {
      return Optional.empty();
    }
    String form = "NUMBER/TIME as 100/6h";
    String[] parts = said.get().split("/", 2);
    if (parts.length != 2 || !parts[0].matches("[0-9]{1,9}")) {
      throw invalid(name, said.get(), form);
    }
    Duration window = time(name, parts[1], form);
    if (window.toSeconds() < 1) {
      throw invalid(name, said.get(), form);
    }
    return Optional.of(new Rate(Integer.parseInt(parts[0]), window));
  }

  /// URLs, each maybe with a name space before it: `quay.io=https://quay.io`.
  Map<String, URI> spaces(String name) {
    Map<String, URI> found = new LinkedHashMap<>();
    for (String said : list(name)) {
      Map.Entry<String, String> pair = pair(said);
      URI uri = url(name, pair.getValue());
      if (found.put(pair.getKey(), uri) != null) {
        throw invalid(name, said, "one URL for each name space");
      }
    }
    return found;
  }

  /// The text behind a name space, by name space; without one it is the empty name.
  Map<String, String> bySpace(String name) {
    Map<String, String> found = new LinkedHashMap<>();
    for (String said : list(name)) {
      Map.Entry<String, String> pair = pair(said);
      found.put(pair.getKey(), pair.getValue());
    }
    return found;
  }

  private static Map.Entry<String, String> pair(String said) {
    int equals = said.indexOf('=');
    int scheme = said.indexOf("://");
    return equals <= 0 || (scheme >= 0 && scheme < equals)
        ? Map.entry("", said)
        : Map.entry(said.substring(0, equals), said.substring(equals + 1));
  }

  List<URI> urls(String name) {
    return list(name).stream().map(text -> url(name, text)).toList();
  }

  private static URI url(String name, String text) {
    try {
      URI uri = URI.create(text);
      if (uri.getHost() != null && List.of("http", "https").contains(uri.getScheme())) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      throw invalid(name, text, "an http or https URL");
    }
    throw invalid(name, text, "an http or https URL");
  }

  static Failure.InvalidRequest invalid(String name, String value, String form) {
    return new Failure.InvalidRequest("--" + name + " " + value + ": needs " + form);
  }
}
