package dev.gantry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CommandsTest {
  static Stream<String> names() {
    return Catalog.all().stream().flatMap(entry -> entry.names().stream());
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyNameOfTheCatalogLeadsToACommandWithHelp(String name) {
    Commands.Found found = Commands.find(List.of(name.split(" "))).orElseThrow();
    assertEquals(name.split(" ").length, found.words());
    assertEquals(name, found.command().name());
    String help = Commands.helpText(found.command());
    assertTrue(help.startsWith("Usage:  gantry " + name), help);
    assertFalse(found.command().help().isEmpty());
  }

  @ParameterizedTest
  @MethodSource("names")
  void noFlagIsThereTwice(String name) {
    Command command = Commands.find(List.of(name.split(" "))).orElseThrow().command();
    Set<String> seen = new HashSet<>();
    for (Flag flag : command.flags()) {
      assertTrue(seen.add("--" + flag.name()), flag.name());
      assertTrue(flag.letter() == ' ' || seen.add("-" + flag.letter()), "-" + flag.letter());
      assertFalse(flag.help().isEmpty(), flag.name());
    }
  }

  @Test
  void noNameIsThereTwice() {
    assertEquals(names().distinct().toList(), names().toList());
  }

  @Test
  void wordsAfterTheNameAreTheCommands() {
    assertEquals(2, Commands.find(List.of("image", "ls", "x")).orElseThrow().words());
    assertEquals(1, Commands.find(List.of("images", "x")).orElseThrow().words());
    assertTrue(Commands.find(List.of("image", "nosuch")).isEmpty());
  }

  @Test
  void aWrongNumberOfArgumentsIsToldWithTheUsage() {
    Command command = Commands.find(List.of("rename")).orElseThrow().command();
    Words words = Words.parse(command.flags(), List.of("a"), true);
    Exit problem = assertThrows(Exit.class, () -> command.check(words));
    assertEquals(
        """
        gantry: 'gantry rename' requires 2 arguments

        Usage:  gantry rename CONTAINER NEW_NAME

        See 'gantry rename --help' for more information""",
        problem.text());
  }

  @Test
  void theNextWordsAreKnownForCompletion() {
    assertTrue(Commands.next(List.of()).containsAll(List.of("run", "image", "network")));
    assertTrue(Commands.next(List.of("image")).contains("bootstrap"));
    assertTrue(Commands.next(List.of("?")).isEmpty());
  }
}
