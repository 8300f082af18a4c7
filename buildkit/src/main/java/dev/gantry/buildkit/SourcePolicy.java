package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildClient;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// What a client lets its build be made of (`EXPERIMENTAL_BUILDKIT_SOURCE_POLICY` of Buildx): rules
/// on the names of sources, `docker-image://NAME:TAG`, `https://…`, `git://…`. The last rule that
/// fits allows or denies one; a rule may put another in its place, which is looked at anew.
///
/// Specification: `sourcepolicy/pb/policy.proto` of BuildKit's API.
record SourcePolicy(List<Rule> rules) {
  static final SourcePolicy NONE = new SourcePolicy(List.of());
  private static final int MOST_RULES = 1000;
  private static final int MOST_STEPS = 20;
  private static final Pattern GROUP = Pattern.compile("\\$\\{(\\d{1,2})\\}|\\$(\\d)");

  SourcePolicy {
    rules = List.copyOf(rules);
  }

  /// What happens to a source that fits.
  enum Action {
    ALLOW,
    DENY,
    CONVERT
  }

  /// @param selector as written
  /// @param names what fits
  /// @param instead what takes its place; may name groups of what fits (`${1}`)
  record Rule(Action action, String selector, Pattern names, String instead) {}

  static SourcePolicy read(Message message) throws GrpcException {
    if (message.number(1) > 1) {
      throw invalid("unsupported version " + message.number(1));
    }
    List<Rule> rules = new ArrayList<>();
    for (Message rule : message.messages(2)) {
      Message selector = rule.message(2).orElseGet(Message::new);
      if (rule.number(1) > Action.CONVERT.ordinal() || !selector.messages(3).isEmpty()) {
        throw invalid("a rule with an unknown action or with constraints");
      }
      Message instead = rule.message(3).orElseGet(Message::new);
      if (!instead.map(2).isEmpty()) {
        throw invalid("a rule that changes attributes");
      }
      String name = selector.text(1);
      Action action = Action.values()[(int) rule.number(1)];
      String other = instead.text(1).isEmpty() ? name : instead.text(1);
      rules.add(new Rule(action, name, pattern(name, (int) selector.number(2)), other));
      if (rules.size() > MOST_RULES) {
        throw invalid("more than " + MOST_RULES + " rules");
      }
    }
    return new SourcePolicy(rules);
  }

  private static GrpcException invalid(String what) {
    return new GrpcException(
        GrpcException.INVALID_ARGUMENT, "the source policy cannot be kept: " + what);
  }

  /// @param kind 0 for wildcards, 1 for the name itself, 2 for a regular expression
  private static Pattern pattern(String name, int kind) throws GrpcException {
    try {
      return switch (kind) {
        case 0 -> wildcards(name);
        case 1 -> Pattern.compile(Pattern.quote(name));
        case 2 -> Pattern.compile(name.startsWith("^") ? name : "(?:.*?)" + name + ".*");
        default -> throw invalid("an unknown way to match");
      };
    } catch (PatternSyntaxException e) {
      throw invalid("the expression " + name + ": " + e.getDescription());
    }
  }

  private static Pattern wildcards(String name) {
    StringBuilder regex = new StringBuilder();
    for (char c : name.toCharArray()) {
      regex.append(c == '*' ? "(.*?)" : Pattern.quote(String.valueOf(c)));
    }
    return Pattern.compile(regex.toString());
  }

  /// What stands for `source`: itself, or what a rule has put in its place.
  ///
  /// @throws Failure.Forbidden if a rule denies it
  String apply(String source) {
    String name = source;
    for (int step = 0; step < MOST_STEPS; step++) {
      Optional<Rule> denying = Optional.empty();
      String other = name;
      for (Rule rule : rules) {
        Matcher matcher = rule.names().matcher(name);
        if (!rule.selector().equals(name) && !matcher.matches()) {
          continue;
        }
        if (rule.action() == Action.CONVERT) {
          other = filled(rule.instead(), matcher);
          if (!other.equals(name)) {
            break;
          }
        } else {
          denying = rule.action() == Action.DENY ? Optional.of(rule) : Optional.empty();
        }
      }
      if (!other.equals(name)) {
        name = other;
      } else if (denying.isPresent()) {
        throw new Failure.Forbidden(
            "source \"" + name + "\" denied by policy: rule " + denying.get().selector());
      } else {
        return name;
      }
    }
    throw new Failure.InvalidRequest("the source policy turns in circles at " + source);
  }

  private static String filled(String template, Matcher found) {
    if (!found.matches()) {
      return template;
    }
    return GROUP
        .matcher(template)
        .replaceAll(
            group -> {
              int n = Integer.parseInt(group.group(1) == null ? group.group(2) : group.group(1));
              String text = n <= found.groupCount() ? found.group(n) : "";
              return Matcher.quoteReplacement(text == null ? "" : text);
            });
  }

  /// A client that keeps this policy.
  BuildClient over(BuildClient client) {
    return new BuildClient() {
      @Override
      public Optional<byte[]> secret(String id) throws IOException {
        return client.secret(id);
      }

      @Override
      public Optional<Agent> agent(String id) throws IOException {
        return client.agent(id);
      }

      @Override
      public String source(String name) {
        return apply(name);
      }
    };
  }
}
