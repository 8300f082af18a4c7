package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.build.CachePolicy;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `builder` of daemon.json: how much of the disk builds may keep, with dockerd's words.
///
///     {"gc": {"enabled": true, "defaultReservedSpace": "10%", "defaultMaxUsedSpace": "60%",
///             "defaultMinFreeSpace": "20%", "policy": [{"maxUsedSpace": "20GB", "all": true}]}}
final class BuilderFlags {
  private static final Pattern PERCENT = Pattern.compile("(\\d{1,2})%");
  private static final Pattern DURATION = Pattern.compile("(\\d{1,9})(ns|us|ms|s|m|h)");
  private static final Set<String> GC =
      Set.of(
          "enabled",
          "policy",
          "defaultKeepStorage",
          "defaultReservedSpace",
          "defaultMaxUsedSpace",
          "defaultMinFreeSpace");
  private static final Set<String> RULE =
      Set.of(
          "all",
          "filter",
          "keepDuration",
          "keepStorage",
          "reservedSpace",
          "maxUsedSpace",
          "minFreeSpace");

  // dockerd's other settings of builds, and why nothing can be set here
  private static final Map<String, String> REASONS =
      Map.of(
          "history", "what is kept of builds has no limits of its own",
          "entitlements", "a build has the rights that its own request asks for");

  private BuilderFlags() {}

  static CachePolicy read(Flags flags, Path dataRoot) {
    String text = flags.text("builder", "{}");
    try {
      Json.JsonObject builder = Json.parseObject(text);
      only(builder, "builder", Set.of("gc"));
      Json.JsonObject gc = builder.object("gc").orElseGet(Json::object);
      only(gc, "builder.gc", GC);
      return gc.bool("enabled", true) ? policy(gc, disk(dataRoot)) : CachePolicy.NONE;
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("the settings of builder cannot be read: " + text, null, e);
    }
  }

  private static void only(Json.JsonObject object, String name, Set<String> known) {
    for (String key : object.members().keySet()) {
      if (!known.contains(key)) {
        String reason = REASONS.get(key);
        throw new Failure.InvalidRequest(
            reason == null
                ? "unknown setting " + name + "." + key
                : "this engine does not honour " + name + "." + key + ": " + reason);
      }
    }
  }

  /// Without rules of the operator: what is used least goes when builds keep more than 60% of the
  /// disk, or when less than 20% of it is free; a tenth of it stays in any case.
  private static CachePolicy policy(Json.JsonObject gc, long disk) {
    long reserved =
        size(gc, "defaultReservedSpace", disk, size(gc, "defaultKeepStorage", disk, disk / 10));
    long most = size(gc, "defaultMaxUsedSpace", disk, disk / 10 * 6);
    long free = size(gc, "defaultMinFreeSpace", disk, disk / 5);
    List<CachePolicy.Rule> rules = new ArrayList<>();
    for (Json.JsonObject rule : gc.objects("policy")) {
      only(rule, "builder.gc.policy", RULE);
      rules.add(
          new CachePolicy.Rule(
              rule.bool("all", false),
              rule.strings("filter"),
              duration(rule.string("keepDuration", "")),
              size(rule, "reservedSpace", disk, size(rule, "keepStorage", disk, 0)),
              size(rule, "maxUsedSpace", disk, 0),
              size(rule, "minFreeSpace", disk, 0)));
    }
    if (rules.isEmpty()) {
      rules.add(new CachePolicy.Rule(true, List.of(), Duration.ZERO, reserved, most, free));
    }
    return new CachePolicy(rules);
  }

  private static long size(Json.JsonObject from, String key, long disk, long absent) {
    if (!from.has(key)) {
      return absent;
    }
    Json value = from.get(key);
    String text = value instanceof Json.JsonString s ? s.value() : String.valueOf(value);
    Matcher percent = PERCENT.matcher(text);
    return percent.matches()
        ? disk / 100 * Long.parseLong(percent.group(1))
        : ServerFlags.bytes("builder.gc." + key, text);
  }

  private static Duration duration(String text) {
    if (text.isEmpty()) {
      return Duration.ZERO;
    }
    Matcher m = DURATION.matcher(text);
    if (!m.matches()) {
      throw Flags.invalid("builder.gc.policy.keepDuration", text);
    }
    long number = Long.parseLong(m.group(1));
    return switch (m.group(2)) {
      case "ns" -> Duration.ofNanos(number);
      case "us" -> Duration.ofNanos(number * 1000);
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      default -> Duration.ofHours(number);
    };
  }

  /// Bytes of the disk that the data lies on.
  private static long disk(Path dataRoot) {
    Path there = dataRoot;
    while (!Files.exists(there)) {
      there = there.resolveSibling("..").normalize();
    }
    try {
      return Files.getFileStore(there).getTotalSpace();
    } catch (IOException e) {
      throw new Failure.Internal("cannot see how large the disk of " + dataRoot + " is", e);
    }
  }
}
