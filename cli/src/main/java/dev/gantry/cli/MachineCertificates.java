package dev.gantry.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// The certificates that somebody has made this machine trust beside its distribution's, as where a
/// company's proxy looks into all traffic. Builds that download need them too: every build can
/// mount them as the secret `certificates`.
final class MachineCertificates {
  private static final int MOST = 16 * 1024;
  private static final List<String> FOLDERS =
      List.of(
          "/usr/local/share/ca-certificates",
          "/etc/pki/ca-trust/source/anchors",
          "/etc/ca-certificates/trust-source/anchors");

  private MachineCertificates() {}

  /// All of them, in PEM; empty if there are none, or more than 16 KiB.
  static String text() {
    StringBuilder all = new StringBuilder();
    for (String name : FOLDERS) {
      Path folder = Path.of(name);
      if (!Files.isDirectory(folder)) {
        continue;
      }
      try (Stream<Path> files = Files.walk(folder, 4)) {
        for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
          if (Files.size(file) > MOST) {
            return "";
          }
          String text = Files.readString(file, StandardCharsets.ISO_8859_1);
          if (text.contains("-----BEGIN CERTIFICATE-----")) {
            all.append(text.strip()).append('\n');
          }
        }
      } catch (IOException e) {
        continue; // what cannot be read is as if it were not there
      }
    }
    return all.length() > MOST ? "" : all.toString();
  }
}
