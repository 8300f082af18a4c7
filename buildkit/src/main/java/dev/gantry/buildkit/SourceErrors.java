package dev.gantry.buildkit;

import dev.gantry.build.BuildFailure;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.dockerfile.Quoted;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Failures of a build as clients expect them: with the Dockerfile and the lines, from which they
/// print the excerpt.
///
/// The details are `Any`s whose type is no protobuf type and whose value is JSON.
final class SourceErrors {
  private static final String TYPE = "github.com/moby/buildkit/";
  private static final Pattern EXIT =
      Pattern.compile("The command '(.*)' returned a non-zero code: ([0-9]+)", Pattern.DOTALL);

  private final String name;
  private final byte[] text;

  /// @param name the Dockerfile's
  /// @param text its content
  SourceErrors(String name, byte[] text) {
    this.name = name;
    this.text = text.clone();
  }

  GrpcException of(ParseFailure e) {
    return at(e.text(), e.line(), e.last(), List.of());
  }

  GrpcException of(BuildFailure e) {
    Origin origin = e.origin();
    Matcher exit = EXIT.matcher(e.text());
    List<Message> details =
        exit.matches()
            ? List.of(
                any(
                    "gatewayapi.ExitMessage+json",
                    Json.object().put("Code", Long.parseLong(exit.group(2)))))
            : List.of();
    return at(
        message(e.text()),
        origin == null ? 0 : origin.first(),
        origin == null ? 0 : origin.last(),
        details);
  }

  /// The same in BuildKit's words.
  static String message(String text) {
    Matcher exit = EXIT.matcher(text);
    if (text.equals("the build was cancelled")) {
      return "process did not complete: context canceled"; // clients look at the end of it
    }
    return exit.matches()
        ? "process "
            + Quoted.of(exit.group(1))
            + " did not complete successfully: exit code: "
            + exit.group(2)
        : text;
  }

  private GrpcException at(String message, int first, int last, List<Message> more) {
    if (first <= 0) {
      return new GrpcException(GrpcException.UNKNOWN, message, more);
    }
    Json.JsonObject range =
        Json.object()
            .put("start", Json.object().put("line", first))
            .put("end", Json.object().put("line", last));
    Json.JsonObject source =
        Json.object()
            .put(
                "info",
                Json.object()
                    .put("filename", name)
                    .put("data", Base64.getEncoder().encodeToString(text))
                    .put("language", "Dockerfile"))
            .put("ranges", Json.array().add(range));
    List<Message> details = new java.util.ArrayList<>(more);
    details.add(any("errdefs.Source+json", source));
    return new GrpcException(GrpcException.UNKNOWN, message, details);
  }

  private static Message any(String type, Json.JsonObject value) {
    return new Message()
        .text(1, TYPE + type)
        .bytes(2, value.text().getBytes(StandardCharsets.UTF_8));
  }
}
