package dev.gantry.buildkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.dockerfile.Dockerfile;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FrontendTest {
  private static List<String> followed(String... lines) throws Exception {
    return Frontend.followed(Dockerfile.parse("FROM busybox\n" + String.join("\n", lines) + "\n"));
  }

  @Test
  void asksForTheFilesThatAreNamed() throws Exception {
    assertEquals(
        List.of("a", "b/c*", "d"),
        followed("COPY a /x", "COPY ./b/c* d/ /y/", "COPY --from=0 z /z", "ADD http://h/f /f"));
  }

  @ParameterizedTest
  @CsvSource({
    "COPY . /",
    "COPY $A /",
    "ADD / /x",
    "RUN --mount=target=/src true",
    "ONBUILD COPY a /"
  })
  void asksForEverythingWhereItCannotTell(String line) throws Exception {
    assertEquals(List.of(), followed("COPY a /x", line));
  }

  @Test
  void cachesAndSecretsNeedNoContext() throws Exception {
    assertEquals(
        List.of("a"),
        followed("COPY a /", "RUN --mount=type=cache,target=/c --mount=type=secret,id=s true"));
    assertEquals(
        false,
        Frontend.namesContext(
            Dockerfile.parse("FROM busybox\nCOPY <<E /x\nE\nRUN --mount=type=ssh true\n")));
  }
}
