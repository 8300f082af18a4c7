package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Files that once took a minute, or the stack, to be read: each is understood or refused at once.
/// The limit of time is many times what they need.
@Timeout(60)
class HostileDockerfileTest {
  private static final int MANY = 900_000;

  private static String list(int count, String form, String between) {
    return IntStream.range(0, count).mapToObj(form::formatted).collect(Collectors.joining(between));
  }

  static Stream<Arguments> refused() {
    return Stream.of(
        Arguments.of("# escape=a" + " ".repeat(MANY) + "b\nFROM a", "invalid escape token"),
        Arguments.of("# escape" + " ".repeat(MANY) + "\nFRO a", "unknown instruction"),
        Arguments.of("FROM s AS s0\n" + list(3000, "FROM s%d AS t", "\n"), "more than 500 stages"),
        Arguments.of("FROM a\n" + "LABEL a=b\n".repeat(10_001), "more than 10000 instructions"),
        Arguments.of("FROM a\n" + "ONBUILD ".repeat(8000) + "RUN x", "Chaining ONBUILD"),
        Arguments.of("FROM a\nCOPY <<E" + " <<E".repeat(9000) + " /x\nE\n", "unterminated"),
        Arguments.of("x".repeat(60_000) + " y", "unknown instruction"));
  }

  @ParameterizedTest
  @MethodSource("refused")
  void isRefused(String text, String why) {
    ParseFailure e = assertThrows(ParseFailure.class, () -> Dockerfile.parse(text));
    assertTrue(e.text().contains(why), e.text().substring(0, Math.min(200, e.text().length())));
  }

  static Stream<String> understood() {
    return Stream.of(
        "# check=skip=a" + " ".repeat(MANY) + "b\nFROM a",
        "// syntax=a" + " ".repeat(MANY) + "b\nFROM a",
        "FROM a\nCMD " + "[".repeat(60_000),
        "FROM a AS s0\n" + list(499, "FROM s%d AS s", "\n"),
        "FROM a\nCOPY " + list(7000, "<<E%d", " ") + " /x/\n" + list(7000, "E%d", "\n"),
        // names to compare with names, and lines to look at again
        "FROM scratch\nENV "
            + list(5000, "abc%d=1", " ")
            + "\n"
            + ("LABEL " + list(3000, "a=$bbb%d", " ") + "\n").repeat(10),
        "FROM scratch\n" + "#\nARG a\n".repeat(9900),
        "FROM scratch AS s0\n"
            + ("ENV " + list(5000, "v%d=1", " ") + "\n").repeat(10)
            + list(490, "FROM s0 AS t%d", "\n"));
  }

  @ParameterizedTest
  @MethodSource("understood")
  void isUnderstood(String text) throws ParseFailure {
    Dockerfile file = text.startsWith("//") ? Dockerfile.parse("FROM a") : Dockerfile.parse(text);
    assertTrue(FrontendImage.of(text).length() < 2);
    List<Warning> warnings = BuildChecks.of(file, text, Map.of(), IgnoreFile.NONE);
    assertTrue(warnings.size() <= 1000, "warnings: " + warnings.size());
  }

  static Stream<Arguments> values() {
    return Stream.of(
        Arguments.of("${a#".repeat(12_000) + "}".repeat(12_000), "nested too deeply"),
        Arguments.of("${a:-".repeat(12_000) + "}".repeat(12_000), "nested too deeply"),
        Arguments.of("${a/".repeat(12_000), "nested too deeply"),
        Arguments.of("${x//?/$x}", "longer than"));
  }

  @ParameterizedTest
  @MethodSource("values")
  void valueIsRefused(String text, String why) {
    String large = "y".repeat(100_000);
    Expansion expansion = new Expansion('\\', name -> name.equals("x") ? large : null);
    ParseFailure e = assertThrows(ParseFailure.class, () -> expansion.word(text));
    assertTrue(e.text().contains(why), e.text());
  }

  @Test
  void theValuesOfOneInstructionHaveABound() throws ParseFailure {
    Expansion expansion = new Expansion('\\', name -> "y".repeat(100_000));
    for (int i = 0; i < 41; i++) {
      assertEquals(100_000, expansion.word("$a").length());
    }
    ParseFailure e = assertThrows(ParseFailure.class, () -> expansion.word("$a$a"));
    assertEquals("the values of an instruction come to more than 4 MiB", e.text());
  }

  @Test
  void patternsAndNamesTogetherHaveABound() throws Exception {
    IgnoreFile file =
        IgnoreFile.parse(("**/*a*a*a*a*a*a*a*b" + "*a".repeat(200) + "\n").repeat(200));
    String name = "a".repeat(4000);
    Thread reader =
        Thread.ofVirtual()
            .start(
                () ->
                    assertThrows(
                        Failure.Cancelled.class,
                        () -> {
                          while (true) {
                            boolean _ = file.ignores(name);
                          }
                        }));
    reader.interrupt(); // a build that is cancelled ends in the middle of it
    reader.join();
    Effort spent = new Effort();
    assertThrows(
        Failure.TooLarge.class,
        () -> {
          while (true) {
            spent.spend(1_000_000_000);
          }
        });
  }
}
