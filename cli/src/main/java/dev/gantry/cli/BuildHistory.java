package dev.gantry.cli;

import dev.gantry.cli.template.Scope;
import dev.gantry.cli.template.Template;
import dev.gantry.cli.template.TemplateException;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.json.JsonWriter;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;

/// `builder history`: the builds of an engine, those under way and the last that ended, whoever
/// asked for them. A build is named by its reference, by the beginning of it, or by `^N` for the
/// Nth before the last; nothing stands for the last.
final class BuildHistory {
  private static final int MOST_ROWS = 50;

  private BuildHistory() {}

  static Command command(String verb) {
    return switch (verb) {
      case "ls" ->
          Command.of(
              "[OPTIONS]",
              0,
              0,
              BuildHistory::list,
              Flag.bool("all", 'a', "Not only the last 50"),
              Flag.list("filter", ' ', "Only builds that meet it: status=error, duration>30s, …"),
              Flag.format(' '),
              Flag.bool("no-trunc", ' ', "Whole names"),
              Flag.bool("quiet", 'q', "References alone"));
      case "inspect" ->
          Command.of(
              "[OPTIONS] [REF]",
              0,
              1,
              BuildHistory::inspect,
              Flag.text("format", ' ', "pretty, json, or a Go template").standard("pretty"),
              Flag.text("attachment", ' ', "Print what has this digest or type: provenance, logs"));
      case "logs" ->
          Command.of(
              "[OPTIONS] [REF]",
              0,
              1,
              BuildHistory::logs,
              Flag.text("progress", ' ', "How to show it: plain, rawjson").standard("plain"));
      case "rm" ->
          Command.of(
              "[OPTIONS] [REF...]",
              0,
              -1,
              BuildHistory::remove,
              Flag.bool("all", 'a', "All builds that have ended"));
      case "export" ->
          Command.of(
              "[OPTIONS] [REF...]",
              0,
              -1,
              BuildHistory::export,
              Flag.bool("all", 'a', "All builds that have ended"),
              Flag.text("output", 'o', "The file to write, standard output if not said"));
      case "pin" -> Command.of("[REF...]", 0, -1, (s, w) -> pin(s, w, true));
      case "unpin" -> Command.of("[REF...]", 0, -1, (s, w) -> pin(s, w, false));
      default -> throw new IllegalStateException(verb);
    };
  }

  // ---- which

  private static List<BuildRecord> records(BuilderCalls builder, List<String> filters, long limit) {
    List<BuildRecord> all = new ArrayList<>();
    builder.records("", filters, limit, record -> all.add(new BuildRecord(record)));
    all.sort((a, b) -> b.created().compareTo(a.created()));
    return all;
  }

  /// The build that `word` means; the last for an empty one.
  private static BuildRecord find(BuilderCalls builder, String word) {
    List<BuildRecord> all = records(builder, List.of(), 0);
    String name = word.substring(word.lastIndexOf('/') + 1); // BUILDER/NODE/REF
    if (name.isEmpty() || name.matches("\\^[0-9]{0,6}")) {
      int back = name.isEmpty() ? 0 : name.length() == 1 ? 1 : Integer.parseInt(name.substring(1));
      if (back >= all.size()) {
        throw new Exit(1, all.isEmpty() ? "no builds" : "no build " + name + ": there are fewer");
      }
      return all.get(back);
    }
    List<BuildRecord> found = all.stream().filter(r -> r.ref().startsWith(name)).toList();
    Optional<BuildRecord> exact = found.stream().filter(r -> r.ref().equals(name)).findFirst();
    if (exact.isPresent() || found.size() == 1) {
      return exact.orElseGet(found::getFirst);
    }
    throw new Exit(1, found.isEmpty() ? "no build " + word : "several builds begin with " + word);
  }

  private static List<BuildRecord> chosen(BuilderCalls builder, Words words) {
    if (words.on("all")) {
      return records(builder, List.of(), 0).stream()
          .filter(r -> r.completed().isPresent())
          .toList();
    }
    return words.arguments().isEmpty()
        ? List.of(find(builder, ""))
        : words.arguments().stream().map(word -> find(builder, word)).toList();
  }

  // ---- ls

