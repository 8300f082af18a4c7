package dev.gantry.conformance;

import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Compares two recordings of one scenario, exchange by exchange: status, headers, framing, body,
/// and the events that the scenario made. Placeholders (`<container:3>`) match by their kind: their
/// numbers say only in which order the values came up. The order of an object's members is free,
/// their presence is not: absent, null and empty differ for Docker's clients. Lists that Docker
/// itself gives in a changing order are sorted first.
final class Comparison {
  private static final int SHOWN = 160;
  private static final int LIKELY_CHUNKED = 1500;

  /// What images hold is theirs: of their files only the container's own are compared.
  private static final Pattern IMAGE_FILES =
      Pattern.compile(
          "(bin|home|lib|lib64|root|sbin|tmp|usr|var)(/.*)?|etc/(?!hosts|hostname|resolv).*");

  /// Numbered placeholders. Ids of named things keep the name: `<container:min>`.
  private static final Pattern NUMBERED = Pattern.compile("<(#?[a-z-]+):[0-9]+(/short)?>");

  /// Headers whose value is the product's name.
  private static final Set<String> NAMED_HEADERS = Set.of("Server");

  /// How long ago something was, in statuses.
  private static final Pattern AGE =
      Pattern.compile("(Up|\\)) (\\d+ seconds?|Less than a second|About a minute)");

  /// Numbers that are the machine's or the moment's: they must only be there, and zero where the
  /// recorded one is zero.
  private static final Pattern MEASURED =
      Pattern.compile(".*(\\.Size|Size(RootFs|Rw)?|IPPrefixLen|execDuration|Processes.*)");

  /// Numbers that may be zero at the moment of asking.
  private static final Pattern COUNTED =
      Pattern.compile(".*(usage_in_(user|kernel)mode|percpu_usage\\[\\d+\\]|eth\\d+\\.[rt]x_\\w+)");

  /// Lists in no stable order, by the end of their path.
  private static final Pattern UNORDERED =
      Pattern.compile(
          ".*(\\.Mounts|\\.Volumes|Deleted|\\.Ports|\\.Aliases|\\.DNSNames|ExecIDs|\\.RepoTags|\\.Images|#changes)");

  private final List<Difference> differences = new ArrayList<>();
  private final Recording recorded;
  private final Recording ours;
  private String record = "";

  private Comparison(Recording recorded, Recording ours) {
    this.recorded = recorded;
    this.ours = ours;
  }

  static List<Difference> compare(Recording recorded, Recording ours) {
    var comparison = new Comparison(recorded, ours);
    comparison.all();
    return comparison.differences;
  }

  /// For a developer: prints the differences of two files.
  public static void main(String[] files) throws IOException {
    for (int i = 0; i + 1 < files.length; i += 2) {
      String name = Path.of(files[i]).getFileName().toString().replaceFirst("\\..*", "");
      Recording one = Recording.read(name, Path.of(files[i]));
      Recording other = Recording.read(name, Path.of(files[i + 1]));
      compare(one, other).forEach(System.out::println);
    }
  }

  private void all() {
    for (Map.Entry<String, Json.JsonObject> entry : recorded.records().entrySet()) {
      record = entry.getKey();
      Json.JsonObject other = ours.records().get(record);
      Json.JsonObject one = entry.getValue();
      if (other == null) {
        add("exchange", "there", "missing");
      } else if (one.has("response")) {
        exchange(
            one.string("name", ""),
            one.object("response").orElseThrow(),
            other.object("response").orElseThrow());
      } else if (one.string("kind", "").equals("sequence")) {
        compare("events", one.get("events"), other.get("events"));
      } else {
        eventsOfEachObject(one.objects("events"), other.objects("events"));
      }
    }
  }

  private void exchange(String name, Json.JsonObject one, Json.JsonObject other) {
    if (one.number("status", 0) != other.number("status", 0)) {
      // the rest then differs too
      add("status", statusAndText(one), statusAndText(other));
      return;
    }
    compare("reason", one.get("reason"), other.get("reason"));
    // a body that fits the first buffer has a length, a longer one comes in chunks
    if (one.number("bytes", 0) < LIKELY_CHUNKED && other.number("bytes", 0) < LIKELY_CHUNKED) {
      compare("framing", one.get("framing"), other.get("framing"));
    }
    headers(one.object("headers").orElseThrow(), other.object("headers").orElseThrow());
    for (String key : List.of("encoding", "eol", "html_escaped", "open", "path_stat")) {
      compare(key, one.get(key), other.get(key));
    }
    String path =
        name.startsWith("list") || name.startsWith("images after")
            ? "body."
            : name.startsWith("changes") ? "body#changes" : "body";
    if (text(one, "encoding").equals("tar") && text(other, "encoding").equals("tar")) {
      compare(path, files(one), files(other));
    } else if (text(one, "encoding").equals("frames")) {
      compare(path, merged(one), merged(other));
    } else {
      compare(path, one.get("body"), other.get("body"));
    }
  }

  /// Frames of one stream in a row as one: where output is cut is chance.
  private static Json merged(Json.JsonObject response) {
    Json.JsonArray all = Json.array();
    long last = 0;
    StringBuilder text = new StringBuilder();
    for (Json.JsonObject frame : response.objects("body")) {
      long stream = frame.number("stream", 0);
      if (stream != last && last != 0) {
        all.add(last + ": " + text);
        text.setLength(0);
      }
      last = stream;
      text.append(frame.string("text", ""));
    }
    return all.add(last + ": " + text);
  }

