package dev.gantry.http;

import java.time.Duration;

/// What a client may keep us waiting for, and how many there may be.
///
/// @param idle longest wait for the next request on an open connection
/// @param head longest time from a request's first byte to the end of its headers
/// @param stall longest wait for the client to send or take one piece of a body
/// @param connections open at a time; more wait to be accepted
public record Limits(Duration idle, Duration head, Duration stall, int connections) {
  private static final Duration NEVER = Duration.ofDays(3650);

  /// For clients that are trusted and may keep a stream open for weeks without a byte.
  public static final Limits PATIENT = new Limits(NEVER, Duration.ofMinutes(1), NEVER, 100_000);

  /// For clients from anywhere.
  public static final Limits PUBLIC =
      new Limits(Duration.ofMinutes(2), Duration.ofSeconds(30), Duration.ofMinutes(2), 10_000);
}
