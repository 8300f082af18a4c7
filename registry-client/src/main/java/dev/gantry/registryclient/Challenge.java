package dev.gantry.registryclient;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// How a server wants to be asked (RFC 9110 11.6.1, WWW-Authenticate).
///
/// @param scheme in lower case: `basic`, `bearer`
/// @param parameters by lower-case name
record Challenge(String scheme, Map<String, String> parameters) {
  /// The challenges of a header, which may hold several.
  static List<Challenge> parse(String header) {
    List<Challenge> all = new ArrayList<>();
    int at = 0;
    while (at < header.length()) {
      int start = skip(header, at, " ,\t");
      int end = token(header, start);
      if (end == start) {
        break;
      }
      String scheme = header.substring(start, end).toLowerCase(Locale.ROOT);
      Map<String, String> parameters = new LinkedHashMap<>();
      at = skip(header, end, " \t");
      while (at < header.length()) {
        int nameEnd = token(header, at);
        int equals = skip(header, nameEnd, " \t");
        if (nameEnd == at || equals >= header.length() || header.charAt(equals) != '=') {
          break; // the next challenge begins here
        }
        StringBuilder value = new StringBuilder();
        int valueEnd = value(header, skip(header, equals + 1, " \t"), value);
        parameters.put(header.substring(at, nameEnd).toLowerCase(Locale.ROOT), value.toString());
        at = skip(header, valueEnd, " ,\t");
      }
      all.add(new Challenge(scheme, parameters));
    }
    return all;
  }

  private static int skip(String text, int at, String characters) {
    int i = at;
    while (i < text.length() && characters.indexOf(text.charAt(i)) >= 0) {
      i++;
    }
    return i;
  }

  private static int token(String text, int at) {
    int i = at;
    while (i < text.length() && " \t,=\"".indexOf(text.charAt(i)) < 0) {
      i++;
    }
    return i;
  }

  private static int value(String text, int at, StringBuilder value) {
    if (at >= text.length() || text.charAt(at) != '"') {
      int end = token(text, at);
      while (end < text.length() && text.charAt(end) == '=') {
        end++; // padding of base64
      }
      value.append(text, at, end);
      return end;
    }
    int i = at + 1;
    while (i < text.length() && text.charAt(i) != '"') {
      if (text.charAt(i) == '\\' && i + 1 < text.length()) {
        i++;
      }
      value.append(text.charAt(i++));
    }
    return Math.min(i + 1, text.length());
  }

  String parameter(String name) {
    return parameters.getOrDefault(name, "");
  }
}
