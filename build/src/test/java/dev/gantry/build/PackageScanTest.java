package dev.gantry.build;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.kernel.Tree;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Files of images that want the engine's memory and time when packages are looked for. The limit
/// of time is many times what they need.
@Timeout(60)
class PackageScanTest {
  @TempDir Path folder;

  private void file(String name, byte[] content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.resolveSibling("."));
    Files.write(file, content);
  }

  private void file(String name, String content) throws IOException {
    file(name, content.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  private List<String> found() throws IOException {
    try (Tree tree = Tree.open(folder.toString())) {
      return new PackageScan(tree).run().stream().map(FoundPackage::purl).toList();
    }
  }

  @Test
  void readsDatabases() throws IOException {
    file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    file(
        "var/lib/dpkg/status",
        """
        Package: a
        Status: install ok installed
        Maintainer: Somebody <a@example.org>
        Architecture: amd64
        Version: 1.0
        Description: text
         Package: not this

        Package: gone
        Status: deinstall ok config-files
        Version: 2

        Package: b
        Status: install ok installed
        Architecture: all
        Version: 3
        """);
    file("lib/apk/db/installed", "P:c\nV:4-r0\nA:x86_64\n\nP:d\nV:5\n");
    file("opt/x.dist-info/METADATA", "Name: E\r\nVersion: 6\r\n\r\nName: text\r\n");
    file("opt/node_modules/@f/g/package.json", "{\"name\":\"@f/g\",\"version\":\"7\"}");
    assertEquals(
        List.of(
            "pkg:apk/debian/c@4-r0?arch=x86_64&distro=debian-12",
            "pkg:apk/debian/d@5?arch=&distro=debian-12",
            "pkg:deb/debian/a@1.0?arch=amd64&distro=debian-12",
            "pkg:deb/debian/b@3?arch=all&distro=debian-12",
            "pkg:npm/%40f/g@7",
            "pkg:pypi/e@6"),
        found());
  }

  @Test
  void paragraphsWithoutAnEndAreReadInPassing() throws IOException {
    file(
        "var/lib/dpkg/status",
        "Package: a\nVersion: 1\nMaintainer: M"
            + " ".repeat(2_000_000)
            + "<\n\n"
            + "a: \n\n".repeat(4_000_000)
            + "Package: z\nVersion: "
            + "9".repeat(1_000_000)
            + "\n\nPackage: b\nVersion: 2\n");
    assertEquals(List.of("pkg:deb/debian/a@1?arch=", "pkg:deb/debian/b@2?arch="), found());
  }

  @Test
  void descriptionsThatAreTooLargeArePassedOver() throws IOException {
    file(
        "a/node_modules/b/package.json",
        "{\"name\":\"b\",\"version\":\"1\",\"x\":[" + "1,".repeat(10_000_000) + "1]}");
    file("a/node_modules/c/package.json", "[".repeat(500_000));
    assertEquals(List.of(), found());
  }

  @Test
  void archivesAreReadWithinBounds() throws IOException {
    ByteArrayOutputStream inner = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(inner)) {
      zip.putNextEntry(new ZipEntry("x"));
      byte[] zeros = new byte[1 << 20];
      for (int i = 0; i < 64; i++) {
        zip.write(zeros);
      }
    }
    ByteArrayOutputStream outer = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(outer)) {
      zip.putNextEntry(new ZipEntry("lib/inner-1.5.jar"));
      zip.write(inner.toByteArray());
      for (int i = 0; i < 20; i++) { // a name with thousands of places for a version to begin
        zip.putNextEntry(new ZipEntry("lib/" + i + "-1".repeat(30_000) + "!.jar"));
        zip.write(inner.toByteArray());
      }
    }
    file("app-2.0.jar", outer.toByteArray());
    file("broken-1.0.jar", "PK\3\4 is no archive");
    assertEquals(
        List.of("pkg:maven/app@2.0", "pkg:maven/broken@1.0", "pkg:maven/inner@1.5"), found());
  }
}
