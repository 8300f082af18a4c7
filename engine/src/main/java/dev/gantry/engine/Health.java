package dev.gantry.engine;

import dev.gantry.json.Json;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/// What a container's health check has found: the status, how often it failed in a row, and the
/// last five results.
///
/// @param log the oldest first
public record Health(Status status, int failingStreak, List<Result> log) {
  /// As Docker names them.
  public enum Status {
    STARTING,
    HEALTHY,
    UNHEALTHY;

    /// The word on Docker's wire.
    public String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /// One check.
  ///
  /// @param exitCode 0 for healthy; -1 if it could not be made or took too long
  /// @param output what it printed, at most 4096 bytes and three dots
  public record Result(Instant start, Instant end, int exitCode, String output) {}

  static final Health STARTING = new Health(Status.STARTING, 0, List.of());
  private static final int KEPT = 5;

  public Health {
    log = List.copyOf(log);
  }

  /// With one more result.
  ///
  /// @param forgiven a failure in the start period, which does not count
  Health after(Result result, int retries, boolean forgiven) {
    List<Result> results = new ArrayList<>(log);
    results.add(result);
    List<Result> kept = results.subList(Math.max(0, results.size() - KEPT), results.size());
    if (result.exitCode() == 0) {
      return new Health(Status.HEALTHY, 0, kept);
    }
    int streak = forgiven ? failingStreak : failingStreak + 1;
    return new Health(!forgiven && streak >= retries ? Status.UNHEALTHY : status, streak, kept);
  }

  Health with(Status other, int streak) {
    return new Health(other, streak, log);
  }

  // ---- as a record of the journal

  Json.JsonObject record() {
    Json.JsonArray results = Json.array();
    for (Result r : log) {
      results.add(
          Json.object()
              .put("Start", r.start().toString())
              .put("End", r.end().toString())
              .put("ExitCode", r.exitCode())
              .put("Output", r.output()));
    }
    return Json.object()
        .put("Status", status.word())
        .put("FailingStreak", failingStreak)
        .put("Log", results);
  }

  static Health read(Json.JsonObject json) {
    List<Result> results = new ArrayList<>();
    for (Json.JsonObject r : json.objects("Log")) {
      results.add(
          new Result(
              Instant.parse(r.string("Start", Instant.EPOCH.toString())),
              Instant.parse(r.string("End", Instant.EPOCH.toString())),
              (int) r.number("ExitCode", 0),
              r.string("Output", "")));
    }
    Status status =
        switch (json.string("Status", "")) {
          case "healthy" -> Status.HEALTHY;
          case "unhealthy" -> Status.UNHEALTHY;
          default -> Status.STARTING;
        };
    return new Health(status, (int) json.number("FailingStreak", 0), results);
  }
}
