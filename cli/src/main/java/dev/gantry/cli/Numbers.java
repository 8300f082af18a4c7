package dev.gantry.cli;

import java.math.BigInteger;
import java.util.Optional;

/// Integers as Go reads them with base 0: decimal, `0x`, `0o`, `0b`.
final class Numbers {
  private Numbers() {}

  static Optional<String> problem(String text, String function, long least, long most) {
    BigInteger number;
    try {
      number = parse(text);
    } catch (NumberFormatException e) {
      return problem(function, text, "invalid syntax");
    }
    boolean fits =
        number.compareTo(BigInteger.valueOf(least)) >= 0
            && number.compareTo(BigInteger.valueOf(most)) <= 0;
    if (!fits && least == 0 && number.signum() < 0) {
      return problem(function, text, "invalid syntax");
    }
    return fits ? Optional.empty() : problem(function, text, "value out of range");
  }

  private static Optional<String> problem(String function, String text, String what) {
    return Optional.of("strconv." + function + ": parsing \"" + text + "\": " + what);
  }

  static long value(String text) {
    return parse(text).longValueExact();
  }

  private static BigInteger parse(String text) {
    boolean signed = text.startsWith("-") || text.startsWith("+");
    String digits = signed ? text.substring(1) : text;
    int base =
        digits.matches("0[xX].+")
            ? 16
            : digits.matches("0[oO].+") ? 8 : digits.matches("0[bB].+") ? 2 : 10;
    String plain = base == 10 ? digits : digits.substring(2);
    if (plain.startsWith("-") || plain.startsWith("+")) {
      throw new NumberFormatException();
    }
    return new BigInteger((text.startsWith("-") ? "-" : "") + plain, base);
  }
}