  private static int list(Session session, Words words) {
    Rows rows =
        new Rows("history.Record")
            .column("BUILD ID", "ID")
            .column("NAME", "Name")
            .column("STATUS", "Status")
            .column("CREATED AT", "Created")
            .column("DURATION", "Duration")
            .heading("STEPS", "Steps")
            .heading("ERROR", "Error");
    try (BuilderCalls builder = new BuilderCalls(session.engine())) {
      List<String> filters =
          words.list("filter").isEmpty()
              ? List.of()
              : List.of(
                  String.join(
                      ",", words.list("filter").stream().map(BuildHistory::filter).toList()));
      for (BuildRecord record : records(builder, filters, words.on("all") ? 0 : MOST_ROWS)) {
        String name = record.name();
        boolean cut = !words.on("no-trunc") && name.length() > 36;
        rows.add(
            record
                .json()
                .put("ID", record.ref())
                .put("Name", cut ? name.substring(0, 35) + "…" : name)
                .put("Steps", record.stepsDone() + "/" + record.steps())
                .put("Created", Times.ago(record.created().getEpochSecond())));
      }
    }
    if (words.on("quiet")) {
      rows.printField(session, "ID");
    } else {
      rows.print(session, words.text("format", ""));
    }
    return 0;
  }

  /// Builders know `==` where people write `=`.
  private static String filter(String text) {
    if (!text.matches("[A-Za-z]+ *(=|==|!=|~=|<|<=|>|>=).*")) {
      throw new Exit(1, "invalid filter " + text + ": status=error, ref=…, duration>30s, …");
    }
    return text.matches("[A-Za-z]+ *=[^=].*") ? text.replaceFirst("=", "==") : text;
  }

  // ---- inspect

  private static int inspect(Session session, Words words) throws IOException {
    try (BuilderCalls builder = new BuilderCalls(session.engine())) {
      BuildRecord record = find(builder, words.arguments().isEmpty() ? "" : words.argument(0));
      Optional<String> attachment = words.text("attachment");
      if (attachment.isPresent()) {
        session.rawOut().write(attachment(builder, record, attachment.get()));
        session.rawOut().flush();
        return 0;
      }
      String format = words.text("format", "pretty");
      switch (format) {
        case "pretty" -> session.out().print(pretty(builder, record));
        case "json" -> session.out().println(JsonWriter.indented(record.json(), "    ", true));
        default -> session.out().println(templated(record.json(), format));
      }
    }
    return 0;
  }

  private static byte[] attachment(BuilderCalls builder, BuildRecord record, String wanted) {
    List<BuildRecord.Attachment> all = new ArrayList<>(record.attestations());
    if (wanted.equals("logs") || record.logs().map(l -> l.digest().equals(wanted)).orElse(false)) {
      record.logs().ifPresent(all::addFirst);
      if (wanted.equals("logs") && record.logs().isPresent()) {
        return builder.content(record.logs().get().digest());
      }
    }
    for (BuildRecord.Attachment one : all) {
      boolean named =
          one.digest().equals(wanted)
              || one.type().equals(wanted)
              || wanted.equals("provenance") && one.type().contains("provenance")
              || wanted.equals("sbom") && one.type().contains("spdx");
      if (named) {
        return builder.content(one.digest());
      }
    }
    throw new Exit(1, "the build " + record.ref() + " has no attachment " + wanted);
  }

  private static String templated(Json.JsonObject record, String format) {
    try {
      return Template.parse("", Rows.escapes(format))
          .apply(
              record,
              new Scope() {
                @Override
                public Optional<Json> missing(String holder, String name) {
                  return Optional.empty();
                }

                @Override
                public String refusal(String name) {
                  return "map has no entry for key \"" + name + "\"";
                }
              });
    } catch (TemplateException e) {
      throw new Exit(1, "template parsing error: " + e.text());
    }
  }

  private static String pretty(BuilderCalls builder, BuildRecord record) {
    Map<String, String> lines = new LinkedHashMap<>();
    Json.JsonObject all = record.json();
    lines.put("Build", record.ref());
    lines.put("Name", record.name());
    for (String field : List.of("Context", "Dockerfile", "Target", "Platforms")) {
      lines.put(field, all.string(field, ""));
    }
    lines.put("Images", String.join(", ", record.images()));
    lines.put("Outputs", String.join(", ", record.outputs()));
    lines.put("Result", record.response().getOrDefault("containerimage.digest", ""));
    lines.put("Status", record.status() + (record.pinned() ? ", pinned" : ""));
    lines.put("Started", Times.dated(record.created().toString()));
    lines.put("Duration", BuildRecord.shown(record.duration()));
    long cached = record.steps() == 0 ? 0 : 100 * record.stepsCached() / record.steps();
    lines.put(
        "Build Steps", record.stepsDone() + "/" + record.steps() + " (" + cached + "% cached)");
    lines.put("Warnings", record.warnings() == 0 ? "" : Long.toString(record.warnings()));
    lines.put("Error", record.error());
    StringBuilder text = new StringBuilder();
    lines.forEach(
        (name, value) -> {
          if (!value.isEmpty()) {
            text.append(name).append(':').append(" ".repeat(14 - name.length())).append(value);
            text.append('\n');
          }
        });
    table(text, List.of("BUILD ARG", "VALUE"), pairs(record.below("build-arg:")));
    table(text, List.of("LABEL", "VALUE"), pairs(record.below("label:")));
    table(text, List.of("MATERIAL", "DIGEST"), materials(builder, record));
    table(
        text,
        List.of("ATTACHMENT", "TYPE", "SIZE"),
        record.attestations().stream()
            .map(a -> List.of(a.digest(), a.type(), Humans.size(a.size())))
            .toList());
    return text.toString();
  }

