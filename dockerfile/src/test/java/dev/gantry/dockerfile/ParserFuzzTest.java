package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Texts put together at random from what Dockerfiles are made of: each is understood or refused
/// with a [ParseFailure], nothing else happens.
class ParserFuzzTest {
  private static final long SEED = 20261121;
  private static final int TEXTS = 20_000;
  private static final List<String> PIECES =
      List.of(
          "FROM ",
          "from",
          "AS ",
          "RUN ",
          "COPY ",
          "ADD ",
          "ENV ",
          "ARG ",
          "LABEL ",
          "CMD ",
          "SHELL ",
          "ENTRYPOINT ",
          "EXPOSE ",
          "VOLUME ",
          "USER ",
          "WORKDIR ",
          "ONBUILD ",
          "STOPSIGNAL ",
          "HEALTHCHECK ",
          "MAINTAINER ",
          "NONE",
          "--mount=type=cache,target=/x",
          "--from=",
          "--chown=",
          "--interval=",
          "--",
          "=",
          "a",
          "b c",
          "$x",
          "${x",
          "${x:-",
          "}",
          "${x//",
          "/",
          "\\",
          "`",
          "\n",
          "\r\n",
          "\t",
          " ",
          "\"",
          "'",
          "[",
          "]",
          "[\"a\",",
          "{",
          "#",
          "# escape=`\n",
          "# check=skip=all\n",
          "<<E",
          "<<-E",
          "<<'E'",
          "3<<E",
          "E\n",
          "\nE\n",
          "*",
          "**",
          "?",
          "!",
          "..",
          "\uFEFF",
          "\u0000",
          "ü",
          "9999999999999999999",
          "-1",
          "80/tcp",
          "1-2",
          ",",
          ";",
          ":",
          "@");

  @Test
  void everyTextIsUnderstoodOrRefused() {
    Random random = new Random(SEED);
    for (int n = 0; n < TEXTS; n++) {
      StringBuilder text = new StringBuilder(random.nextBoolean() ? "FROM a\n" : "");
      for (int length = random.nextInt(30); length > 0; length--) {
        text.append(PIECES.get(random.nextInt(PIECES.size())));
      }
      check(text.toString());
    }
  }

  private static void check(String text) {
    try {
      Dockerfile file = Dockerfile.parse(text);
      List<Warning> _ = BuildChecks.of(file, text, Map.of(), IgnoreFile.NONE);
      Expansion expansion = new Expansion(file.directives().escape(), name -> "v" + name);
      for (Dockerfile.Stage stage : file.stages()) {
        for (Instruction instruction : stage.instructions()) {
          String _ = expansion.word(instruction.origin().text());
          String _ = expansion.text(instruction.origin().text());
        }
      }
    } catch (ParseFailure e) {
      return;
    } catch (RuntimeException | StackOverflowError e) {
      fail(e + " for " + text.replace("\n", "\\n"), e);
    }
    try {
      boolean _ = IgnoreFile.parse(text).ignores("a/b");
      RunMount _ = RunMount.parse(text);
    } catch (ParseFailure e) {
      return;
    } catch (RuntimeException | StackOverflowError e) {
      fail(e + " for " + text.replace("\n", "\\n"), e);
    }
  }
}
