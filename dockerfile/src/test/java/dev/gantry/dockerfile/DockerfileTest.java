package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DockerfileTest {
  private static Dockerfile parse(String... lines) throws ParseFailure {
    return Dockerfile.parse(String.join("\n", lines) + "\n");
  }

  private static Instruction only(String... lines) throws ParseFailure {
    List<Instruction> all =
        parse("FROM scratch\n" + String.join("\n", lines)).stages().getFirst().instructions();
    assertEquals(1, all.size(), all.toString());
    return all.getFirst();
  }

  @Test
  void knowsStagesAndGlobalArguments() throws ParseFailure {
    Dockerfile file =
        parse(
            "# syntax=docker/dockerfile:1",
            "ARG version=1 name",
            "FROM --platform=linux/amd64 debian:$version AS Base",
            "RUN a",
            "from base",
            "COPY --from=0 /a /b");
    assertEquals("docker/dockerfile:1", file.directives().syntax());
    assertEquals(
        List.of(
            new Instruction.Argument("version", Optional.of("1")),
            new Instruction.Argument("name", Optional.empty())),
        file.arguments().getFirst().arguments());
    assertEquals(2, file.stages().size());
    assertEquals("base", file.stages().getFirst().label());
    assertEquals("linux/amd64", file.stages().getFirst().from().platform());
    assertEquals(0, file.stage("BASE", 1).orElseThrow().index());
    assertEquals(0, file.stage("0", 1).orElseThrow().index());
    assertTrue(file.stage("1", 1).isEmpty());
  }

  @Test
  void joinsContinuedLines() throws ParseFailure {
    Instruction.Run run =
        assertInstanceOf(
            Instruction.Run.class, only("RUN a \\", "  # a comment", "", "  b \\\r", "  c"));
    assertEquals(List.of("a   b   c"), run.program().words());
    assertEquals(2, run.origin().first());
    assertEquals(6, run.origin().last());
  }

  @Test
  void takesTheOtherEscapeCharacter() throws ParseFailure {
    Dockerfile file = parse("# escape=`", "FROM scratch", "RUN a `", "b\\");
    Instruction.Run run =
        assertInstanceOf(Instruction.Run.class, file.stages().getFirst().instructions().getFirst());
    assertEquals(List.of("a b\\"), run.program().words());
  }

  @Test
  void tellsProgramsFromShellTexts() throws ParseFailure {
    assertEquals(
        new Instruction.Program(false, List.of("a", "b c")),
        ((Instruction.Cmd) only("CMD [\"a\", \"b c\"]")).program());
    assertEquals(
        new Instruction.Program(true, List.of("[\"a\", b]")),
        ((Instruction.Cmd) only("CMD [\"a\", b]")).program());
  }

  @Test
  void readsPairsOldAndNew() throws ParseFailure {
    assertEquals(
        List.of(new Instruction.Pair("a", "\"b c\""), new Instruction.Pair("d", "e\\ f")),
        ((Instruction.Env) only("ENV a=\"b c\" d=e\\ f")).variables());
    assertEquals(
        List.of(new Instruction.Pair("a", "b c  d")),
        ((Instruction.Env) only("ENV a b c  d")).variables());
  }

  @Test
  void readsHeredocs() throws ParseFailure {
    Instruction.Run run = (Instruction.Run) only("RUN <<EOF cat >/x", "one", "# no comment", "EOF");
    assertEquals(
        List.of(new Heredoc("EOF", false, true, 0, "one\n# no comment\n")),
        run.origin().heredocs());
    Instruction.Copy copy =
        (Instruction.Copy) only("COPY <<-'A' 3<<B c /d/", "\t\tx $y", "A", "z", "B");
    assertEquals(List.of("c"), copy.sources());
    assertEquals("/d/", copy.destination());
    assertEquals(
        List.of(
            new Heredoc("A", true, false, 0, "\t\tx $y\n"),
            new Heredoc("B", false, true, 3, "z\n")),
        copy.documents());
  }

  @Test
  void readsFlags() throws ParseFailure {
    Instruction.Copy copy =
        (Instruction.Copy)
            only(
                "COPY --from=x --chown=1:2 --chmod=755 --link --exclude=*.a --exclude=b [\"s\",\"d\"]");
    assertEquals(
        new Instruction.CopyFlags(
            "x",
            "1:2",
            "755",
            "",
            List.of("*.a", "b"),
            false,
            true,
            Optional.empty(),
            Optional.empty()),
        copy.flags());
    Instruction.Run run =
        (Instruction.Run)
            only("RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --network=none x");
    assertEquals(List.of("type=cache,target=/c", "type=tmpfs,target=/t"), run.mounts());
    assertEquals("none", run.network());
  }

  @Test
  void readsHealthchecks() throws ParseFailure {
    Instruction.Healthcheck check =
        (Instruction.Healthcheck) only("HEALTHCHECK --interval=5s --retries=3 CMD curl -f x");
    assertEquals(Optional.of(new Instruction.Program(true, List.of("curl -f x"))), check.test());
    assertEquals("5s", check.options().get("interval"));
    assertTrue(((Instruction.Healthcheck) only("HEALTHCHECK none")).test().isEmpty());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "RNU x;unknown instruction: RNU (did you mean RUN?)",
        "FROM a b;FROM requires either one or three arguments",
        "RUN --mont=x y;unknown flag: --mont (did you mean mount?)",
        "COPY --chown a b;missing a value on flag: --chown",
        "COPY --chown=1 --chown=2 a b;duplicate flag specified: --chown",
        "COPY --link=maybe a b;expecting boolean value for flag --link, not: maybe",
        "HEALTHCHECK --interval=1x CMD a;time: unknown unit \"x\" in duration \"1x\"",
        "HEALTHCHECK --interval=1us CMD a;Interval \"interval\" cannot be less than 1ms",
        "HEALTHCHECK --retries=-1 CMD a;--retries cannot be negative (-1)",
        "EXPOSE;EXPOSE requires at least one argument",
        "WORKDIR;WORKDIR requires exactly one argument",
        "ONBUILD ONBUILD RUN x;Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
        "ONBUILD FROM x;FROM isn't allowed as an ONBUILD trigger",
        "SHELL sh;SHELL requires the arguments to be in JSON form",
        "HEALTHCHECK FOO;Unknown type \"FOO\" in HEALTHCHECK (try CMD)"
      })
  void refuses(String line, String message) {
    ParseFailure failure = assertThrows(ParseFailure.class, () -> only(line));
    assertEquals("dockerfile parse error on line 2: " + message, failure.text());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "ENV a;ENV must have two arguments",
        "ENV a=1 b;Syntax error - can't find = in \"b\". Must be of the form: name=value",
        "CMD [\"a\", 1];when using JSON array syntax, arrays must be comprised of strings only",
        "RUN <<EOF;unterminated heredoc"
      })
  void tellsOfTheFormWithoutAHead(String line, String message) {
    ParseFailure failure = assertThrows(ParseFailure.class, () -> only(line));
    assertEquals("2 " + message, failure.line() + " " + failure.text());
  }

  @Test
  void needsAStage() {
    assertEquals(
        "file with no instructions",
        assertThrows(ParseFailure.class, () -> Dockerfile.parse("# nothing\n")).text());
    assertEquals(
        "no build stage in current context",
        assertThrows(ParseFailure.class, () -> Dockerfile.parse("RUN x\n")).text());
  }

  /// Whatever the text: a Dockerfile or a ParseFailure, nothing else.
  @Test
  void survivesAnyText() {
    String[] pieces = {
      "FROM ",
      "scratch",
      "RUN ",
      "COPY ",
      "<<EOF",
      "EOF",
      "\n",
      "\\\n",
      " ",
      "[\"",
      "\"]",
      "--",
      "=",
      "$",
      "${",
      "}",
      "'",
      "\"",
      "# escape=`\n",
      "`",
      "ONBUILD ",
      "ENV ",
      "a",
      "\t",
      "\r\n",
      "HEALTHCHECK ",
      "CMD ",
      "\uFEFF",
      "\0",
      "<<-'x'",
      "ARG "
    };
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 20_000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(30); i > 0; i--) {
        text.append(pieces[random.nextInt(pieces.length)]);
      }
      try {
        Dockerfile.parse(text.toString());
      } catch (ParseFailure expected) {
        assertTrue(expected.text().length() > 3);
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ": " + text, e);
      }
    }
  }
}
