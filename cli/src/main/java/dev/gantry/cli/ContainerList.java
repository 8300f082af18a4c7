package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// `ps`.
final class ContainerList {
  private static final String TYPE = "*formatter.ContainerContext";

  private ContainerList() {}

  static Command command() {
    return Command.of(
        "[OPTIONS]",
        0,
        0,
        ContainerList::run,
        Flag.bool("all", 'a', "Also those that do not run"),
        Flag.filter('f'),
        Flag.format(' '),
        Flag.integer("last", 'n', "Only this many, the newest, in any state").standard("-1"),
        Flag.bool("latest", 'l', "Only the newest, in any state"),
        Flag.bool("no-trunc", ' ', "Show everything in full length"),
        Flag.bool("quiet", 'q', "Only the ids"),
        Flag.bool("size", 's', "Sum up what each takes on the disk"));
  }

  private static int run(Session session, Words words) {
    boolean quiet = words.on("quiet");
    String format = words.text("format", "");
    if (format.isEmpty() && !quiet) {
      format = session.config().text("psFormat");
    }
    String last =
        words.on("latest") ? "1" : words.number("last", -1) > 0 ? words.text("last", "") : "";
    Query query =
        Query.of("/containers/json")
            .with("all", words.on("all") || !last.isEmpty())
            .withText("limit", last)
            .with("size", words.on("size") || showsSize(format))
            .withText("filters", Filters.of(words));
    Rows rows = new Rows(TYPE);
    rows.column("CONTAINER ID", "ID")
        .column("IMAGE", "Image")
        .column("COMMAND", "Command")
        .column("CREATED", "RunningFor")
        .column("STATUS", "Status")
        .column("PORTS", "Ports")
        .column("NAMES", "Names");
    if (words.on("size")) {
      rows.column("SIZE", "Size");
    }
    rows.heading("CREATED AT", "CreatedAt")
        .heading("STATE", "State")
        .heading("SIZE", "Size")
        .heading("LABELS", "Labels")
        .heading("MOUNTS", "Mounts")
        .heading("LOCAL VOLUMES", "LocalVolumes")
        .heading("NETWORKS", "Networks")
        .heading("PLATFORM", "Platform");
    for (Json.JsonObject c : Session.objects(session.engine().get(query))) {
      rows.add(row(c, words.on("no-trunc")), c.stringMap("Labels"));
    }
    if (quiet && (format.isEmpty() || format.equals("table"))) {
      rows.printField(session, "ID");
    } else {
      rows.print(session, format);
    }
    return 0;
  }

  private static boolean showsSize(String format) {
    return format.contains("{{")
        && (format.contains(".Size") || format.replace(" ", "").contains("json.}}"));
  }

  static Json.JsonObject row(Json.JsonObject container, boolean whole) {
    String id = container.string("Id", "");
    String command = container.string("Command", "");
    long created = container.number("Created", 0);
    String names =
        container.strings("Names").stream()
            .map(n -> n.startsWith("/") ? n.substring(1) : n)
            .filter(n -> whole || n.indexOf('/') < 0)
            .collect(Collectors.joining(","));
    String size = Humans.size(container.number("SizeRw", 0));
    long root = container.number("SizeRootFs", 0);
    return Json.object()
        .put("ID", whole || id.length() < 12 ? id : id.substring(0, 12))
        .put("Names", names)
        .put("Image", whole ? container.string("Image", "") : image(container))
        .put("Command", "\"" + (whole ? command : Containers.cut(command, 20)) + "\"")
        .put("CreatedAt", Times.zoned(created))
        .put("RunningFor", Times.ago(created))
        .put("State", container.string("State", ""))
        .put("Status", container.string("Status", ""))
        .put("Ports", ports(container))
        .put("Size", root > 0 ? size + " (virtual " + Humans.size(root) + ")" : size)
        .put("Labels", pairs(container.stringMap("Labels")))
        .put(
            "Mounts",
            container.objects("Mounts").stream()
                .map(m -> m.string("Name").filter(n -> !n.isEmpty()).orElse(m.string("Source", "")))
                .map(m -> whole ? m : Containers.cut(m, 15))
                .collect(Collectors.joining(",")))
        .put(
            "LocalVolumes",
            Long.toString(
                container.objects("Mounts").stream()
                    .filter(m -> m.string("Driver", "").equals("local"))
                    .count()))
        .put(
            "Networks",
            container
                .object("NetworkSettings")
                .flatMap(n -> n.object("Networks"))
                .map(n -> n.members().keySet().stream().sorted().collect(Collectors.joining(",")))
                .orElse(""))
        .put("Platform", Json.NULL);
  }

  static String pairs(Map<String, String> map) {
    return map.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .map(e -> e.getKey() + "=" + e.getValue())
        .collect(Collectors.joining(","));
  }

  private static String image(Json.JsonObject container) {
    String image = container.string("Image", "");
    if (image.isEmpty()) {
      return "<no image>";
    }
    if (image.startsWith("sha256:")) {
      return image.substring(7, Math.min(image.length(), 19));
    }
    int at = image.indexOf('@');
    return at < 0 ? image : image.substring(0, at);
  }

  static String address(String ip) {
    return ip.indexOf(':') >= 0 ? "[" + ip + "]" : ip;
  }

  private record Port(int inside, String ip, int outside, String type) {}

  /// Neighbours that are published under their own number, or not at all, make a range.
  private static String ports(Json.JsonObject container) {
    List<Port> ports = new ArrayList<>();
    for (Json.JsonObject p : container.objects("Ports")) {
      ports.add(
          new Port(
              (int) p.number("PrivatePort", 0),
              p.string("IP", ""),
              (int) p.number("PublicPort", 0),
              p.string("Type", "tcp")));
    }
    ports.sort(
        Comparator.comparingInt(Port::inside)
            .thenComparing(Port::ip)
            .thenComparingInt(Port::outside)
            .thenComparing(Port::type));
    List<String> ranges = new ArrayList<>();
    List<String> mapped = new ArrayList<>();
    Map<String, int[]> open = new LinkedHashMap<>();
    for (Port port : ports) {
      if (!port.ip().isEmpty() && port.outside() != port.inside()) {
        mapped.add(
            address(port.ip()) + ":" + port.outside() + "->" + port.inside() + "/" + port.type());
        continue;
      }
      String key = port.ip() + "/" + port.type();
      int[] range = open.get(key);
      if (range != null && port.inside() == range[1] + 1) {
        range[1]++;
        continue;
      }
      if (range != null) {
        ranges.add(range(key, range));
      }
      open.put(key, new int[] {port.inside(), port.inside()});
    }
    open.forEach((key, range) -> ranges.add(range(key, range)));
    ranges.addAll(mapped);
    return String.join(", ", ranges);
  }

  private static String range(String key, int[] bounds) {
    String ip = key.substring(0, key.indexOf('/'));
    String type = key.substring(key.indexOf('/'));
    String numbers = bounds[0] == bounds[1] ? "" + bounds[0] : bounds[0] + "-" + bounds[1];
    return (ip.isEmpty() ? "" : address(ip) + ":" + numbers + "->") + numbers + type;
  }
}
