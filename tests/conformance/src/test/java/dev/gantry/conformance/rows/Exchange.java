package dev.gantry.conformance.rows;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// One request of a conversation, and what its answer must be.
///
/// ```
/// [until] [STATUS] METHOD TARGET [BODY]
/// header NAME VALUE
/// types KEYS
/// ROW <tab> PLACE <tab> PATTERN
/// keep NAME PLACE
/// ```
///
/// Without a status any of 101 and 2xx will do. `until` asks again until all lines below it hold. A
/// row is that of the inventory which the line shows, or `-`. `keep` remembers a text of the answer
/// (its whole body where there is no place) as `${NAME}` in later targets and bodies.
///
/// With `types` the connection is taken over, and keys are typed on it: `^P` is control and P.
///
/// A header's value that is JSON goes out in base64.
///
/// A body is JSON, `@NAME` for a kept one, or `@tar{"FILE":"TEXT"}`.
///
/// @param line where it stands
/// @param status 0 for any that is a success
record Exchange(
    int line,
    boolean until,
    int status,
    String method,
    String target,
    String body,
    Map<String, String> headers,
    List<Check> checks,
    List<Keep> keeps) {
  private static final String TYPES = " types";

  private static final Pattern REQUEST =
      Pattern.compile(
          "(until )?(?:([1-5]\\d\\d) )?(GET|HEAD|POST|PUT|DELETE|OPTIONS) (\\S+)(?: (.*))?");

  /// @param row empty if it shows none
  record Check(int line, String row, Expected expected) {}

  /// What is typed; empty for a plain request.
  String keys() {
    String text = headers.getOrDefault(TYPES, "");
    StringBuilder keys = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      keys.append(text.charAt(i) == '^' ? (char) (text.charAt(++i) - '@') : text.charAt(i));
    }
    return keys.toString();
  }

  record Keep(String name, String path) {}

  static List<Exchange> parse(String text) {
    List<Exchange> all = new ArrayList<>();
    List<String> lines = text.lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      Matcher request = REQUEST.matcher(line);
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      if (line.contains("\t")) {
        String[] columns = line.split("\t", -1);
        if (columns.length != 3 || columns[2].isEmpty()) {
          throw new IllegalArgumentException((i + 1) + ": not row, place, pattern: " + line);
        }
        String row = columns[0].equals("-") ? "" : columns[0];
        all.getLast().checks().add(new Check(i + 1, row, new Expected(columns[1], columns[2])));
      } else if (request.matches()) {
        all.add(
            new Exchange(
                i + 1,
                request.group(1) != null,
                request.group(2) == null ? 0 : Integer.parseInt(request.group(2)),
                request.group(3),
                request.group(4),
                request.group(5) == null ? "" : request.group(5),
                new LinkedHashMap<>(),
                new ArrayList<>(),
                new ArrayList<>()));
      } else if (line.startsWith("types ")) {
        all.getLast().headers().put(TYPES, line.substring(6));
      } else if (line.startsWith("header ")) {
        String[] words = line.split(" ", 3);
        all.getLast().headers().put(words[1], words[2]);
      } else if (line.startsWith("keep ")) {
        String[] words = line.split(" ", 3);
        all.getLast().keeps().add(new Keep(words[1], words.length < 3 ? "" : words[2]));
      } else {
        throw new IllegalArgumentException((i + 1) + ": neither request nor check: " + line);
      }
    }
    return all;
  }
}
