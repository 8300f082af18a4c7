package dev.gantry.cli;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// `--env` with `--env-file`, and `--label` with `--label-file`.
final class Environment {
  private final Words words;

  Environment(Words words) {
    this.words = words;
  }

  /// `NAME=VALUE`; a name alone takes our own value, and is left out if we have none.
  List<String> entries() {
    List<String> entries = new ArrayList<>();
    for (String entry : lines("env", "env-file")) {
      if (entry.startsWith("=") || entry.isEmpty()) {
        throw new Refused("invalid environment variable: " + entry);
      }
      if (entry.indexOf('=') >= 0) {
        entries.add(entry);
      } else {
        String ours = Surroundings.ours().environment().get(entry);
        if (ours != null) {
          entries.add(entry + "=" + ours);
        }
      }
    }
    return entries;
  }

  /// The lines of files without comments and blank ones, then the flag's own values.
  List<String> lines(String flag, String fileFlag) {
    List<String> all = new ArrayList<>();
    for (String file : words.list(fileFlag)) {
      all.addAll(read(file));
    }
    all.addAll(words.list(flag));
    return all;
  }

  private static List<String> read(String file) {
    List<String> kept = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(Path.of(file))) {
        String entry = line.replaceFirst("^\uFEFF", "").stripLeading();
        if (entry.isEmpty() || entry.startsWith("#")) {
          continue;
        }
        String name = entry.split("=", 2)[0];
        if (name.isEmpty()) {
          throw new Refused("no variable name on line '" + entry + "'");
        }
        if (name.chars().anyMatch(Character::isWhitespace)) {
          throw new Refused("variable '" + name + "' contains whitespaces");
        }
        kept.add(entry);
      }
      return kept;
    } catch (MalformedInputException e) {
      throw new Refused("env file " + file + " contains invalid utf8 bytes");
    } catch (IOException e) {
      throw new Refused("open " + file + ": " + FileProblems.text(e));
    }
  }
}
