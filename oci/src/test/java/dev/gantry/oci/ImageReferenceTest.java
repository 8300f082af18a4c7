package dev.gantry.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImageReferenceTest {
  private static final String HEX = "0123456789abcdef".repeat(4);

  @ParameterizedTest
  @CsvSource({
    "debian,docker.io/library/debian,debian",
    "debian:bookworm,docker.io/library/debian:bookworm,debian:bookworm",
    "user/app,docker.io/user/app,user/app",
    "docker.io/debian,docker.io/library/debian,debian",
    "index.docker.io/library/debian:1,docker.io/library/debian:1,debian:1",
    "localhost/app,localhost/app,localhost/app",
    "host:5000/app:1,host:5000/app:1,host:5000/app:1",
    "[::1]:5000/app,[::1]:5000/app,[::1]:5000/app",
    "a.b/c/d__e/f-g,a.b/c/d__e/f-g,a.b/c/d__e/f-g",
    "Host/app,Host/app,Host/app"
  })
  void namesAreReadAndShownAsDockerDoes(String text, String full, String familiar) {
    assertEquals(full, ImageReference.parse(text).toString());
    assertEquals(familiar, ImageReference.parse(text).familiar());
  }

  @Test
  void tagAndDigestStandTogether() {
    ImageReference both = ImageReference.parse("h:1/a:t@sha256:" + HEX);
    assertEquals("t", both.tagIfAny().orElseThrow());
    assertEquals(HEX, both.digestIfAny().orElseThrow().hex());
    assertEquals("h:1/a:t@sha256:" + HEX, both.toString());
  }

  @ParameterizedTest
  @CsvSource({
    "''",
    "UPPER",
    "a:",
    "a//b",
    "a/",
    "/a",
    "a b",
    "a:t/x y",
    "-a",
    "a..b",
    "a@sha256:00",
    "a@",
    "a:t@md5:00",
    "a_",
    "a___b"
  })
  void brokenNamesAreRefused(String text) {
    assertThrows(Failure.InvalidRequest.class, () -> ImageReference.parse(text));
  }

  @Test
  void idsAndLongNamesAreRefused() {
    assertThrows(Failure.InvalidRequest.class, () -> ImageReference.parse(HEX));
    String longName = "a".repeat(300);
    assertThrows(Failure.InvalidRequest.class, () -> ImageReference.parse(longName));
  }
}
