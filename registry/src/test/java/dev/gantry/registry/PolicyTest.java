package dev.gantry.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyTest {
  private static final String RULES =
      """
      {"groups": {"team": ["ann", "bob"]},
       "repositories": [
         {"match": "library/*", "anonymous": ["pull"], "rights": {"@team": ["pull", "push"]},
          "quota": "20GB", "immutableTags": ["v*"]},
         {"match": "private/**", "rights": {"*": ["pull"], "ann": ["*"]}},
         {"match": "frozen", "anonymous": ["pull"], "readOnly": true}]}
      """;

  @TempDir Path folder;

  private Policy policy(String rules) throws IOException {
    Path file = Files.writeString(folder.resolve("policy.json"), rules);
    return Policy.open(true, OptionalLong.of(7), List.of("release")).with(file);
  }

  private static RepositoryName name(String text) {
    return new RepositoryName(text);
  }

  @Test
  void givesRightsByRepositoryAndUser() throws IOException {
    Policy policy = policy(RULES);
    assertEquals(EnumSet.of(Right.PULL), policy.rights("", name("library/a")));
    assertEquals(EnumSet.of(Right.PULL, Right.PUSH), policy.rights("bob", name("library/a")));
    assertEquals(EnumSet.of(Right.PULL), policy.rights("eve", name("library/a")));
    assertEquals(Set.of(), policy.rights("bob", name("library/a/b")));
    assertEquals(Set.of(), policy.rights("", name("private/a/b")));
    assertEquals(EnumSet.of(Right.PULL), policy.rights("bob", name("private/a/b")));
    assertEquals(EnumSet.allOf(Right.class), policy.rights("ann", name("private/a/b")));
    assertEquals(Set.of(), policy.rights("ann", name("other")));
  }

  @Test
  void saysQuotasAndWhatIsFixed() throws IOException {
    Policy policy = policy(RULES);
    assertEquals(OptionalLong.of(20L << 30), policy.quota(name("library/a")));
    assertEquals(OptionalLong.of(7), policy.quota(name("frozen")));
    assertTrue(policy.isFixed(name("library/a"), new Reference.Tag("v1")));
    assertTrue(policy.isFixed(name("frozen"), new Reference.Tag("release")));
    assertFalse(policy.isFixed(name("frozen"), new Reference.Tag("v1")));
    assertTrue(policy.isReadOnly(name("frozen")));
    assertFalse(policy.isReadOnly(name("library/a")));
  }

  @Test
  void withoutRulesEveryKnownUserMayAll() {
    Policy known = Policy.open(true, OptionalLong.empty(), List.of());
    assertEquals(Set.of(), known.rights("", name("a")));
    assertEquals(EnumSet.allOf(Right.class), known.rights("ann", name("a")));
    Policy open = Policy.open(false, OptionalLong.empty(), List.of());
    assertEquals(EnumSet.allOf(Right.class), open.rights("", name("a")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{",
        "{\"repositories\": [{}]}",
        "{\"repositories\": [{\"match\": \"a\", \"anonymous\": [\"write\"]}]}",
        "{\"repositories\": [{\"match\": \"a\", \"rights\": {\"@nobody\": [\"pull\"]}}]}",
        "{\"repositories\": [{\"match\": \"a\", \"readonly\": true}]}",
        "{\"repositories\": [{\"match\": \"a\", \"quota\": \"much\"}]}"
      })
  void refusesFilesItDoesNotUnderstand(String rules) {
    assertThrows(Failure.InvalidRequest.class, () -> policy(rules));
  }

  @ParameterizedTest
  @CsvSource({
    "1000, 1000",
    "1k, 1024",
    "512MiB, 536870912",
    "1.5GB, 1610612736",
    "2 tb, 2199023255552"
  })
  void readsSizes(String text, long bytes) {
    assertEquals(bytes, Policy.bytes(text));
  }
}
