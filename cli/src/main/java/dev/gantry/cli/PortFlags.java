package dev.gantry.cli;

import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// `--publish` and `--expose`: ports as numbers or ranges.
final class PortFlags {
  private final Json.JsonObject exposed = Json.object();
  private final Json.JsonObject bindings = Json.object();

  PortFlags(List<String> publish, List<String> expose) {
    publish.forEach(this::publish);
    for (String port : expose) {
      range(port, "port").forEach(p -> exposed.put(p, Json.object()));
    }
  }

  /// `ExposedPorts` of the API.
  Json.JsonObject exposed() {
    return exposed;
  }

  /// `PortBindings` of the API.
  Json.JsonObject bindings() {
    return bindings;
  }

  /// `[[IP:]HOSTPORT:]PORT[/PROTOCOL]`.
  private void publish(String publish) {
    int slash = publish.indexOf('/');
    String protocol = slash < 0 ? "tcp" : publish.substring(slash + 1);
    String text = slash < 0 ? publish : publish.substring(0, slash);
    int last = text.lastIndexOf(':');
    String inside = text.substring(last + 1);
    if (inside.isEmpty()) {
      throw new Refused("No port specified: " + publish + "<empty>");
    }
    String before = last < 0 ? "" : text.substring(0, last);
    int middle = before.lastIndexOf(':');
    boolean onlyAddress = before.endsWith("]");
    String hostPort = onlyAddress ? "" : before.substring(middle + 1);
    String ip = onlyAddress ? before : middle >= 0 ? before.substring(0, middle) : "";
    ip = ip.replaceAll("^\\[|\\]$", "");
    if (!ip.isEmpty() && !ip.matches("[0-9.]{7,15}|[0-9a-fA-F:.%]*:[0-9a-zA-Z:.%]*")) {
      throw new Refused("invalid IP address: " + ip);
    }
    List<String> insidePorts = range(inside + "/" + protocol, "containerPort");
    List<String> hostPorts =
        hostPort.isEmpty() ? List.of() : range(hostPort + "/" + protocol, "hostPort");
    if (!hostPorts.isEmpty() && insidePorts.size() > 1 && hostPorts.size() != insidePorts.size()) {
      throw new Refused(
          "invalid ranges specified for container and host Ports: " + inside + " and " + hostPort);
    }
    for (int i = 0; i < insidePorts.size(); i++) {
      String port = insidePorts.get(i);
      String onHost =
          hostPorts.isEmpty()
              ? ""
              : insidePorts.size() == 1 ? hostPort : hostPorts.get(i).split("/")[0];
      exposed.put(port, Json.object());
      Json.JsonArray list =
          bindings.get(port) instanceof Json.JsonArray array ? array : Json.array();
      bindings.put(port, list.add(Json.object().put("HostIp", ip).put("HostPort", onHost)));
    }
  }

  /// `80-82/udp` as three ports.
  private static List<String> range(String text, String what) {
    int slash = text.indexOf('/');
    String numbers = slash < 0 ? text : text.substring(0, slash);
    String protocol = slash < 0 ? "tcp" : text.substring(slash + 1).toLowerCase(Locale.ROOT);
    if (!List.of("tcp", "udp", "sctp").contains(protocol)) {
      throw new Refused("invalid proto: " + protocol);
    }
    String[] bounds = numbers.split("-", 2);
    String bad = "Invalid " + what + ": " + numbers;
    try {
      int first = Integer.parseInt(bounds[0]);
      int last = Integer.parseInt(bounds[bounds.length - 1]);
      if (first < 0 || last > 65535 || last < first) {
        throw new Refused(bad);
      }
      List<String> ports = new ArrayList<>();
      for (int port = first; port <= last; port++) {
        ports.add(port + "/" + protocol);
      }
      return ports;
    } catch (NumberFormatException e) {
      throw new Refused(bad);
    }
  }
}
