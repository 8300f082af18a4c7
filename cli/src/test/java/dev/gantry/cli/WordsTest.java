package dev.gantry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WordsTest {
  private static final List<Flag> FLAGS =
      List.of(
          Flag.bool("interactive", 'i', ""),
          Flag.bool("tty", 't', ""),
          Flag.text("name", ' ', ""),
          Flag.list("env", 'e', ""),
          Flag.integer("last", 'n', ""),
          Flag.bytes("memory", 'm', ""),
          Flag.decimal("cpus", ' ', ""),
          Flag.duration("wait", ' ', ""),
          Flag.bool("sig-proxy", ' ', "").standard("true"));

  private static Words parse(String... words) {
    return Words.parse(FLAGS, List.of(words), true);
  }

  @Test
  void lettersMayStandTogetherAndTheLastMayHaveAValue() {
    Words words = parse("-it", "-eA=1", "-e", "B=2", "-n=3", "x");
    assertTrue(words.on("interactive") && words.on("tty"));
    assertEquals(List.of("A=1", "B=2"), words.list("env"));
    assertEquals(3, words.number("last", -1));
    assertEquals(List.of("x"), words.arguments());
  }

  @Test
  void aFlagGivenTwiceKeepsTheLastValue() {
    assertEquals("b", parse("--name=a", "--name", "b").text("name", ""));
  }

  @Test
  void aSwitchCanBeTurnedOff() {
    assertFalse(parse("--sig-proxy=false").on("sig-proxy", true));
    assertTrue(parse().on("sig-proxy", true));
  }

  @Test
  void theFirstArgumentEndsTheFlagsOfALeadingCommand() {
    Words words = Words.parse(FLAGS, List.of("-i", "image", "-t", "--", "x"), false);
    assertEquals(List.of("image", "-t", "--", "x"), words.arguments());
    assertFalse(words.on("tty"));
  }

  @Test
  void nothingAfterTwoDashesIsAFlag() {
    assertEquals(List.of("a", "-t"), parse("a", "--", "-t").arguments());
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "--nosuch | | unknown flag: --nosuch",
        "--nam | | unknown flag: --nam//Did you mean '--name'?",
        "-ix | | unknown shorthand flag: 'x' in -ix",
        "--name | | flag needs an argument: --name",
        "-e | | flag needs an argument: 'e' in -e",
        "--=x | | bad flag syntax: --=x",
        "--last | x | invalid argument \"x\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
        "--tty=maybe | | invalid argument \"maybe\" for \"-t, --tty\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        "-m | many | invalid argument \"many\" for \"-m, --memory\" flag: invalid size: 'many'",
        "--wait | 3 | invalid argument \"3\" for \"--wait\" flag: time: missing unit in duration \"3\"",
      })
  void refusesAsDockersDoes(String flag, String value, String message) {
    String[] words = value == null ? new String[] {flag} : new String[] {flag, value};
    UsageError problem = assertThrows(UsageError.class, () -> parse(words));
    assertEquals(message.replace("//", "\n\n"), problem.text());
    assertEquals(125, problem.code());
  }

  @Test
  void helpIsKnownToAllCommands() {
    assertThrows(Words.HelpAsked.class, () -> parse("--help"));
    assertThrows(Words.HelpAsked.class, () -> parse("-h"));
  }
}
