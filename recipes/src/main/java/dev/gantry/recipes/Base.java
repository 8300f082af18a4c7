package dev.gantry.recipes;

import java.util.Map;
import java.util.Optional;

/// Which images a recipe may stand on: the official ones of each language, or one Debian image into
/// which apt installs what is needed, for machines that reach a package mirror and no registry.
///
/// @param debian that image's name; empty for the official ones
/// @param certificates whether downloads shall also trust the build's secret `certificates`
public record Base(Optional<String> debian, boolean certificates) {
  /// Java of Debian's releases.
  private static final Map<String, Integer> JAVA =
      Map.of("bullseye", 11, "bookworm", 17, "trixie", 21);

  /// The official images.
  public static Base official(boolean certificates) {
    return new Base(Optional.empty(), certificates);
  }

  /// An image with apt.
  public static Base debian(String image, boolean certificates) {
    return new Base(Optional.of(image), certificates);
  }

  boolean isDebian() {
    return debian.isPresent();
  }

  /// The newest Java that the Debian image has, if that is known.
  Optional<Integer> java() {
    return debian.flatMap(
        image ->
            JAVA.entrySet().stream()
                .filter(e -> image.contains(e.getKey()))
                .map(Map.Entry::getValue)
                .findFirst());
  }

  /// The first lines of a stage.
  ///
  /// @param packages of Debian, if it stands on that
  String from(String official, String stage, String packages) {
    String as = stage.isEmpty() ? "" : " AS " + stage;
    if (debian.isEmpty()) {
      return "FROM " + official + as + "\n";
    }
    return "FROM "
        + debian.get()
        + as
        + """

        RUN --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \\
            --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \\
            apt-get update && \\
            DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
        """
        + "      "
        + packages
        + "\n";
  }

  /// What goes between RUN and a program that downloads: the mount of the certificates, and the
  /// variable by which the program takes them.
  String trusting(String variable) {
    return certificates
        ? "--mount=type=secret,id=certificates \\\n    " + variable + "=/run/secrets/certificates "
        : "";
  }

  /// A step after which the stage's Java trusts the certificates; they come one by one, as keytool
  /// reads no more than one of a file.
  String trustedByJava() {
    return certificates
        ? """
        RUN --mount=type=secret,id=certificates <<'END'
        [ -s /run/secrets/certificates ] || exit 0
        cd /tmp
        awk '/BEGIN CERTIFICATE/ { n++ } n { print > ("certificate-" n) }' /run/secrets/certificates
        for file in certificate-*; do
          keytool -importcert -noprompt -cacerts -storepass changeit -alias "$file" -file "$file"
        done
        END
        """
        : "";
  }
}
