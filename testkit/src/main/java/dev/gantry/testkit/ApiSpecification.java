package dev.gantry.testkit;

import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/// The Engine API's specification (Swagger 2.0, YAML): says in which points an answer differs from
/// it. It is Docker's text and lies beside the tree, not in it. A text that begins with `<#` counts
/// as a number: recordings have such placeholders. Thread-safe.
public final class ApiSpecification {
  private static final Pattern VERSION = Pattern.compile("^/v1(?:\\.([0-9]+))?(?:\\.[0-9]+)?(?=/)");
  private static final Pattern TIME =
      Pattern.compile(
          "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?"
              + "(Z|[+-][0-9]{2}:[0-9]{2})");

  /// Paths of endpoints beside Docker's documented ones.
  private static final List<String> OTHERS =
      List.of(
          "/gantry/",
          "/grpc",
          "/debug/",
          "/metrics",
          "/build/cancel",
          "/build/context",
          "/build/archive",
          "/build/files",
          "/build/cache");

  private record Template(Pattern pattern, String path, Map<?, ?> methods) {}

  private final Map<?, ?> root;
  private final List<Template> templates = new ArrayList<>();
  private final Map<String, Optional<Template>> found = new ConcurrentHashMap<>();
  private final List<Exempt> exceptions;

  /// A fault that is none up to some version of the API.
  ///
  /// @param newest minor version
  private record Exempt(int newest, String text, Pattern fault, String reason) {}

  private ApiSpecification(Map<?, ?> root) {
    this.root = root;
    this.exceptions = exceptions();
    map(root.get("paths"))
        .forEach(
            (path, methods) -> {
              String regex = path.toString().replaceAll("\\{[^}]+}", "(.+)");
              templates.add(new Template(Pattern.compile(regex), path.toString(), map(methods)));
            });
    // the one with the fewest free parts first: /images/json before /images/{name}
    templates.sort(
        (a, b) ->
            Integer.compare(a.path().split("\\{").length, b.path().split("\\{").length) * 100
                + Integer.compare(b.path().length(), a.path().length()));
  }

  public static ApiSpecification read(Path file) throws IOException {
    LoadSettings settings = LoadSettings.builder().setCodePointLimit(8 << 20).build();
    try (InputStream in = Files.newInputStream(file)) {
      return new ApiSpecification(map(new Load(settings).loadFromInputStream(in)));
    }
  }

