package dev.gantry.cli;

import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.json.Json;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What the builder knows of one build (`BuildHistoryRecord`).
final class BuildRecord {
  private final Message record;
  private final Map<String, String> attributes;

  BuildRecord(Message record) {
    this.record = record;
    this.attributes = map(record, 3);
  }

  /// Something with a digest beside the record.
  record Attachment(String type, String digest, long size) {}

  private static Optional<Message> message(Message of, int field) {
    try {
      return of.message(field);
    } catch (GrpcException e) {
      throw new Exit(1, e.text());
    }
  }

  private static List<Message> messages(Message of, int field) {
    try {
      return of.messages(field);
    } catch (GrpcException e) {
      throw new Exit(1, e.text());
    }
  }

  private static Map<String, String> map(Message of, int field) {
    try {
      return of.map(field);
    } catch (GrpcException e) {
      throw new Exit(1, e.text());
    }
  }

  static Optional<Instant> time(Message of, int field) {
    return message(of, field).map(t -> Instant.ofEpochSecond(t.number(1), t.number(2)));
  }

  Message message() {
    return record;
  }

  String ref() {
    return record.text(1);
  }

  String attribute(String name) {
    return attributes.getOrDefault(name, "");
  }

  /// Values of attributes with a prefix, which is taken off.
  Map<String, String> below(String prefix) {
    Map<String, String> found = new java.util.TreeMap<>();
    attributes.forEach(
        (name, value) -> {
          if (name.startsWith(prefix)) {
            found.put(name.substring(prefix.length()), value);
          }
        });
    return found;
  }

  /// Names of images that came out.
  List<String> images() {
    List<String> names = new ArrayList<>();
    for (Message exporter : messages(record, 4)) {
      String name = map(exporter, 2).getOrDefault("name", "");
      if (!name.isEmpty()) {
        names.addAll(List.of(name.split(",")));
      }
    }
    return names;
  }

  /// Where the results went: `image`, `local`, ….
  List<String> outputs() {
    return messages(record, 4).stream().map(e -> e.text(1)).toList();
  }

  /// What people know it by: where its context is, and the target.
  String name() {
    String context = attribute("context");
    if (context.isEmpty()) {
      context = attribute("vcs:localdir:context");
    }
    String name = context.replaceFirst("#.*", "").replaceAll("/+$", "").replaceAll(".*/", "");
    if (name.isEmpty() && !images().isEmpty()) {
      name = images().getFirst().replaceFirst("^docker\\.io/(library/)?", "");
    }
    String target = attribute("target");
    String all = target.isEmpty() ? name : name.isEmpty() ? target : name + " (" + target + ")";
    return all.isEmpty() ? "-" : all;
  }

  Instant created() {
    return time(record, 6).orElse(Instant.EPOCH);
  }

  Optional<Instant> completed() {
    return time(record, 7);
  }

  Duration duration() {
    return Duration.between(created(), completed().orElseGet(Instant::now));
  }

  /// Why it failed; empty if it has not.
  String error() {
    return message(record, 5).map(e -> e.text(2)).orElse("");
  }

  boolean failed() {
    return record.has(5);
  }

  boolean pinned() {
    return record.flag(14);
  }

  String status() {
    if (completed().isEmpty()) {
      return "Running";
    }
    return failed() ? error().contains("context canceled") ? "Canceled" : "Error" : "Completed";
  }

  long steps() {
    return record.number(16);
  }

  long stepsDone() {
    return record.number(17);
  }

  long stepsCached() {
    return record.number(15);
  }

  long warnings() {
    return record.number(19);
  }

  Map<String, String> response() {
    return map(record, 9);
  }

  /// All that it said.
  Optional<Attachment> logs() {
    return message(record, 8).map(BuildRecord::attachment);
  }

  /// What is said of the result: provenance, and more from other builders.
  List<Attachment> attestations() {
    List<Attachment> all = new ArrayList<>();
    for (Message result : messages(record, 10)) {
      for (Message attestation : messages(result, 2)) {
        Attachment found = attachment(attestation);
        String type = map(attestation, 5).getOrDefault("in-toto.io/predicate-type", found.type());
        all.add(new Attachment(type, found.digest(), found.size()));
      }
    }
    return all;
  }

  private static Attachment attachment(Message descriptor) {
    return new Attachment(descriptor.text(1), descriptor.text(2), descriptor.number(3));
  }

  /// `1.4s`, `2m 03s`.
  static String shown(Duration time) {
    if (time.toMinutes() >= 1) {
      return String.format(Locale.ROOT, "%dm %02ds", time.toMinutes(), time.toSecondsPart());
    }
    return String.format(Locale.ROOT, "%.1fs", time.toMillis() / 1000.0);
  }

  /// For `--format`.
  Json.JsonObject json() {
    Json.JsonObject all =
        Json.object()
            .put("Ref", ref())
            .put("Name", name())
            .put("Status", status())
            .put(
                "Context",
                attribute("context").isEmpty()
                    ? attribute("vcs:localdir:context")
                    : attribute("context"))
            .put("Dockerfile", attribute("filename"))
            .put("Target", attribute("target"))
            .put("Platforms", attribute("platform"))
            .put("CreatedAt", created().toString())
            .put("CompletedAt", completed().map(Instant::toString).orElse(""))
            .put("Duration", shown(duration()))
            .put("Steps", steps())
            .put("CachedSteps", stepsCached())
            .put("CompletedSteps", stepsDone())
            .put("Warnings", warnings())
            .put("Pinned", pinned())
            .put("Error", error())
            .put("Images", Json.strings(images()))
            .put("Outputs", Json.strings(outputs()))
            .put("BuildArgs", Json.strings(below("build-arg:")))
            .put("Labels", Json.strings(below("label:")))
            .put("Result", Json.strings(response()));
    Json.JsonArray attachments = Json.array();
    attestations()
        .forEach(
            a ->
                attachments.add(
                    Json.object()
                        .put("Digest", a.digest())
                        .put("Type", a.type())
                        .put("Size", a.size())));
    return all.put("Attachments", attachments);
  }
}
