package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Each rule of the build checks, with a Dockerfile that it is about; `|` stands for a line's end.
class BuildChecksTest {
  @ParameterizedTest
  @CsvSource(
      delimiterString = " ~ ",
      value = {
        "StageNameCasing:1 ~ FROM a AS Base",
        "FromAsCasing:1 ~ FROM a as base",
        "NoEmptyContinuation:4 ~ FROM a|RUN x \\||  && y",
        "ConsistentInstructionCasing:2 ~ FROM a|run x|RUN y",
        "DuplicateStageName:2 ~ FROM a AS b|FROM a AS b",
        "ReservedStageName:1 ~ FROM a AS scratch",
        "JSONArgsRecommended:2 ~ FROM a|CMD x",
        "JSONArgsRecommended:2 ~ FROM a|ENTRYPOINT x",
        "none ~ FROM a|SHELL [\"sh\"]|CMD x",
        "MaintainerDeprecated:2 ~ FROM a|MAINTAINER me",
        "UndefinedArgInFrom:2 ~ ARG VERSION=1|FROM a:1$VERSON",
        "WorkdirRelativePath:2 ~ FROM a|WORKDIR x",
        "none ~ FROM a|WORKDIR /y|WORKDIR x",
        "UndefinedVar:2 ~ FROM scratch|COPY $x /",
        "UndefinedVar:3 ~ FROM a|ENV FOLDER=1|COPY $FOLDR /",
        "none ~ FROM a|COPY $SOMETHING /",
        "MultipleInstructionsDisallowed:2 ~ FROM a|CMD [\"x\"]|CMD [\"y\"]",
        "LegacyKeyValueFormat:2 ~ FROM a|ENV a b",
        "RedundantTargetPlatform:1 ~ FROM --platform=$TARGETPLATFORM a",
        "SecretsUsedInArgOrEnv:2 ~ FROM a|ARG DB_PASSWORD",
        "none ~ FROM a|ENV PUBLIC_KEY=x",
        "InvalidDefaultArgInFrom:2 ~ ARG TAG|FROM a:$TAG",
        "FromPlatformFlagConstDisallowed:1 ~ FROM --platform=linux/amd64 a",
        "CopyIgnoredFile:3 ~ # check=experimental=CopyIgnoredFile|FROM a|COPY hidden /",
        "InvalidDefinitionDescription:5 ~ # check=experimental=all|FROM a||# something|ARG x",
        "ExposeProtoCasing:2 ~ FROM a|EXPOSE 80/TCP",
        "ExposeInvalidFormat:2 ~ FROM a|EXPOSE 127.0.0.1:80:80",
        "none ~ # check=skip=JSONArgsRecommended|FROM a|CMD x",
        "none ~ # check=skip=all|FROM a as B|CMD x"
      })
  void finds(String expected, String text) throws ParseFailure {
    String file = text.replace('|', '\n');
    List<String> found =
        BuildChecks.of(Dockerfile.parse(file), file, Map.of(), IgnoreFile.of(List.of("hidden")))
            .stream()
            .map(w -> w.rule() + ":" + w.line())
            .toList();
    assertEquals(expected.equals("none") ? List.of() : List.of(expected), found);
  }
}