  /// The lines of `specification-exceptions.tsv`: newest version, fault, reason.
  private static List<Exempt> exceptions() {
    try (InputStream in =
        ApiSpecification.class.getResourceAsStream("specification-exceptions.tsv")) {
      if (in == null) {
        throw new IllegalStateException("no specification-exceptions.tsv");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .map(line -> line.split("\t", -1))
          .map(
              c ->
                  new Exempt(
                      c[0].equals("*") ? 99 : Integer.parseInt(c[0]), c[1], like(c[1]), c[2]))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Pattern like(String text) {
    return Pattern.compile(
        Stream.of(text.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*")));
  }

  private static Map<?, ?> map(@Nullable Object value) {
    return value instanceof Map<?, ?> m ? m : Map.of();
  }

  /// What the specification calls its operations: method and path, such as `GET /containers/json`.
  public Set<String> operations() {
    Set<String> all = new TreeSet<>();
    for (Template t : templates) {
      t.methods()
          .keySet()
          .forEach(m -> all.add(m.toString().toUpperCase(Locale.ROOT) + " " + t.path()));
    }
    return all;
  }

  /// The operation that a request asks for, as [#operations] call it.
  public Optional<String> operation(String method, String target) {
    return template(method, plain(target)).map(t -> method + " " + t.path());
  }

  private static String plain(String target) {
    return VERSION.matcher(target.split("\\?", 2)[0]).replaceFirst("");
  }

  private Optional<Template> template(String method, String plain) {
    String verb = method.toLowerCase(Locale.ROOT);
    return found.computeIfAbsent(
        verb + plain,
        p ->
            templates.stream()
                .filter(t -> t.methods().containsKey(verb) && t.pattern().matcher(plain).matches())
                .findFirst());
  }

  /// Faults as texts; those at different places of a list read alike.
  ///
  /// @param target path and query
  /// @param body null where there was none, or none that is JSON
  public List<String> faults(String method, String target, int status, @Nullable Json body) {
    List<String> faults = everyFault(method, target, status, body);
    Matcher version = VERSION.matcher(target);
    int minor =
        version.find() && version.group(1) != null ? Integer.parseInt(version.group(1)) : 99;
    faults.removeIf(
        fault ->
            exceptions.stream()
                .anyMatch(e -> minor <= e.newest() && e.fault().matcher(fault).matches()));
    return faults;
  }

  /// The same with those that are no faults of ours.
  public List<String> everyFault(String method, String target, int status, @Nullable Json body) {
    List<String> faults = new ArrayList<>();
    check(method, plain(target), status, body, faults);
    return faults;
  }

  private void check(
      String method, String plain, int status, @Nullable Json body, List<String> faults) {
    if (status >= 400 && body != null) {
      String text = body instanceof Json.JsonObject o ? o.string("message", "") : "";
      if (text.isEmpty()) {
        faults.add(method + " " + plain + " " + status + " has no message");
      }
      return;
    }
    if (status >= 300) {
      return; // 400 and 404 are everywhere, as Docker has them
    }
    Optional<Template> template = template(method, plain);
    if (template.isEmpty()) {
      if (OTHERS.stream().noneMatch(plain::startsWith) && !method.equals("OPTIONS")) {
        faults.add(method + " " + plain + " " + status + " is no operation");
      }
      return;
    }
    Map<?, ?> operation = map(template.get().methods().get(method.toLowerCase(Locale.ROOT)));
    String place = method + " " + template.get().path() + " " + status;
    Object response = map(operation.get("responses")).get(Integer.toString(status));
    if (response == null) {
      response = map(operation.get("responses")).get(status);
    }
    if (response == null) {
      faults.add(place + " is no status of it");
      return;
    }
    if (body != null) {
      check(resolved(map(response)).get("schema"), body, place + " ", faults);
    }
  }

  /// The faults that are said to be those of a recorded dockerd.
  public List<String> recordedFaults() {
    return exceptions.stream()
        .filter(e -> e.reason().startsWith("recorded"))
        .map(Exempt::text)
        .toList();
  }

  private Map<?, ?> resolved(Map<?, ?> schema) {
    Map<?, ?> at = schema;
    while (at.get("$ref") instanceof String ref) {
      Map<?, ?> next = root;
      for (String part : ref.substring(2).split("/")) {
        next = map(next.get(part));
      }
      at = next;
    }
    return at;
  }

  private void check(@Nullable Object wanted, Json value, String path, List<String> faults) {
    Map<?, ?> schema = resolved(map(wanted));
    if (schema.isEmpty()) {
      return;
    }
    boolean nullable =
        Boolean.TRUE.equals(schema.get("x-nullable"))
            || Boolean.TRUE.equals(map(wanted).get("x-nullable"));
    if (value instanceof Json.JsonNull) {
      if (!nullable) {
        faults.add(path + "is null");
      }
      return;
    }
    if (schema.get("allOf") instanceof List<?> parts
        && parts.size() == 1
        && !schema.containsKey("properties")) {
      check(parts.getFirst(), value, path, faults);
      return;
    }
    if (schema.containsKey("allOf") || schema.containsKey("properties")) {
      object(schema, value, path, faults);
      return;
    }
    switch (String.valueOf(schema.get("type"))) {
      case "object" -> object(schema, value, path, faults);
      case "array" -> {
        if (value instanceof Json.JsonArray array) {
          array.items().forEach(item -> check(schema.get("items"), item, path + "[] ", faults));
        } else {
          faults.add(path + "is no array");
        }
      }
      case "string" -> {
        if (!(value instanceof Json.JsonString text)) {
          faults.add(path + "is no string");
        } else if (schema.get("enum") instanceof List<?> words && !words.contains(text.value())) {
          faults.add(path + "has none of the values");
        } else if ("date-time".equals(schema.get("format"))
            && !TIME.matcher(text.value()).matches()) {
          faults.add(path + "is no time");
        } else if (schema.get("pattern") instanceof String regex
            && !Pattern.compile(regex).matcher(text.value()).find()) {
          faults.add(path + "has another form");
        }
      }
      case "integer" -> {
        if (!isNumber(value)
            || value instanceof Json.JsonNumber n && n.literal().matches(".*[.eE].*")) {
          faults.add(path + "is no integer");
        }
      }
      case "number" -> {
        if (!isNumber(value)) {
          faults.add(path + "is no number");
        }
      }
      case "boolean" -> {
        if (!(value instanceof Json.JsonBoolean)) {
          faults.add(path + "is no boolean");
        }
      }
      default -> {}
    }
  }

  private static boolean isNumber(Json value) {
    return value instanceof Json.JsonNumber
        || (value instanceof Json.JsonString s && s.value().startsWith("<#"));
  }

  private void object(Map<?, ?> schema, Json value, String path, List<String> faults) {
    if (!(value instanceof Json.JsonObject object)) {
      faults.add(path + "is no object");
      return;
    }
    Map<String, Object> properties = new HashMap<>();
    List<Object> required = new ArrayList<>();
    Object rest = gather(schema, properties, required);
    for (Object name : required) {
      if (!object.has(name.toString())) {
        faults.add(path + "lacks " + name);
      }
    }
    object
        .members()
        .forEach(
            (name, member) -> {
              if (properties.containsKey(name)) {
                check(properties.get(name), member, path + "." + name + " ", faults);
              } else if (rest instanceof Map<?, ?>) {
                check(rest, member, path + ".* ", faults);
              } else if (!properties.isEmpty() && rest == null) {
                faults.add(path + "has the further field " + name);
              }
            });
  }

  /// The properties of a schema and of those it is made of.
  ///
  /// @return what further properties must be: a schema, true, or null
  private @Nullable Object gather(
      Map<?, ?> schema, Map<String, Object> properties, List<Object> required) {
    Object rest = schema.get("additionalProperties");
    if (schema.get("allOf") instanceof List<?> parts) {
      for (Object part : parts) {
        Object further = gather(resolved(map(part)), properties, required);
        rest = rest == null ? further : rest;
      }
    }
    map(schema.get("properties")).forEach((name, type) -> properties.put(name.toString(), type));
    if (schema.get("required") instanceof List<?> names) {
      required.addAll(names);
    }
    return rest;
  }
}
