package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// A container's output as Docker's json-file driver keeps it: one object a line with `log`,
/// `stream` and `time`; rotated by size into `NAME.1`, `NAME.2` …. Appending and reading are
/// thread-safe.
final class JsonFileLog implements AutoCloseable {
  /// A line or a piece of one; `text` ends with a newline where the line ends.
  record Entry(String stream, byte[] text, Instant time) {}

  private static final long DEFAULT_SIZE = 20L << 20;
  private static final int DEFAULT_FILES = 5;

  private final Path file;
  private final long maxSize;
  private final int maxFiles;
  private final Object lock = new Object();
  private FileChannel channel;
  private long size;

  private JsonFileLog(Path file, long maxSize, int maxFiles, FileChannel channel, long size) {
    this.file = file;
    this.maxSize = maxSize;
    this.maxFiles = maxFiles;
    this.channel = channel;
    this.size = size;
  }

  static JsonFileLog open(Path file, ContainerSpec.Logging logging) {
    String size = logging.options().getOrDefault("max-size", "");
    String files = logging.options().getOrDefault("max-file", "");
    try {
      FileChannel channel = append(file);
      return new JsonFileLog(
          file,
          size.isEmpty() ? DEFAULT_SIZE : bytes(size),
          files.isEmpty() ? DEFAULT_FILES : Integer.parseInt(files),
          channel,
          channel.size());
    } catch (IOException e) {
      throw new Failure.Internal("could not open the log " + file + ": " + e.getMessage(), e);
    }
  }

  private static FileChannel append(Path file) throws IOException {
    return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /// `10m` and the like; -1 is no limit.
  static long bytes(String text) {
    if (!text.matches("-1|[0-9]+[bkmgBKMG]?[bB]?")) {
      throw new Failure.InvalidRequest("invalid size: '" + text + "'");
    }
    String digits = text.replaceAll("[a-zA-Z]", "");
    long number = Long.parseLong(digits);
    String unit = text.substring(digits.length()).toLowerCase(java.util.Locale.ROOT);
    return unit.startsWith("k")
        ? number << 10
        : unit.startsWith("m") ? number << 20 : unit.startsWith("g") ? number << 30 : number;
  }

  void append(Entry entry) {
    StringBuilder line = new StringBuilder(entry.text().length + 80);
    line.append("{\"log\":")
        .append(Json.of(new String(entry.text(), StandardCharsets.UTF_8)).text())
        .append(",\"stream\":\"")
        .append(entry.stream())
        .append("\",\"time\":\"")
        .append(nanos(entry.time()))
        .append("\"}\n");
    ByteBuffer bytes = ByteBuffer.wrap(line.toString().getBytes(StandardCharsets.UTF_8));
    synchronized (lock) {
      try {
        if (maxSize > 0 && size > 0 && size + bytes.remaining() > maxSize) {
          rotate();
        }
        size += bytes.remaining();
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      } catch (IOException e) {
        throw new Failure.Internal("could not write the log " + file + ": " + e.getMessage(), e);
      }
    }
  }

  /// RFC 3339 with nine digits, whose trailing zeros Docker leaves out in the file.
  static String nanos(Instant time) {
    return DateTimeFormatter.ISO_INSTANT.format(time);
  }

  private void rotate() throws IOException {
    channel.close();
    if (maxFiles > 1) {
      for (int i = maxFiles - 2; i >= 1; i--) {
        Path from = numbered(i);
        if (Files.exists(from)) {
          Files.move(from, numbered(i + 1), StandardCopyOption.REPLACE_EXISTING);
        }
      }
      Files.move(file, numbered(1), StandardCopyOption.REPLACE_EXISTING);
    } else {
      Files.delete(file);
    }
    channel = append(file);
    size = 0;
  }

  private Path numbered(int i) {
    return file.resolveSibling(file.getFileName() + "." + i);
  }

  /// The entries that `wanted` accepts, oldest first.
  ///
  /// @param tail how many of the last lines; -1 for all
  List<Entry> read(Predicate<Entry> wanted, long tail) {
    List<Entry> entries = new ArrayList<>();
    synchronized (lock) {
      for (int i = maxFiles; i >= 0; i--) {
        Path part = i == 0 ? file : numbered(i);
        if (Files.exists(part)) {
          read(part, wanted, entries);
        }
      }
    }
    return tail < 0 || tail >= entries.size()
        ? entries
        : entries.subList(entries.size() - (int) tail, entries.size());
  }

  private static void read(Path part, Predicate<Entry> wanted, List<Entry> entries) {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(Files.newInputStream(part), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        try {
          Json.JsonObject object = Json.parseObject(line);
          Entry entry =
              new Entry(
                  object.string("stream", "stdout"),
                  object.string("log", "").getBytes(StandardCharsets.UTF_8),
                  Instant.parse(object.string("time", "1970-01-01T00:00:00Z")));
          if (wanted.test(entry)) {
            entries.add(entry);
          }
        } catch (JsonException | java.time.format.DateTimeParseException e) {
          continue; // a line cut off by a crash or by a full disk
        }
      }
    } catch (IOException e) {
      throw new Failure.Internal("could not read the log " + part + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    synchronized (lock) {
      try {
        channel.close();
      } catch (IOException e) {
        throw new Failure.Internal("could not close the log " + file, e);
      }
    }
  }
}
