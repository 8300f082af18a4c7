package dev.gantry.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ManifestTest {
  private static final Digest A = Digest.of("a".getBytes(StandardCharsets.UTF_8));
  private static final Digest B = Digest.of("b".getBytes(StandardCharsets.UTF_8));

  private static ManifestDocument parse(String text, String type) {
    return ManifestDocument.parse(text.getBytes(StandardCharsets.UTF_8), type);
  }

  private static byte[] bytes(ManifestDocument document) {
    return document.json().text().getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void manifestIsReadAsItWasWritten() {
    Manifest manifest =
        new Manifest(
            MediaTypes.MANIFEST,
            "application/x",
            new Descriptor(MediaTypes.CONFIG, A, 7),
            List.of(new Descriptor(MediaTypes.LAYER_GZIP, B, 9).withAnnotations(Map.of("k", "v"))),
            new Descriptor(MediaTypes.MANIFEST, B, 3),
            Map.of("n", "1"));
    assertEquals(manifest, ManifestDocument.parse(bytes(manifest), MediaTypes.MANIFEST));
    assertEquals(manifest, ManifestDocument.parse(bytes(manifest), "text/plain; charset=utf-8"));
  }

  @Test
  void typeIsFoundWithoutAnyoneSayingIt() {
    assertInstanceOf(ImageIndex.class, parse("{\"schemaVersion\":2,\"manifests\":[]}", ""));
    assertThrows(
        Failure.InvalidRequest.class, () -> parse("{\"schemaVersion\":2,\"layers\":[]}", ""));
  }

  @Test
  void schema1IsRefusedWithAHint() {
    Failure.Unsupported e =
        assertThrows(Failure.Unsupported.class, () -> parse("{\"schemaVersion\":1}", ""));
    assertTrue(e.text().contains("schema version 1"), e.text());
    assertTrue(e.hint().isPresent());
  }

  @Test
  void typesThatContradictAreRefused() {
    String text =
        "{\"schemaVersion\":2,\"mediaType\":\"" + MediaTypes.INDEX + "\",\"manifests\":[]}";
    assertThrows(Failure.InvalidRequest.class, () -> parse(text, MediaTypes.MANIFEST));
  }

  @ParameterizedTest
  @CsvSource({
    "[]",
    "{}",
    "'{\"schemaVersion\":2,\"mediaType\":\"x/y\"}'",
    "'{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:00\",\"size\":1}]}'",
    "'{\"schemaVersion\":2,\"manifests\":[{\"size\":1}]}'",
    "'{\"schemaVersion\":2,\"manifests\":{}}'",
    "nonsense"
  })
  void brokenDocumentsAreRefused(String text) {
    assertThrows(Failure.InvalidRequest.class, () -> parse(text, ""));
  }

  @Test
  void indexSelectsTheBestVariant() {
    ImageIndex index =
        new ImageIndex(
            List.of(
                new Descriptor(MediaTypes.MANIFEST, A, 1)
                    .withPlatform(new Platform("linux", "arm", "v6")),
                new Descriptor(MediaTypes.MANIFEST, B, 1)
                    .withPlatform(new Platform("linux", "arm", "v7")),
                new Descriptor(MediaTypes.MANIFEST, A, 1)
                    .withPlatform(new Platform("unknown", "unknown", ""))));
    assertEquals(B, index.select(Platform.parse("linux/arm/v8")).orElseThrow().digest());
    assertEquals(A, index.select(Platform.parse("linux/arm/v6")).orElseThrow().digest());
    assertTrue(index.select(Platform.parse("linux/arm/v5")).isEmpty());
    assertTrue(index.select(Platform.parse("linux/amd64")).isEmpty());
  }

  @ParameterizedTest
  @CsvSource({
    "linux/amd64,linux/amd64", "linux/x86_64,linux/amd64", "linux/arm64/v8,linux/arm64",
    "arm64,linux/arm64", "linux/arm,linux/arm/v7", "Linux/AArch64,linux/arm64",
    "linux/armhf,linux/arm/v7", "linux/i386,linux/386"
  })
  void platformsAreReadAsDockerReadsThem(String text, String normal) {
    assertEquals(normal, Platform.parse(text).toString());
  }

  @ParameterizedTest
  @CsvSource({"a/b/c/d", "linux/", "''", "li nux/amd64"})
  void brokenPlatformsAreRefused(String text) {
    assertThrows(Failure.InvalidRequest.class, () -> Platform.parse(text));
  }

  @Test
  void digestsOfBothAlgorithmsAreRead() {
    String sha512 = "sha512:" + "0123456789abcdef".repeat(8);
    assertEquals(sha512, Digest.parse(sha512).toString());
    assertEquals(A, Digest.parse(A.toString()));
    assertTrue(A.names("a".getBytes(StandardCharsets.UTF_8)));
    for (String bad :
        List.of(
            "sha256:00",
            "md5:" + A.hex(),
            A.hex(),
            "sha512:" + A.hex(),
            "sha256:" + A.hex().toUpperCase(java.util.Locale.ROOT))) {
      assertThrows(Failure.InvalidRequest.class, () -> Digest.parse(bad), bad);
    }
  }
}
