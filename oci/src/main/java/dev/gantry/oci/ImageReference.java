package dev.gantry.oci;

import dev.gantry.base.Failure;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The name of an image, in full: registry, repository, and a tag, a digest, or both.
///
/// @param domain the registry, `docker.io` where none was said
/// @param path the repository in it, `library/…` for the short names of Docker's own
public record ImageReference(
    String domain, String path, @Nullable String tag, @Nullable Digest digest) {
  private static final String DEFAULT_DOMAIN = "docker.io";
  private static final String LIBRARY = "library/";
  private static final int MAX_NAME = 255;
  private static final Pattern PATH =
      Pattern.compile("[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*");
  private static final Pattern DOMAIN =
      Pattern.compile(
          "([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
              + "(\\.([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(:[0-9]+)?"
              + "|\\[[a-fA-F0-9:]+\\](:[0-9]+)?");
  private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");
  private static final Pattern TAIL =
      Pattern.compile("^(.*?)(?::([^:/@]*))?(?:@(.+))?$", Pattern.DOTALL);

  /// Reads a name as users type it; a name without a tag stays without.
  public static ImageReference parse(String text) {
    if (text.matches("[0-9a-f]{64}")) {
      throw new Failure.InvalidRequest(
          "invalid repository name (" + text + "), cannot specify 64-byte hexadecimal strings");
    }
    Matcher parts = TAIL.matcher(text);
    if (text.isEmpty() || !parts.matches()) {
      throw invalid();
    }
    String name = parts.group(1);
    String tag = parts.group(2);
    int slash = name.indexOf('/');
    String first = slash < 0 ? "" : name.substring(0, slash);
    boolean isDomain =
        slash > 0
            && (first.contains(".")
                || first.contains(":")
                || first.equals("localhost")
                || !first.equals(first.toLowerCase(java.util.Locale.ROOT)));
    String domain = isDomain ? first : DEFAULT_DOMAIN;
    String path = isDomain ? name.substring(slash + 1) : name;
    if (domain.equals("index.docker.io")) {
      domain = DEFAULT_DOMAIN;
    }
    if (domain.equals(DEFAULT_DOMAIN) && !path.contains("/")) {
      path = LIBRARY + path;
    }
    if (!path.equals(path.toLowerCase(java.util.Locale.ROOT))) {
      throw new Failure.InvalidRequest(
          "invalid reference format: repository name (" + path + ") must be lowercase");
    }
    if (!PATH.matcher(path).matches()
        || !DOMAIN.matcher(domain).matches()
        || (tag != null && !TAG.matcher(tag).matches())) {
      throw invalid();
    }
    if (domain.length() + path.length() + 1 > MAX_NAME) {
      throw new Failure.InvalidRequest("repository name must not be more than 255 characters");
    }
    String digest = parts.group(3);
    return new ImageReference(domain, path, tag, digest == null ? null : digestOf(digest));
  }

  private static Digest digestOf(String text) {
    try {
      return Digest.parse(text);
    } catch (Failure.InvalidRequest e) {
      throw invalid();
    }
  }

  private static Failure.InvalidRequest invalid() {
    return new Failure.InvalidRequest("invalid reference format");
  }

  /// The name without tag and digest, in full: `docker.io/library/debian`.
  public String name() {
    return domain + "/" + path;
  }

  /// The name as Docker shows it: `debian`, `user/app`, `host:5000/app`.
  public String familiarName() {
    if (!domain.equals(DEFAULT_DOMAIN)) {
      return name();
    }
    boolean own = path.startsWith(LIBRARY) && path.indexOf('/', LIBRARY.length()) < 0;
    return own ? path.substring(LIBRARY.length()) : path;
  }

  /// With the tag `latest` where neither tag nor digest was said.
  public ImageReference withDefaultTag() {
    return tag == null && digest == null ? new ImageReference(domain, path, "latest", null) : this;
  }

  public ImageReference withTag(String newTag) {
    if (!TAG.matcher(newTag).matches()) {
      throw new Failure.InvalidRequest("invalid tag format");
    }
    return new ImageReference(domain, path, newTag, null);
  }

  public Optional<String> tagIfAny() {
    return Optional.ofNullable(tag);
  }

  public Optional<Digest> digestIfAny() {
    return Optional.ofNullable(digest);
  }

  /// As Docker shows it: `debian:bookworm`, `debian@sha256:…`.
  public String familiar() {
    return familiarName() + (tag == null ? "" : ":" + tag) + (digest == null ? "" : "@" + digest);
  }

  @Override
  public String toString() {
    return name() + (tag == null ? "" : ":" + tag) + (digest == null ? "" : "@" + digest);
  }
}
