package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IgnoreFileTest {
  @ParameterizedTest
  @CsvSource({
    "a, a, true",
    "a, b, false",
    "a, a/b/c, true",
    "/a, a, true",
    "./a/, a, true",
    "a/../b, b, true",
    "*.o, x.o, true",
    "*.o, d/x.o, false",
    "**/*.o, x.o, true",
    "**/*.o, d/e/x.o, true",
    "d/**, d/e/f, true",
    "a/**/z, a/z, true",
    "a/**/z, a/b/c/z, true",
    "?.c, x.c, true",
    "?.c, xy.c, false",
    "[a-c].c, b.c, true",
    "[^a].c, a.c, false",
    "x\\*, x*, true",
    "x\\*, xy, false"
  })
  void matchesAsGoDoes(String pattern, String path, boolean ignored) throws ParseFailure {
    assertEquals(ignored, IgnoreFile.parse(pattern).ignores(path));
  }

  @Test
  void theLastMatchDecides() throws ParseFailure {
    IgnoreFile file =
        IgnoreFile.parse("\uFEFF# comment\n\n  *.md  \n!README.md\nREADME.md.bak\r\n");
    assertTrue(file.ignores("x.md"));
    assertFalse(file.ignores("README.md"));
    assertTrue(file.ignores("README.md.bak"));
    assertFalse(file.isFinal());
    assertTrue(IgnoreFile.parse("*").isFinal());
  }

  @Test
  void refusesBrokenPatterns() {
    assertThrows(ParseFailure.class, () -> IgnoreFile.parse("[a"));
    assertThrows(ParseFailure.class, () -> IgnoreFile.parse("!"));
  }
}
