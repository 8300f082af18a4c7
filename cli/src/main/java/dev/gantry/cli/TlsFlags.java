package dev.gantry.cli;

import dev.gantry.client.TlsSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// `--tls`, `--tlsverify` and the files that belong to them, or `$DOCKER_TLS_VERIFY` and
/// `$DOCKER_CERT_PATH`. A file that is not named counts only if it is there.
final class TlsFlags {
  private TlsFlags() {}

  /// Empty for a plain connection.
  static Optional<TlsSettings> settings(Words global, Config config) {
    boolean verify = global.on("tlsverify", !Surroundings.variable("DOCKER_TLS_VERIFY").isEmpty());
    boolean any =
        verify
            || global.on("tls")
            || global.has("tlscacert")
            || global.has("tlscert")
            || global.has("tlskey");
    if (!any) {
      return Optional.empty();
    }
    String given = Surroundings.variable("DOCKER_CERT_PATH");
    Path folder = given.isEmpty() ? config.folder() : Path.of(given);
    Optional<Path> authorities = file(global, "tlscacert", folder.resolve("ca.pem"));
    return Optional.of(
        new TlsSettings(
            verify ? authorities : Optional.empty(),
            file(global, "tlscert", folder.resolve("cert.pem")),
            file(global, "tlskey", folder.resolve("key.pem")),
            verify));
  }

  private static Optional<Path> file(Words global, String flag, Path usual) {
    Optional<Path> named = global.text(flag).filter(f -> !f.isEmpty()).map(Path::of);
    return named.isPresent() ? named : Optional.of(usual).filter(Files::exists);
  }
}
