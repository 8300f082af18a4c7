package dev.gantry.build;

import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/// Something from elsewhere that a build was made of.
///
/// @param uri a package URL for images, else the URL
/// @param algorithm of the digest: `sha256`, or `sha1` for a commit
/// @param digest in hexadecimal digits
public record Material(String uri, String algorithm, String digest)
    implements Comparable<Material> {
  static Material image(String name, Platform platform, Digest digest) {
    return new Material(purl(name, platform), digest.algorithm(), digest.hex());
  }

  static Material file(String url, Digest digest) {
    return new Material(Redaction.urls(url), digest.algorithm(), digest.hex());
  }

  static Material commit(String url, String commit) {
    return new Material(Redaction.urls(url), "sha1", commit);
  }

  /// The package URL of an image.
  static String purl(String name, Platform platform) {
    if (name.startsWith("oci-layout:")) { // a folder of the client, under a name for one build
      return "pkg:oci/layout?platform="
          + URLEncoder.encode(platform.toString(), StandardCharsets.UTF_8);
    }
    ImageReference reference = ImageReference.parse(name).withDefaultTag();
    String version = reference.tagIfAny().orElse("");
    return "pkg:docker/"
        + reference.familiarName()
        + (version.isEmpty() ? "" : "@" + version)
        + reference.digestIfAny().map(d -> "?digest=" + d + "&").orElse("?")
        + "platform="
        + URLEncoder.encode(platform.toString(), StandardCharsets.UTF_8);
  }

  @Override
  public int compareTo(Material other) {
    int byUri = uri.compareTo(other.uri);
    return byUri == 0 ? digest.compareTo(other.digest) : byUri;
  }
}
