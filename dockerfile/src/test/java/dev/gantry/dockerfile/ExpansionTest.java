package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExpansionTest {
  private static final Map<String, String> VALUES =
      Map.of("name", "value", "empty", "", "path", "a/b/a/b.tar.gz", "two", "one two");

  private static Expansion expansion() {
    return new Expansion('\\', VALUES::get);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      ignoreLeadingAndTrailingWhitespace = false,
      quoteCharacter = '~',
      value = {
        "plain;plain",
        "$name;value",
        "a$name-b;avalue-b",
        "${name}s;values",
        "$none.;.",
        "$;$",
        "\\$name;$name",
        "\\${name};${name}",
        "'$name';$name",
        "\"$name\";value",
        "\"a \\\"b\\\" \\c\";a \"b\" \\c",
        "a\\b;ab",
        "${none:-word};word",
        "${empty:-word};word",
        "${empty-word};~~",
        "${none-word};word",
        "${none:-$name};value",
        "${none:-${empty:-deep}};deep",
        "${none:-\"a}b\"};a}b",
        "${name:+other};other",
        "${empty:+other};~~",
        "${empty+other};other",
        "${none+other};~~",
        "${name:?gone};value",
        "${path#*/};b/a/b.tar.gz",
        "${path##*/};b.tar.gz",
        "${path%.*};a/b/a/b.tar",
        "${path%%.*};a/b/a/b",
        "${path/b/x};a/x/a/b.tar.gz",
        "${path//b/x};a/x/a/x.tar.gz",
        "${path%?z};a/b/a/b.tar.",
        "${path#nothing};a/b/a/b.tar.gz"
      })
  void replacesAsAShellDoes(String word, String expected) throws ParseFailure {
    assertEquals(expected, expansion().word(word));
  }

  @Test
  void namesWhatIsNotSet() throws ParseFailure {
    Expansion expansion = expansion();
    expansion.word("$none ${name} ${other} ${third:-x}");
    assertEquals(Set.of("none", "other", "third"), expansion.unset());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "${none:?must be there};none: must be there",
        "${none?};none: is not allowed to be unset",
        "${name;unsupported modifier (\uFFFD) in substitution",
        "${};syntax error: bad substitution",
        "${name^};unsupported modifier (^) in substitution",
        "\"open;unexpected end of statement while looking for matching double-quote"
      })
  void refuses(String word, String message) {
    ParseFailure failure = assertThrows(ParseFailure.class, () -> expansion().word(word));
    String quoted = '"' + word.replace("\"", "\\\"") + '"';
    assertEquals("failed to process " + quoted + ": " + message, failure.getMessage());
  }

  @Test
  void splitsWords() throws ParseFailure {
    assertEquals(
        List.of("a b", "one", "two", "one two", "c d"),
        expansion().words("'a b' $two \"$two\" c\\ d"));
  }

  @Test
  void keepsQuotesInDocuments() throws ParseFailure {
    assertEquals("'value' \"x\" $name", expansion().text("'$name' \"x\" \\$name"));
  }

  @Test
  void boundsNesting() {
    String deep = "${none:-".repeat(5000) + "x" + "}".repeat(5000);
    assertThrows(ParseFailure.class, () -> expansion().word(deep));
  }

  /// As people are shown an instruction: everything stays but variables that are set.
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '~',
      value = {
        "RUN echo \"$name\" > /v;RUN echo \"value\" > /v",
        "COPY ${name}/x '$name';COPY value/x '$name'",
        "RUN echo $none ${none:-x} \\$name $;RUN echo $none ${none:-x} \\$name $",
        "RUN it's \"$name;RUN it's \"$name",
        "RUN echo \"it's $name\";RUN echo \"it's value\""
      })
  void peopleSeeTheValuesOfVariables(String text, String shown) {
    assertEquals(shown, expansion().shown(text));
  }
}
