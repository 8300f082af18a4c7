package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;

/// `gantry port explain CONTAINER PORT`: who reaches a port, and which rule decides.
final class PortExplain {
  private PortExplain() {}

  static int run(Session session, String container, String port) {
    String[] parts = port.split("/", 2);
    Json.JsonObject found =
        Session.object(
            session
                .engine()
                .get(
                    Query.of(
                        "/gantry/containers/{}/ports/{}/{}/explain",
                        container,
                        parts[0],
                        parts.length == 2 ? parts[1] : "tcp")));
    StringBuilder text =
        new StringBuilder(found.string("Port", ""))
            .append(" of ")
            .append(found.string("Container", ""))
            .append('\n');
    String last = "";
    for (Json.JsonObject way : found.objects("Ways")) {
      String address = way.string("Address", "");
      if (!address.equals(last)) {
        text.append("\nBy ").append(address).append('\n');
        last = address;
      }
      text.append("  ")
          .append(
              switch (way.string("Reaches", "")) {
                case "yes" -> "yes      ";
                case "no" -> "no       ";
                default -> "depends  ";
              })
          .append(way.string("Who", ""))
          .append("\n           ")
          .append(way.string("Rule", ""))
          .append('\n');
    }
    for (String note : found.strings("Notes")) {
      text.append('\n').append(note).append('\n');
    }
    session.out().print(text);
    return 0;
  }
}
