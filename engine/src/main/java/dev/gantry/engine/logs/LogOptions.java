package dev.gantry.engine.logs;

import dev.gantry.base.Failure;
import java.util.Locale;
import java.util.Map;

/// The options of the log drivers `json-file` and `local`.
///
/// @param maxSize bytes after which a file is rotated; -1 for never
/// @param maxFiles how many files are kept, the present one included
/// @param compress whether rotated files are compressed
public record LogOptions(long maxSize, int maxFiles, boolean compress) {
  private static final int MOST_FILES = 10_000;

  /// What a container has that was given no options: at most 100 MB, the older files compressed.
  /// Docker's own default, one file without a limit, is `max-size=-1`.
  public static final LogOptions DEFAULT = new LogOptions(20L << 20, 5, true);

  /// What a log file that is only the cache of another driver is like.
  public static LogOptions cache(Map<String, String> options) {
    Map<String, String> own = new java.util.HashMap<>();
    for (String name : java.util.List.of("max-size", "max-file")) {
      own.put(name, options.getOrDefault("cache-" + name, ""));
    }
    own.put("compress", options.getOrDefault("cache-compress", ""));
    return parse(own);
  }

  /// Reads the options as the API gives them; [Failure.InvalidRequest] in Docker's words.
  public static LogOptions parse(Map<String, String> options) {
    long size = size(options.getOrDefault("max-size", ""));
    int files = files(options.getOrDefault("max-file", ""), size);
    String compress = options.getOrDefault("compress", "");
    return new LogOptions(
        size, files, compress.isEmpty() ? DEFAULT.compress() : truth("compress", compress));
  }

  private static long size(String text) {
    if (text.isEmpty()) {
      return DEFAULT.maxSize();
    }
    long size = text.equals("-1") ? -1 : bytes(text);
    if (size == 0) {
      throw new Failure.InvalidRequest("max-size must be a positive number");
    }
    return size;
  }

  private static int files(String text, long size) {
    if (text.isEmpty()) {
      return DEFAULT.maxFiles();
    }
    if (!text.matches("[+-]?[0-9]{1,9}")) {
      throw new Failure.InvalidRequest(
          "strconv.Atoi: parsing \"" + text + "\": invalid syntax (max-file)");
    }
    int files = Integer.parseInt(text);
    if (files < 1) {
      throw new Failure.InvalidRequest("max-file cannot be less than 1");
    }
    if (size < 0 && files > 1) {
      throw new Failure.InvalidRequest("max-file cannot be used without max-size");
    }
    return Math.min(files, MOST_FILES);
  }

  private static boolean truth(String name, String text) {
    return switch (text) {
      case "1", "t", "T", "true", "TRUE", "True" -> true;
      case "0", "f", "F", "false", "FALSE", "False" -> false;
      default ->
          throw new Failure.InvalidRequest(
              "strconv.ParseBool: parsing \"" + text + "\": invalid syntax (" + name + ")");
    };
  }

  /// `10m`, `1.5g`, `64kb` and the like, in powers of 1024.
  public static long bytes(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    if (!lower.matches("[0-9]{1,12}(\\.[0-9]{1,6})? ?([kmgt]i?b?|b)?")) {
      throw new Failure.InvalidRequest("invalid size: '" + text + "'");
    }
    String unit = lower.replaceAll("[0-9. ]", "");
    double number = Double.parseDouble(lower.replaceAll("[^0-9.]", ""));
    int power = unit.isEmpty() ? 0 : Math.max(0, "bkmgt".indexOf(unit.charAt(0)));
    return (long) (number * (1L << (10 * power)));
  }
}
