package dev.gantry.conformance.build;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A Dockerfile and its context, as `build/corpus.txt` has them.
///
/// @param words further words of the build's command line; `PATH` at the beginning of a value is
///   the context
/// @param differences what differs from Docker and why, by field
/// @param files by path
record CorpusCase(
    String name, List<String> words, Map<String, String> differences, Map<String, Entry> files) {

  /// @param link what the symbolic link points to; empty for a file
  record Entry(String content, int mode, String link) {}

  static String resource(String name) {
    try (InputStream in = CorpusCase.class.getResourceAsStream("/build/" + name)) {
      return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<CorpusCase> all() {
    List<CorpusCase> cases = new ArrayList<>();
    Map<String, Entry> files = new LinkedHashMap<>();
    String file = "";
    for (String line : resource("corpus.txt").lines().toList()) {
      if (line.startsWith("== ")) {
        files = new LinkedHashMap<>();
        cases.add(head(line.substring(3), files));
        file = "";
      } else if (line.startsWith("-- ")) {
        String[] words = line.substring(3).split(" ");
        boolean link = words.length == 3;
        int mode = words.length == 2 ? Integer.parseInt(words[1], 8) : 0644;
        file = link ? "" : words[0];
        files.put(words[0], new Entry("", mode, link ? words[2] : ""));
      } else if (!file.isEmpty()) {
        String text = line.endsWith("$$") ? line.substring(0, line.length() - 2) + "\r" : line;
        files.computeIfPresent(
            file, (k, e) -> new Entry(e.content() + text + "\n", e.mode(), e.link()));
      }
    }
    return cases;
  }

  private static CorpusCase head(String line, Map<String, Entry> files) {
    String[] parts = line.split(" \\| ");
    List<String> words = new ArrayList<>();
    Map<String, String> differences = new LinkedHashMap<>();
    for (int i = 1; i < parts.length; i++) {
      if (parts[i].startsWith("!")) {
        String[] difference = parts[i].substring(1).split(" ", 2);
        differences.put(difference[0], difference[1]);
      } else {
        words.addAll(List.of(parts[i].split(" ")));
      }
    }
    return new CorpusCase(parts[0].strip(), words, differences, files);
  }

  /// Whether the build checks are asked, and nothing is built.
  boolean isCheck() {
    return words.stream().anyMatch(w -> w.startsWith("--call=check"));
  }

  /// Whether the result goes to the context's folder `out`.
  boolean isFiles() {
    return words.stream().anyMatch(w -> w.startsWith("type=local,dest=PATH/out"));
  }

  /// Writes the files into a new folder.
  void lay(Path folder) throws IOException {
    Files.createDirectories(folder);
    for (Map.Entry<String, Entry> file : files.entrySet()) {
      Path path = folder.resolve(file.getKey());
      Files.createDirectories(path.resolveSibling("."));
      Entry entry = file.getValue();
      if (!entry.link().isEmpty()) {
        Files.createSymbolicLink(path, Path.of(entry.link()));
      } else {
        Files.writeString(path, entry.content());
        Files.setPosixFilePermissions(path, permissions(entry.mode()));
      }
    }
  }

  private static Set<PosixFilePermission> permissions(int mode) {
    Set<PosixFilePermission> all = EnumSet.noneOf(PosixFilePermission.class);
    PosixFilePermission[] bits = PosixFilePermission.values(); // from the owner's read on
    for (int i = 0; i < bits.length; i++) {
      if ((mode & 0400 >> i) != 0) {
        all.add(bits[i]);
      }
    }
    return all;
  }

  /// The words with the context's folder in its place.
  List<String> words(Path folder) {
    return words.stream().map(w -> w.replace("PATH/", folder + "/")).toList();
  }
}
