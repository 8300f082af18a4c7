package dev.gantry.registry;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The rules by repository: who may do what, how much it may hold, which tags are fixed.
///
/// ```
/// {"groups": {"team": ["ann", "bob"]},
///  "repositories": [
///    {"match": "library/**", "anonymous": ["pull"], "rights": {"@team": ["pull","push"]},
///     "quota": "20GB", "immutableTags": ["v*"], "readOnly": false}]}
/// ```
///
/// The first rule whose pattern matches holds; `*` is any part of a name without `/`, `**` any
/// part. A repository without a rule is nobody's, unless there are no rules at all: then it is
/// everybody's who is known (and anybody's where clients need not say who they are). Among the
/// rights, `*` stands for every known user.
final class Policy {
  private static final Set<Right> ALL = EnumSet.allOf(Right.class);

  /// A rule for the repositories that `pattern` matches.
  private record Rule(
      Pattern pattern,
      Set<Right> anonymous,
      Map<String, Set<Right>> rights,
      OptionalLong quota,
      List<Pattern> immutableTags,
      boolean readOnly) {}

  private final boolean open;
  private final boolean needsUser;
  private final List<Rule> rules;
  private final OptionalLong quota;
  private final List<Pattern> immutableTags;

  private Policy(
      boolean open,
      boolean needsUser,
      List<Rule> rules,
      OptionalLong quota,
      List<Pattern> immutableTags) {
    this.open = open;
    this.needsUser = needsUser;
    this.rules = List.copyOf(rules);
    this.quota = quota;
    this.immutableTags = List.copyOf(immutableTags);
  }

  /// Without a file: everything for every known user.
  ///
  /// @param needsUser false where clients need not say who they are
  /// @param quota for each repository without its own
  /// @param immutableTags patterns for all repositories
  static Policy open(boolean needsUser, OptionalLong quota, List<String> immutableTags) {
    return new Policy(
        true, needsUser, List.of(), quota, immutableTags.stream().map(Policy::glob).toList());
  }

  /// The same with the rules of `file`.
  Policy with(Path file) {
    try {
      Json.JsonObject document = Json.parseObject(Files.readString(file));
      Map<String, List<String>> groups = new HashMap<>();
      document
          .object("groups")
          .ifPresent(o -> o.members().keySet().forEach(g -> groups.put(g, o.strings(g))));
      List<Rule> read = new ArrayList<>();
      for (Json.JsonObject rule : document.objects("repositories")) {
        read.add(rule(rule, groups));
      }
      return new Policy(false, needsUser, read, quota, immutableTags);
    } catch (JsonException | RegistryError e) {
      throw new Failure.InvalidRequest(
          "the policy file " + file + " cannot be used: " + e.getMessage());
    } catch (IOException e) {
      throw new Failure.InvalidRequest("could not read the policy file " + file, null, e);
    }
  }

  private static Rule rule(Json.JsonObject rule, Map<String, List<String>> groups) {
    Set<String> known =
        Set.of("match", "anonymous", "rights", "quota", "immutableTags", "readOnly");
    for (String key : rule.members().keySet()) {
      if (!known.contains(key)) {
        throw new JsonException("unknown key " + key + " in a rule");
      }
    }
    Map<String, Set<Right>> rights = new HashMap<>();
    rule.object("rights")
        .ifPresent(
            users -> {
              for (String who : users.members().keySet()) {
                Set<Right> these = rights(users.strings(who));
                List<String> names =
                    who.startsWith("@") ? group(groups, who.substring(1)) : List.of(who);
                for (String name : names) {
                  rights.computeIfAbsent(name, n -> EnumSet.noneOf(Right.class)).addAll(these);
                }
              }
            });
    return new Rule(
        glob(rule.string("match").orElseThrow(() -> new JsonException("a rule without match"))),
        rights(rule.strings("anonymous")),
        rights,
        rule.string("quota").map(q -> OptionalLong.of(bytes(q))).orElse(OptionalLong.empty()),
        rule.strings("immutableTags").stream().map(Policy::glob).toList(),
        rule.bool("readOnly", false));
  }

  private static List<String> group(Map<String, List<String>> groups, String name) {
    List<String> members = groups.get(name);
    if (members == null) {
      throw new JsonException("no group " + name);
    }
    return members;
  }

  private static Set<Right> rights(List<String> words) {
    Set<Right> rights = EnumSet.noneOf(Right.class);
    for (String word : words) {
      if (word.equals("*")) {
        return ALL;
      }
      try {
        rights.add(Right.valueOf(word.toUpperCase(Locale.ROOT)));
      } catch (IllegalArgumentException e) {
        throw new JsonException("the rights are pull, push, delete and *, not " + word);
      }
    }
    return rights;
  }

  private static Pattern glob(String text) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '*') {
        regex.append(Pattern.quote(String.valueOf(c)));
      } else if (i + 1 < text.length() && text.charAt(i + 1) == '*') {
        regex.append(".*");
        i++;
      } else {
        regex.append("[^/]*");
      }
    }
    return Pattern.compile(regex.toString());
  }

  /// Reads `20GB`, `512MiB`, `1000`; the units are Docker's, powers of 1024.
  static long bytes(String text) {
    var matcher =
        Pattern.compile("([0-9]{1,15})(?:\\.([0-9]))?\\s*([kmgt]?)(?:i?b)?")
            .matcher(text.strip().toLowerCase(Locale.ROOT));
    if (!matcher.matches()) {
      throw new JsonException("not a size: " + text);
    }
    long unit =
        switch (matcher.group(3)) {
          case "k" -> 1L << 10;
          case "m" -> 1L << 20;
          case "g" -> 1L << 30;
          case "t" -> 1L << 40;
          default -> 1;
        };
    long tenths = matcher.group(2) == null ? 0 : Long.parseLong(matcher.group(2));
    return Math.addExact(
        Math.multiplyExact(Long.parseLong(matcher.group(1)), unit), unit * tenths / 10);
  }

  private @Nullable Rule rule(RepositoryName name) {
    for (Rule rule : rules) {
      if (rule.pattern().matcher(name.value()).matches()) {
        return rule;
      }
    }
    return null;
  }

  /// What a user may do; the empty name is anybody.
  Set<Right> rights(String user, RepositoryName name) {
    if (open) {
      return needsUser && user.isEmpty() ? Set.of() : ALL;
    }
    Rule rule = rule(name);
    if (rule == null) {
      return Set.of();
    }
    Set<Right> rights = EnumSet.noneOf(Right.class);
    rights.addAll(rule.anonymous());
    if (!user.isEmpty()) {
      rights.addAll(rule.rights().getOrDefault("*", Set.of()));
      rights.addAll(rule.rights().getOrDefault(user, Set.of()));
    }
    return rights;
  }

  /// True where nothing may be changed, whoever asks.
  boolean isReadOnly(RepositoryName name) {
    Rule rule = rule(name);
    return rule != null && rule.readOnly();
  }

  OptionalLong quota(RepositoryName name) {
    Rule rule = rule(name);
    return rule != null && rule.quota().isPresent() ? rule.quota() : quota;
  }

  /// True where the tag, once set, stays.
  boolean isFixed(RepositoryName name, Reference.Tag tag) {
    Rule rule = rule(name);
    return matches(immutableTags, tag) || (rule != null && matches(rule.immutableTags(), tag));
  }

  private static boolean matches(List<Pattern> patterns, Reference.Tag tag) {
    return patterns.stream().anyMatch(p -> p.matcher(tag.value()).matches());
  }
}
