package dev.gantry.dockerfile;

import dev.gantry.base.Failure;

/// What the patterns of one file or instruction have taken so far, of a most: ten thousand patterns
/// and a hundred thousand files come from the same stranger. Others get their turn meanwhile, and
/// who is interrupted ends. Threads that share one may lose a count, which does no harm.
public final class Effort {
  private static final long MOST = 100_000_000_000L; // one place of a pattern, one character each
  private static final long TURN = 4_000_000;

  private long spent;
  private long turn = TURN;

  void spend(long steps) {
    spent += steps;
    if (spent >= turn) {
      turn = spent + TURN;
      if (spent > MOST) {
        throw new Failure.TooLarge(
            "matching the patterns with the names of the files takes too long");
      }
      try {
        Thread.sleep(0); // somebody else's turn
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new Failure.Cancelled("interrupted while matching patterns");
      }
    }
  }
}
