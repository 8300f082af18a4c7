package dev.gantry.dockerfile;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.util.List;
import java.util.Optional;

/// Which program a build file wants to be read by. The one for Dockerfiles is built in, under
/// whatever name it has been copied to; others are programs in images, which nobody runs here: who
/// wants one is told so instead of having the file misread.
public final class FrontendImage {
  private static final String OURS = "(.*/)?dockerfile(-upstream)?([:@].*)?";

  private FrontendImage() {}

  /// The image that `text` names: by `# syntax=`, by `// syntax=` or by the key `syntax` of a JSON
  /// object, each also behind a line `#!`. Empty if it names none.
  public static String of(String text) throws ParseFailure {
    List<String> lines = Statements.lines(text);
    String said = Directives.read(lines).syntax();
    if (said.isEmpty()) {
      int first = lines.getFirst().startsWith("#!") ? 1 : 0;
      List<String> rest = lines.subList(first, lines.size());
      said = slashes(rest).or(() -> json(String.join("\n", rest))).orElse("");
    }
    return said.strip().split("\\s", 2)[0];
  }

  private static Optional<String> slashes(List<String> lines) {
    String line = lines.isEmpty() ? "" : lines.getFirst();
    int equals = line.indexOf('=');
    if (!line.startsWith("//")
        || equals < 0
        || !line.substring(2, equals).strip().equalsIgnoreCase("syntax")) {
      return Optional.empty();
    }
    return Optional.of(line.substring(equals + 1).strip()).filter(image -> !image.isEmpty());
  }

  private static Optional<String> json(String text) {
    if (!text.stripLeading().startsWith("{")) {
      return Optional.empty();
    }
    try {
      return Json.parseObject(text).string("syntax");
    } catch (JsonException e) {
      return Optional.empty(); // no build file of any kind; the parser will say so
    }
  }

  /// Fails if `text`, or `wanted` where that is not empty, asks for another program than ours.
  ///
  /// @param wanted what the build argument BUILDKIT_SYNTAX says
  public static void check(String text, String wanted) throws ParseFailure {
    String image = wanted.isBlank() ? of(text) : wanted.strip().split("\\s", 2)[0];
    if (!image.isEmpty() && !image.matches(OURS)) {
      throw new ParseFailure(
          0,
          "the frontend "
              + image
              + " (# syntax=) is not supported, only docker/dockerfile, which is built in: write the"
              + " build as a Dockerfile, or use a builder of BuildKit's own (docker buildx create)");
    }
  }
}
