package dev.gantry.cli;

import dev.gantry.client.ApiError;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The commands about networks.
final class Networks {
  private static final String MANY = "NETWORK [NETWORK...]";

  private Networks() {}

  static Command command(String verb) {
    return switch (verb) {
      case "create" -> NetworkCreate.command();
      case "ls" ->
          Command.of(
              "[OPTIONS]",
              0,
              0,
              Networks::list,
              Flag.filter('f'),
              Flag.format(' '),
              Flag.bool("no-trunc", ' ', "Show everything in full length"),
              Flag.bool("quiet", 'q', "Only the ids"));
      case "rm" ->
          Command.of(
              MANY,
              1,
              -1,
              Networks::remove,
              Flag.bool("force", 'f', "It is no error if there is none of that name"));
      case "inspect" ->
          Inspects.command("[OPTIONS] " + MANY, "network", Flag.bool("verbose", 'v', "Tell more"));
      case "prune" -> Prunes.command("network");
      case "connect" ->
          Command.of(
              "[OPTIONS] NETWORK CONTAINER",
              2,
              2,
              Networks::connect,
              Flag.list("alias", ' ', "A further name in the network"),
              Flag.list("driver-opt", ' ', "An option of the network's driver: NAME=VALUE"),
              Flag.integer("gw-priority", ' ', "The highest one's gateway is the container's"),
              Flag.text("ip", ' ', "Its IPv4 address there"),
              Flag.text("ip6", ' ', "Its IPv6 address there"),
              Flag.list("link", ' ', "Know another container: NAME[:ALIAS]"),
              Flag.list("link-local-ip", ' ', "A link-local address"));
      case "disconnect" ->
          Command.of(
              "[OPTIONS] NETWORK CONTAINER",
              2,
              2,
              Networks::disconnect,
              Flag.bool("force", 'f', "Even if the container is gone"));
      default -> throw new IllegalStateException(verb);
    };
  }

  /// The parts of values with commas, as Docker's string slices take them.
  static List<String> parts(Words words, String flag) {
    List<String> parts = new ArrayList<>();
    words.list(flag).forEach(value -> parts.addAll(List.of(value.split(","))));
    return parts;
  }

  private static int list(Session session, Words words) {
    boolean whole = words.on("no-trunc");
    boolean quiet = words.on("quiet");
    String format = words.text("format", "");
    if (format.isEmpty() && !quiet) {
      format = session.config().text("networksFormat");
    }
    Rows rows = new Rows("*network.networkContext");
    rows.column("NETWORK ID", "ID")
        .column("NAME", "Name")
        .column("DRIVER", "Driver")
        .column("SCOPE", "Scope")
        .heading("IPV4", "IPv4")
        .heading("IPV6", "IPv6")
        .heading("INTERNAL", "Internal")
        .heading("LABELS", "Labels")
        .heading("CREATED AT", "CreatedAt");
    Query query = Query.of("/networks").withText("filters", Filters.of(words));
    List<Json.JsonObject> networks = new ArrayList<>(Session.objects(session.engine().get(query)));
    networks.sort(Comparator.comparing(n -> n.string("Name", "")));
    for (Json.JsonObject network : networks) {
      String id = network.string("Id", "");
      rows.add(
          Json.object()
              .put("ID", whole ? id : id.substring(0, Math.min(12, id.length())))
              .put("Name", network.string("Name", ""))
              .put("Driver", network.string("Driver", ""))
              .put("Scope", network.string("Scope", ""))
              .put("IPv4", Boolean.toString(network.bool("EnableIPv4", true)))
              .put("IPv6", Boolean.toString(network.bool("EnableIPv6", false)))
              .put("Internal", Boolean.toString(network.bool("Internal", false)))
              .put("Labels", ContainerList.pairs(network.stringMap("Labels")))
              .put("CreatedAt", Times.dated(network.string("Created", ""))),
          network.stringMap("Labels"));
    }
    if (quiet && (format.isEmpty() || format.equals("table"))) {
      rows.printField(session, "ID");
    } else {
      rows.print(session, format);
    }
    return 0;
  }

  private static int remove(Session session, Words words) {
    boolean failed = false;
    for (String name : words.arguments()) {
      try {
        session.engine().delete(Query.of("/networks/{}", name));
        session.out().println(name);
        session.out().flush();
      } catch (ApiError e) {
        if (e.status() == 404 && words.on("force")) {
          continue;
        }
        session.err().println("Error response from daemon: " + e.text());
        failed = true;
      }
    }
    if (failed) {
      throw new Exit(1, "exit status 1");
    }
    return 0;
  }

  private static int connect(Session session, Words words) {
    Json.JsonObject endpoint = Json.object();
    Json.JsonObject addresses = Json.object();
    words.text("ip").ifPresent(ip -> addresses.put("IPv4Address", ip));
    words.text("ip6").ifPresent(ip -> addresses.put("IPv6Address", ip));
    List<String> local = parts(words, "link-local-ip");
    if (!local.isEmpty()) {
      addresses.put("LinkLocalIPs", Json.strings(local));
    }
    if (!addresses.isEmpty()) {
      endpoint.put("IPAMConfig", addresses);
    }
    endpoint
        .put("Links", Json.strings(words.list("link")))
        .put("Aliases", Json.strings(parts(words, "alias")))
        .put("DriverOpts", options(words))
        .put("GwPriority", words.number("gw-priority", 0));
    session
        .engine()
        .post(
            Query.of("/networks/{}/connect", words.argument(0)),
            Json.object().put("Container", words.argument(1)).put("EndpointConfig", endpoint));
    return 0;
  }

  private static Json.JsonObject options(Words words) {
    List<String> options = parts(words, "driver-opt");
    for (String option : options) {
      if (option.indexOf('=') < 1) {
        throw new Exit(1, "invalid key/value pair format in driver options");
      }
    }
    return RunRequest.pairs(options);
  }

  private static int disconnect(Session session, Words words) {
    session
        .engine()
        .post(
            Query.of("/networks/{}/disconnect", words.argument(0)),
            Json.object().put("Container", words.argument(1)).put("Force", words.on("force")));
    return 0;
  }
}
