package dev.gantry.daemon;

import dev.gantry.json.Json;
import java.text.MessageFormat;
import java.time.Instant;
import java.util.Locale;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/// The engine's own log: a line per event on standard error, as text or JSON. It answers for the
/// JDK's [System.Logger], without the weight of java.util.logging.
public final class Log extends System.LoggerFinder {
  private static volatile System.Logger.Level threshold = System.Logger.Level.INFO;
  private static volatile boolean json;

  static void configure(System.Logger.Level level, boolean asJson) {
    threshold = level;
    json = asJson;
  }

  static System.Logger.Level level(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "debug", "trace" -> System.Logger.Level.DEBUG;
      case "info" -> System.Logger.Level.INFO;
      case "warn", "warning" -> System.Logger.Level.WARNING;
      case "error", "fatal", "panic" -> System.Logger.Level.ERROR;
      default -> throw Flags.invalid("log-level", name);
    };
  }

  static void info(String message) {
    write(System.Logger.Level.INFO, "gantryd", message, null);
  }

  static void warn(String message) {
    write(System.Logger.Level.WARNING, "gantryd", message, null);
  }

  @Override
  public System.Logger getLogger(String name, Module module) {
    return new Named(name.substring(name.lastIndexOf('.') + 1));
  }

  private static void write(
      System.Logger.Level level, String source, String message, @Nullable Throwable cause) {
    if (level.getSeverity() < threshold.getSeverity()) {
      return;
    }
    String text = cause == null ? message : message + ": " + cause;
    String name =
        level == System.Logger.Level.WARNING ? "warn" : level.name().toLowerCase(Locale.ROOT);
    String line =
        json
            ? Json.object()
                .put("time", Instant.now().toString())
                .put("level", name)
                .put("source", source)
                .put("msg", text)
                .text()
            : Instant.now() + " " + name + " " + source + ": " + text;
    System.err.println(line);
    if (cause != null && threshold == System.Logger.Level.DEBUG) {
      cause.printStackTrace();
    }
  }

  private record Named(String name) implements System.Logger {
    @Override
    public String getName() {
      return name;
    }

    @Override
    public boolean isLoggable(Level level) {
      return level != Level.OFF && level.getSeverity() >= threshold.getSeverity();
    }

    @Override
    public void log(
        Level level, @Nullable ResourceBundle bundle, String message, @Nullable Throwable cause) {
      write(level, name, message, cause);
    }

    @Override
    public void log(
        Level level, @Nullable ResourceBundle bundle, String format, @Nullable Object... values) {
      write(
          level,
          name,
          values == null || values.length == 0 ? format : MessageFormat.format(format, values),
          null);
    }
  }
}
