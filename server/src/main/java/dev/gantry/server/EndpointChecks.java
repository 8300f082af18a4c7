package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Engine;
import dev.gantry.json.Json;
import dev.gantry.network.Cidr;
import java.util.ArrayList;
import java.util.List;

/// What the wish to be on a network must hold to, with Docker's texts.
final class EndpointChecks {
  private EndpointChecks() {}

  static void check(Engine engine, String network, Json.JsonObject endpoint) {
    String prefix = "invalid config for network " + network + ": ";
    String mac = endpoint.string("MacAddress", "");
    if (!mac.isEmpty() && !CreateChecks.isMac(mac)) {
      throw new Failure.InvalidRequest(prefix + "invalid MAC address " + mac);
    }
    List<String> known = engine.networks().problems(NetworkingRequest.endpoint(network, endpoint));
    refuse(prefix, known);
    // a network that is not there yet may still come: only the form can be checked
    List<String> wrong = new ArrayList<>();
    Json.JsonObject ipam = endpoint.object("IPAMConfig").orElseGet(Json::object);
    String v4 = ipam.string("IPv4Address", "");
    String v6 = ipam.string("IPv6Address", "");
    boolean predefined = List.of("bridge", "host", "none").contains(network);
    if (predefined && !(v4.isEmpty() && v6.isEmpty())) {
      wrong.add("user specified IP address is supported on user defined networks only");
    }
    if (predefined && !endpoint.strings("Aliases").isEmpty()) {
      wrong.add("network-scoped alias is supported only for containers in user defined networks");
    }
    if (!v4.isEmpty() && (v4.contains(":") || Cidr.literal(v4).isEmpty())) {
      wrong.add("invalid IPv4 address: " + v4);
    }
    if (!v6.isEmpty() && (!v6.contains(":") || Cidr.literal(v6).isEmpty())) {
      wrong.add("invalid IPv6 address: " + v6);
    }
    refuse(prefix, wrong);
  }

  private static void refuse(String prefix, List<String> wrong) {
    if (!wrong.isEmpty()) {
      String text = wrong.size() == 1 ? wrong.getFirst() : "* " + String.join("\n* ", wrong);
      throw new Failure.InvalidRequest(prefix + "invalid endpoint settings:\n" + text);
    }
  }
}
