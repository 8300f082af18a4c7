package dev.gantry.network;

import java.util.ArrayList;
import java.util.List;

/// The content of `/etc/resolv.conf`.
public record ResolvConf(List<String> servers, List<String> search, List<String> options) {
  public ResolvConf {
    servers = List.copyOf(servers);
    search = List.copyOf(search);
    options = List.copyOf(options);
  }

  /// Reads a file's lines; what is not understood is left out.
  public static ResolvConf parse(String text) {
    List<String> servers = new ArrayList<>();
    List<String> search = List.of();
    List<String> options = new ArrayList<>();
    for (String line : text.lines().toList()) {
      List<String> words = List.of(line.strip().split("\\s+"));
      List<String> rest = words.subList(1, words.size());
      switch (words.getFirst()) {
        case "nameserver" -> rest.stream().limit(1).forEach(servers::add);
        // the last of several search or domain lines wins, as resolv.conf(5) says
        case "search", "domain" -> search = rest;
        case "options" -> options.addAll(rest);
        default -> {}
      }
    }
    return new ResolvConf(servers, search, options);
  }

  /// The file.
  public String text() {
    StringBuilder text = new StringBuilder();
    servers.forEach(server -> text.append("nameserver ").append(server).append('\n'));
    if (!search.isEmpty()) {
      text.append("search ").append(String.join(" ", search)).append('\n');
    }
    if (!options.isEmpty()) {
      text.append("options ").append(String.join(" ", options)).append('\n');
    }
    return text.toString();
  }
}