  /// The entries of an archive by their names, without what the image brought.
  private static Json files(Json.JsonObject response) {
    Json.JsonObject files = Json.object();
    for (Json.JsonObject entry : response.objects("body")) {
      String name = entry.string("name", "");
      if (!IMAGE_FILES.matcher(name).matches()) {
        files.put(name, entry);
      }
    }
    return files;
  }

  private static String statusAndText(Json.JsonObject response) {
    Json body = response.get("body");
    return response.number("status", 0) + " " + (body == null ? "" : shown(body));
  }

  private static String text(Json.JsonObject object, String key) {
    return object.string(key, "");
  }

  private void headers(Json.JsonObject one, Json.JsonObject other) {
    Set<String> names = new LinkedHashSet<>(one.members().keySet());
    names.addAll(other.members().keySet());
    // a long body comes in chunks, and how long ours is depends on names and paths
    names.removeAll(List.of("Transfer-Encoding", "Content-Length"));
    for (String name : names) {
      boolean named = NAMED_HEADERS.contains(name) && one.has(name) && other.has(name);
      if (!named) {
        compare("headers." + name, one.get(name), other.get(name));
      }
    }
  }

  /// What happened to each object in its order: how events of different objects mix is chance.
  private void eventsOfEachObject(List<Json.JsonObject> one, List<Json.JsonObject> other) {
    Map<String, Json.JsonArray> recordedLists = byObject(one);
    Map<String, Json.JsonArray> ourLists = byObject(other);
    Set<String> objects = new LinkedHashSet<>(recordedLists.keySet());
    objects.addAll(ourLists.keySet());
    for (String object : objects) {
      compare("events." + object, recordedLists.get(object), ourLists.get(object));
    }
  }

  private static Map<String, Json.JsonArray> byObject(List<Json.JsonObject> events) {
    Map<String, Json.JsonArray> lists = new TreeMap<>();
    for (Json.JsonObject event : events) {
      Json.JsonObject actor = event.object("Actor").orElseGet(Json::object);
      String name = actor.object("Attributes").orElseGet(Json::object).string("name", "");
      String type = event.string("Type", "");
      if (type.equals("container") && !name.isEmpty() && !name.startsWith("<")) {
        String action = event.string("Action", "").replaceAll("^(exec_\\w+): .*", "$1");
        lists.computeIfAbsent(type + " " + name, k -> Json.array()).add(action);
      }
    }
    return lists;
  }

  private void compare(String path, @Nullable Json one, @Nullable Json other) {
    if (one == null || other == null) {
      if (one != other) {
        add(path, one == null ? "(absent)" : shown(one), other == null ? "(absent)" : shown(other));
      }
    } else if (one instanceof Json.JsonObject a && other instanceof Json.JsonObject b) {
      objects(path, a, b);
    } else if (one instanceof Json.JsonArray a && other instanceof Json.JsonArray b) {
      arrays(path, a.items(), b.items());
    } else if (!plain(one).equals(plain(other)) && !isMeasured(path, one, other)) {
      add(path, shown(one), shown(other));
    }
  }

  private static boolean isMeasured(String path, Json one, Json other) {
    if (COUNTED.matcher(path).matches()) {
      return true;
    }
    return MEASURED.matcher(path).matches()
        && one.kind().equals(other.kind())
        && one.text().equals("0") == other.text().equals("0");
  }

  private void objects(String path, Json.JsonObject one, Json.JsonObject other) {
    Map<String, Json> a = plainKeys(one);
    Map<String, Json> b = plainKeys(other);
    Set<String> keys = new LinkedHashSet<>(a.keySet());
    keys.addAll(b.keySet());
    for (String key : keys) {
      compare(path + "." + key, a.get(key), b.get(key));
    }
  }

  private static Map<String, Json> plainKeys(Json.JsonObject object) {
    Map<String, Json> members = new TreeMap<>();
    object.members().forEach((key, value) -> members.put(plain(key), value));
    return members;
  }

  private void arrays(String path, List<Json> one, List<Json> other) {
    if (one.size() != other.size()) {
      add(path, shown(one), shown(other));
      return;
    }
    boolean free = UNORDERED.matcher(path).matches() || path.equals("body.");
    List<Json> a = free ? sorted(one) : one;
    List<Json> b = free ? sorted(other) : other;
    for (int i = 0; i < a.size(); i++) {
      compare(path + "[" + i + "]", a.get(i), b.get(i));
    }
  }

  private static List<Json> sorted(List<Json> items) {
    return items.stream().sorted(Comparator.comparing(Comparison::plain)).toList();
  }

  private static String plain(Json value) {
    return plain(value.text());
  }

  private static String plain(String text) {
    Matcher m =
        NUMBERED.matcher(
            text.replace("\\u003c", "<").replace("\\u003e", ">").replace("\\u0026", "&"));
    return AGE.matcher(m.replaceAll("<$1$2>")).replaceAll("$1 <age>");
  }

  private void add(String path, String one, String other) {
    differences.add(new Difference(recorded.scenario(), record, path, one, other));
  }

  private static String shown(List<Json> items) {
    return items.size()
        + " items: "
        + shown(String.join(",", items.stream().map(Json::text).toList()));
  }

  private static String shown(Json value) {
    return shown(value.text());
  }

  private static String shown(String text) {
    String line = plain(text).strip().replaceAll("\\s+", " ");
    return line.length() <= SHOWN ? line : line.substring(0, SHOWN) + "…";
  }
}
