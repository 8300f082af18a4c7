package dev.gantry.buildkit;

import dev.gantry.build.BuildDisk;
import dev.gantry.grpc.GrpcException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// Which of the cache's records are meant: `type==regular,shared==false`. Of several texts one must
/// match; of a text, every part. A field that records do not have is empty, as dockerd has it.
final class CacheFilter {
  private static final Pattern PART = Pattern.compile("([A-Za-z_][A-Za-z0-9_.]*)(==|!=|~=)?(.*)");
  private static final int MOST = 1000;

  private record Part(String field, String operator, String value, Pattern pattern) {
    boolean matches(BuildDisk.Entry kept) {
      String text =
          switch (field) {
            case "id" -> kept.id();
            case "type" -> kept.type();
            case "description" -> kept.description();
            case "inuse" -> Boolean.toString(kept.inUse());
            case "shared" -> Boolean.toString(kept.shared());
            case "private" -> Boolean.toString(!kept.shared());
            case "mutable" -> Boolean.toString(!kept.type().equals("regular"));
            case "immutable" -> Boolean.toString(kept.type().equals("regular"));
            default -> "";
          };
      return switch (operator) {
        case "==" -> text.equals(value);
        case "!=" -> !text.equals(value);
        case "~=" -> pattern.matcher(text).find();
        default -> !text.isEmpty() && !text.equals("false");
      };
    }
  }

  private final List<List<Part>> any;

  private CacheFilter(List<List<Part>> any) {
    this.any = any;
  }

  /// @param filters empty texts count for nothing
  static CacheFilter parse(List<String> filters) throws GrpcException {
    List<List<Part>> any = new ArrayList<>();
    for (String text : filters) {
      if (text.isBlank()) {
        continue;
      }
      List<Part> parts = new ArrayList<>();
      for (String part : text.split(",")) {
        parts.add(part(part.strip()));
      }
      any.add(parts);
    }
    return new CacheFilter(any);
  }

  private static Part part(String text) throws GrpcException {
    Matcher m = PART.matcher(text);
    if (text.length() > MOST || !m.matches()) {
      throw wrong(text);
    }
    String operator = m.group(2) == null ? "" : m.group(2);
    if (operator.isEmpty() && !m.group(3).isEmpty()) {
      throw wrong(text);
    }
    try {
      String value = m.group(3).replaceAll("^\"|\"$", "");
      Pattern pattern = Pattern.compile(operator.equals("~=") ? value : "");
      return new Part(m.group(1), operator, value, pattern);
    } catch (PatternSyntaxException e) {
      throw wrong(text);
    }
  }

  private static GrpcException wrong(String text) {
    return new GrpcException(
        GrpcException.INVALID_ARGUMENT, "failed to parse filter " + text + ": invalid argument");
  }

  boolean matches(BuildDisk.Entry kept) {
    return any.isEmpty()
        || any.stream().anyMatch(all -> all.stream().allMatch(p -> p.matches(kept)));
  }
}
