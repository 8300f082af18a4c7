package dev.gantry.buildkit;

import dev.gantry.base.GoDuration;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Which builds of the history a client wants: `status==error`, `duration>30s`. Conditions of one
/// text, apart by commas, hold all; of several texts one is enough.
final class HistoryFilter {
  private static final Pattern CONDITION =
      Pattern.compile("([A-Za-z]+)\\s*(==|!=|~=|>=|<=|=|>|<)\\s*\"?([^\"]*)\"?");

  private record Condition(String field, String operator, String value) {}

  private final List<List<Condition>> alternatives = new ArrayList<>();

  HistoryFilter(List<String> texts) throws GrpcException {
    for (String text : texts) {
      List<Condition> all = new ArrayList<>();
      for (String part : text.split(",")) {
        if (!part.isBlank()) {
          all.add(condition(part.strip()));
        }
      }
      if (!all.isEmpty()) {
        alternatives.add(all);
      }
    }
  }

  private static Condition condition(String text) throws GrpcException {
    Matcher m = CONDITION.matcher(text);
    if (!m.matches()) {
      throw invalid(text);
    }
    Condition condition = new Condition(m.group(1), m.group(2), m.group(3));
    boolean ordered = condition.operator().startsWith(">") || condition.operator().startsWith("<");
    switch (condition.field()) {
      case "ref", "status", "repository" -> {
        if (ordered) {
          throw invalid(text);
        }
      }
      case "duration" -> {
        Duration ignored = duration(condition.value());
      }
      case "startedAt", "completedAt" -> {
        Instant ignored = instant(condition.value());
      }
      default -> throw invalid(text);
    }
    return condition;
  }

  private static GrpcException invalid(String text) {
    return new GrpcException(
        GrpcException.INVALID_ARGUMENT,
        "invalid filter "
            + text
            + ": ref, status and repository can be == or !=; startedAt, completedAt and duration"
            + " can be < or >");
  }

  /// Whether `record` (`BuildHistoryRecord`) is one of them.
  boolean wants(Message record) throws GrpcException {
    if (alternatives.isEmpty()) {
      return true;
    }
    for (List<Condition> all : alternatives) {
      boolean holds = true;
      for (Condition condition : all) {
        holds &= holds(condition, record);
      }
      if (holds) {
        return true;
      }
    }
    return false;
  }

  private static boolean holds(Condition c, Message record) throws GrpcException {
    return switch (c.field()) {
      case "ref" -> text(c, record.text(1));
      case "status" -> text(c, status(record));
      case "repository" -> text(c, repository(record.map(3)));
      case "startedAt" -> order(c, HistoryStore.time(record, 6).compareTo(instant(c.value())));
      case "completedAt" ->
          record.has(7) && order(c, HistoryStore.time(record, 7).compareTo(instant(c.value())));
      default -> {
        Instant end = record.has(7) ? HistoryStore.time(record, 7) : Instant.now();
        yield order(
            c, Duration.between(HistoryStore.time(record, 6), end).compareTo(duration(c.value())));
      }
    };
  }

  private static boolean text(Condition c, String value) {
    return switch (c.operator()) {
      case "!=" -> !value.equals(c.value());
      case "~=" -> value.contains(c.value());
      default -> value.equals(c.value());
    };
  }

  private static boolean order(Condition c, int compared) {
    return switch (c.operator()) {
      case ">" -> compared > 0;
      case ">=" -> compared >= 0;
      case "<" -> compared < 0;
      case "<=" -> compared <= 0;
      case "!=" -> compared != 0;
      default -> compared == 0;
    };
  }

  /// `running`, `completed`, `error` or `canceled`.
  static String status(Message record) throws GrpcException {
    if (!record.has(7)) {
      return "running";
    }
    if (!record.has(5)) {
      return "completed";
    }
    String error = record.message(5).orElseGet(Message::new).text(2);
    return error.contains("context canceled") ? "canceled" : "error";
  }

  private static String repository(Map<String, String> attributes) {
    return attributes.getOrDefault("vcs:source", attributes.getOrDefault("context", ""));
  }

  /// A date, a time with its zone, or a duration before now.
  private static Instant instant(String text) throws GrpcException {
    if (GoDuration.begins(text)) {
      return Instant.now().minus(duration(text));
    }
    try {
      return text.indexOf('T') < 0
          ? LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant()
          : OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeParseException e) {
      throw new GrpcException(GrpcException.INVALID_ARGUMENT, "invalid time " + text);
    }
  }

  private static Duration duration(String text) throws GrpcException {
    OptionalDouble nanos = GoDuration.nanos(text);
    if (nanos.isEmpty()) {
      throw new GrpcException(GrpcException.INVALID_ARGUMENT, "invalid duration " + text);
    }
    return Duration.ofNanos((long) nanos.getAsDouble());
  }
}
