package dev.gantry.recipes;

import dev.gantry.base.Failure;
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

  private static final Map<String, Integer> GO =
      Map.of("bullseye", 15, "bookworm", 19, "trixie", 24);
  private static final Map<String, Integer> NODE =
      Map.of("bullseye", 12, "bookworm", 18, "trixie", 20);

  /// The official images.
  public static Base official(boolean certificates) {
    return new Base(Optional.empty(), certificates);
  }

  /// An image with apt.
  public static Base debian(String image, boolean certificates) {
    if (!image.matches("[A-Za-z0-9][\\w./:@-]{0,300}")) {
      throw new Failure.InvalidRequest("\"" + Words.shown(image) + "\" is no name of an image");
    }
    return new Base(Optional.of(image), certificates);
  }

  boolean isDebian() {
    return debian.isPresent();
  }

  /// The newest Java that the Debian image has, if that is known.
  Optional<Integer> java() {
    return there(JAVA);
  }

  /// The `x` of its Go 1.x, if that is known.
  Optional<Integer> go() {
    return there(GO);
  }

  /// The Node that it has, if that is known.
  Optional<Integer> node() {
    return there(NODE);
  }

  private Optional<Integer> there(Map<String, Integer> versions) {
    return debian.flatMap(
        image ->
            versions.entrySet().stream()
                .filter(e -> image.contains(e.getKey()))
                .map(Map.Entry::getValue)
                .findFirst());
  }

  /// The first lines of a stage that stands on nothing of ours.
  ///
  /// @param packages of Debian, if it stands on that
  String from(String official, String stage, String packages) {
    String as = stage.isEmpty() ? "" : " AS " + stage;
    return debian.isEmpty()
        ? "FROM " + official + as + "\n"
        : "FROM " + debian.get() + as + "\n" + install(packages);
  }

  /// The first lines of the stage `build`. On Debian a stage `runtime` comes before it, which is
  /// what the last stage stands on too: what both need is unpacked once.
  String build(String official, String runtimePackages, String packages) {
    return debian.isEmpty()
        ? "FROM " + official + " AS build\n"
        : from("", "runtime", runtimePackages) + "\nFROM runtime AS build\n" + install(packages);
  }

  /// The first line of the last stage after [#build].
  String last(String official) {
    return "FROM " + (debian.isEmpty() ? official : "runtime") + "\n";
  }

  /// Installs packages of Debian; their lists and archives stay in caches of the build, and what
  /// tells only when that was goes, so that the next time makes the same layer.
  static String install(String packages) {
    return """
    RUN --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \\
        --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \\
        apt-get update && \\
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
          %s && \\
        rm -f /var/cache/ldconfig/aux-cache /var/log/apt/* /var/log/dpkg.log /var/log/alternatives.log
    """
        .formatted(packages);
  }

  /// What goes between RUN's other mounts and programs that download: the mount of the
  /// certificates, and the variable by which the programs take them.
  String trusting(String variable) {
    return certificates
        ? "--mount=type=secret,id=certificates \\\n    export "
            + variable
            + "=/run/secrets/certificates && \\\n    "
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
