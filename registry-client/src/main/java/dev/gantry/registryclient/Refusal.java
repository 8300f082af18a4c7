package dev.gantry.registryclient;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Locale;

/// Turns a registry's error answer into what the user reads: `manifest unknown: manifest unknown`,
/// as Docker's clients print it, from the code and message of the body (distribution-spec, "Error
/// Codes").
final class Refusal {
  private static final Duration LONGEST_PAUSE = Duration.ofMinutes(2);

  private Refusal() {}

  /// @param shown the request as texts name it: `Get "https://host/v2/…"`
  static Trouble of(int status, HttpHeaders headers, byte[] body, String shown) {
    String text = text(body);
    String message =
        text.isEmpty() ? "received unexpected HTTP status: " + status + " " + reason(status) : text;
    Duration after = after(headers);
    return switch (status) {
      case 401 ->
          Trouble.answer(
              new Failure.Unauthorized(text.isEmpty() ? shown + ": unauthorized" : text),
              Trouble.Cure.ELSEWHERE,
              after);
      case 403 -> Trouble.answer(new Failure.Forbidden(message), Trouble.Cure.ELSEWHERE, after);
      case 404 -> Trouble.answer(new Failure.NotFound(message), Trouble.Cure.ELSEWHERE, after);
      case 429 ->
          Trouble.answer(
              new Failure.Unavailable(limit(text, headers, after)), Trouble.Cure.LATER, after);
      case 408, 500, 502, 503, 504 ->
          Trouble.answer(new Failure.Internal(message), Trouble.Cure.LATER, after);
      case 400, 405, 413, 415 ->
          Trouble.answer(new Failure.InvalidRequest(message), Trouble.Cure.ELSEWHERE, after);
      default -> Trouble.answer(new Failure.Internal(message), Trouble.Cure.ELSEWHERE, after);
    };
  }

  private static String text(byte[] body) {
    try {
      List<Json.JsonObject> errors =
          Json.parseObject(new String(body, StandardCharsets.UTF_8)).objects("errors");
      StringBuilder all = new StringBuilder();
      for (Json.JsonObject e : errors) {
        String code = e.string("code", "unknown").toLowerCase(Locale.ROOT).replace('_', ' ');
        String message = e.string("message", "");
        all.append(all.isEmpty() ? "" : "\n")
            .append(code)
            .append(": ")
            .append(message.isEmpty() ? "unknown error" : message);
      }
      return clean(all.toString());
    } catch (JsonException e) {
      return "";
    }
  }

  /// A registry's words go to terminals: no control characters, no endless texts.
  private static String clean(String text) {
    String plain = text.replaceAll("[\\p{Cntrl}&&[^\n\t]]", "?");
    return plain.length() > 2000 ? plain.substring(0, 2000) + "…" : plain;
  }

  private static String limit(String text, HttpHeaders headers, Duration after) {
    StringBuilder all =
        new StringBuilder(text.isEmpty() ? "toomanyrequests: the registry limits requests" : text);
    headers
        .firstValue("RateLimit-Limit")
        .ifPresent(l -> all.append(" (limit ").append(window(l)).append(')'));
    if (!after.isZero()) {
      all.append(" (try again in ").append(after.toSeconds()).append(" s)");
    }
    return clean(all.toString());
  }

  /// `100;w=21600` in words.
  private static String window(String limit) {
    String[] parts = limit.split(";w=", 2);
    return parts.length == 2 && parts[1].matches("[0-9]{1,9}")
        ? parts[0] + " in " + Integer.parseInt(parts[1]) / 60 + " minutes"
        : limit;
  }

  /// The header Retry-After, seconds or a date; zero for none.
  static Duration after(HttpHeaders headers) {
    String text = headers.firstValue("Retry-After").orElse("").strip();
    Duration wanted = Duration.ZERO;
    if (text.matches("[0-9]{1,6}")) {
      wanted = Duration.ofSeconds(Integer.parseInt(text));
    } else if (!text.isEmpty()) {
      try {
        wanted =
            Duration.between(
                Instant.now(),
                ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
      } catch (DateTimeParseException e) {
        return Duration.ZERO;
      }
    }
    if (wanted.isNegative()) {
      return Duration.ZERO;
    }
    return wanted.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : wanted;
  }

  private static String reason(int status) {
    return switch (status) {
      case 400 -> "Bad Request";
      case 403 -> "Forbidden";
      case 404 -> "Not Found";
      case 405 -> "Method Not Allowed";
      case 413 -> "Request Entity Too Large";
      case 500 -> "Internal Server Error";
      case 502 -> "Bad Gateway";
      case 503 -> "Service Unavailable";
      case 504 -> "Gateway Timeout";
      default -> "";
    };
  }
}