  private static void table(StringBuilder text, List<String> headings, List<List<String>> rows) {
    if (!rows.isEmpty()) {
      Table table = new Table(headings);
      rows.forEach(table::row);
      text.append('\n').append(table.text());
    }
  }

  private static List<List<String>> pairs(Map<String, String> values) {
    return values.entrySet().stream().map(e -> List.of(e.getKey(), e.getValue())).toList();
  }

  /// What the provenance says it was made of.
  private static List<List<String>> materials(BuilderCalls builder, BuildRecord record) {
    Optional<BuildRecord.Attachment> provenance =
        record.attestations().stream().filter(a -> a.type().contains("provenance")).findFirst();
    if (provenance.isEmpty()) {
      return List.of();
    }
    try {
      String text = new String(builder.content(provenance.get().digest()), StandardCharsets.UTF_8);
      Json.JsonObject said = Json.parseObject(text);
      List<List<String>> rows = new ArrayList<>();
      for (Json.JsonObject material : said.object("predicate").orElse(said).objects("materials")) {
        Map<String, String> digests = material.stringMap("digest");
        String digest =
            digests.entrySet().stream()
                .map(e -> e.getKey() + ":" + e.getValue())
                .findFirst()
                .orElse("");
        rows.add(List.of(material.string("uri", ""), digest));
      }
      return rows;
    } catch (JsonException e) {
      return List.of();
    }
  }

  // ---- logs

  private static int logs(Session session, Words words) {
    String kind = words.text("progress", "plain");
    if (!List.of("plain", "rawjson", "auto", "tty").contains(kind)) {
      throw new Exit(1, "invalid progress " + kind + ": it is plain or rawjson");
    }
    try (BuilderCalls builder = new BuilderCalls(session.engine())) {
      BuildRecord record = find(builder, words.arguments().isEmpty() ? "" : words.argument(0));
      StatusText text = new StatusText(session.out());
      builder.status(
          record.ref(),
          status -> {
            if (kind.equals("rawjson")) {
              session.out().println(StatusJson.of(status).text());
            } else {
              text.show(status);
            }
            session.out().flush();
          });
      if (record.failed()) {
        session.err().println("ERROR: " + record.error());
      }
    }
    return 0;
  }

  // ---- the rest

  private static int remove(Session session, Words words) {
    if (words.arguments().isEmpty() && !words.on("all")) {
      throw new Exit(1, "name the builds to forget, or say --all");
    }
    try (BuilderCalls builder = new BuilderCalls(session.engine())) {
      for (BuildRecord record : chosen(builder, words)) {
        builder.forget(record.ref());
      }
    }
    return 0;
  }

  private static int pin(Session session, Words words, boolean pinned) {
    try (BuilderCalls builder = new BuilderCalls(session.engine())) {
      for (BuildRecord record : chosen(builder, words)) {
        builder.pin(record.ref(), pinned);
      }
    }
    return 0;
  }

  /// An archive (tar with gzip) that is an OCI layout: for each build a manifest whose
  /// configuration is the record (`application/vnd.buildkit.historyrecord.v0`, protobuf) and whose
  /// layers are what the record names: logs and attestations.
  private static int export(Session session, Words words) throws IOException {
    Optional<String> file = words.text("output").filter(o -> !o.equals("-"));
    if (file.isEmpty() && Streams.outputIsTerminal()) {
      throw new Exit(1, "cowardly refusing to write an archive to a terminal: use --output");
    }
    try (BuilderCalls builder = new BuilderCalls(session.engine());
        OutputStream raw =
            file.isPresent()
                ? new BufferedOutputStream(Files.newOutputStream(Path.of(file.get())))
                : session.rawOut();
        GZIPOutputStream packed = new GZIPOutputStream(raw);
        HistoryArchive archive = new HistoryArchive(packed)) {
      for (BuildRecord record : chosen(builder, words)) {
        List<HistoryArchive.Part> parts = new ArrayList<>();
        List<BuildRecord.Attachment> attached = new ArrayList<>(record.attestations());
        record.logs().ifPresent(attached::add);
        for (BuildRecord.Attachment one : attached) {
          String type = one.type().startsWith("http") ? "application/vnd.in-toto+json" : one.type();
          parts.add(new HistoryArchive.Part(type, builder.content(one.digest())));
        }
        archive.add(record.message().encode(), parts);
      }
    }
    return 0;
  }
}
