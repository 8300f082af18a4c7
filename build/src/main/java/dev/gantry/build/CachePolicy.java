package dev.gantry.build;

import dev.gantry.base.Failure;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How much of the disk builds may keep: rules, applied one after the other when a build has ended.
public record CachePolicy(List<Rule> rules) {
  private static final Pattern FILTER =
      Pattern.compile("(type|id|description|inuse|shared)(==?|!=|~=|\\^=)(.*)");

  /// Nothing is removed by itself.
  public static final CachePolicy NONE = new CachePolicy(List.of());

  public CachePolicy {
    rules = List.copyOf(rules);
  }

  /// One rule. Sizes are bytes, 0 for no such limit.
  ///
  /// @param all also what images hold
  /// @param filters `FIELD==VALUE` with the fields `type`, `id`, `description`, `inuse`, `shared`
  ///   and the operators `==`, `!=`, `~=` (contains), `^=` (begins with): all must fit
  /// @param age what was used since stays
  /// @param reserved may stay in any case
  /// @param most may stay
  /// @param free shall be free on the disk
  public record Rule(
      boolean all, List<String> filters, Duration age, long reserved, long most, long free) {
    public Rule {
      filters = List.copyOf(filters);
      for (String filter : filters) {
        if (!FILTER.matcher(filter).matches()) {
          throw new Failure.InvalidRequest("unknown filter " + filter + " of the build cache");
        }
      }
    }

    /// How many bytes may stay of `total`.
    ///
    /// @param freeNow bytes that are free on the disk
    public long keep(long total, long freeNow) {
      if (most <= 0 && free <= 0) {
        return reserved;
      }
      long keep = most > 0 ? most : total;
      if (free > 0 && freeNow < free) {
        keep = Math.min(keep, total - (free - freeNow));
      }
      return Math.max(keep, reserved);
    }

    boolean fits(BuildDisk.Entry entry) {
      return filters.stream().allMatch(f -> fits(f, entry));
    }

    private static boolean fits(String filter, BuildDisk.Entry entry) {
      Matcher m = FILTER.matcher(filter);
      boolean ignored = m.matches();
      String value = m.group(3);
      String text =
          switch (m.group(1)) {
            case "type" -> entry.type();
            case "id" -> entry.id();
            case "inuse" -> Boolean.toString(entry.inUse());
            case "shared" -> Boolean.toString(entry.shared());
            default -> entry.description();
          };
      return switch (m.group(2)) {
        case "!=" -> !text.equals(value);
        case "~=" -> text.contains(value);
        case "^=" -> text.startsWith(value);
        default -> text.equals(value);
      };
    }
  }
}
