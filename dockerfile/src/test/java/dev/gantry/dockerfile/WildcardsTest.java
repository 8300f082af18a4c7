package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WildcardsTest {
  private static final Duration SOON = Duration.ofSeconds(30); // a regular expression takes years

  @ParameterizedTest
  @CsvSource({
    "a*c, abc, true",
    "a*c, a/c, false",
    "a?c, abc, true",
    "a?c, a/c, false",
    "**/x, x, true",
    "**/x, a/b/x, true",
    "**/x, ax, false",
    "a/**/x, a/x, true",
    "a/**/x, a/b/c/x, true",
    "a/**/x, ab/x, false",
    "a/**, a/b/c, true",
    "**a, b/ca, true",
    "[a-c]x, bx, true",
    "[a-c]x, dx, false",
    "[^a-c]x, dx, true",
    "[^a]x, /x, false",
    "\\*x, *x, true",
    "\\*x, ax, false",
    "[\\]a]x, ]x, true",
    "*, '', true",
    "?, '', false"
  })
  void matchesAsGoDoes(String pattern, String path, boolean expected) {
    assertEquals(expected, Wildcards.ofPath(pattern).matches(path));
  }

  @Test
  void whatIsBelowMatchesToo() {
    Wildcards folder = Wildcards.ofPathAndBelow("a/*", new Effort());
    assertTrue(folder.matches("a/b"));
    assertTrue(folder.matches("a/b/c/d"));
    assertFalse(folder.matches("a"));
    assertFalse(folder.matches("ab/c"));
  }

  @Test
  void brokenOnesAreRefused() {
    assertThrows(PatternSyntaxException.class, () -> Wildcards.ofPath("a[b"));
    assertThrows(PatternSyntaxException.class, () -> Wildcards.ofPath("[z-a]"));
    assertThrows(PatternSyntaxException.class, () -> Wildcards.ofPath("x".repeat(5000)));
  }

  @Test
  void noPatternTakesLong() {
    Assertions.assertTimeoutPreemptively(
        SOON,
        () -> {
          assertFalse(Wildcards.ofPath("*a".repeat(200) + "b").matches("a".repeat(4000)));
          assertFalse(Wildcards.ofPath("**/".repeat(200) + "b").matches("a/".repeat(2000)));
        });
  }

  /// Random patterns over a small alphabet say what a regular expression says.
  @Test
  void regularExpressionsAgree() {
    Random random = new Random(7);
    String alphabet = "ab/";
    for (int n = 0; n < 5000; n++) {
      StringBuilder pattern = new StringBuilder();
      StringBuilder regex = new StringBuilder();
      for (int i = random.nextInt(7); i > 0; i--) {
        switch (random.nextInt(6)) {
          case 0 -> {
            pattern.append("*x".charAt(0)).append('b');
            regex.append("[^/]*b");
          }
          case 1 -> {
            pattern.append("**/");
            regex.append("(.*/)?");
          }
          case 2 -> {
            pattern.append('?');
            regex.append("[^/]");
          }
          case 3 -> {
            pattern.append("[^a]");
            regex.append("[^/a]");
          }
          default -> {
            char c = alphabet.charAt(random.nextInt(3));
            pattern.append(c);
            regex.append(c);
          }
        }
      }
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(9); i > 0; i--) {
        text.append(alphabet.charAt(random.nextInt(3)));
      }
      assertEquals(
          Pattern.matches(regex.toString(), text),
          Wildcards.ofPath(pattern.toString()).matches(text.toString()),
          () -> pattern + " on " + text);
    }
  }
}
