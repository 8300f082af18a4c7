package dev.gantry.server;

import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.ContainerState;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Volumes;
import dev.gantry.images.Image;
import dev.gantry.json.Json;
import dev.gantry.network.Attachment;
import dev.gantry.network.Endpoint;
import dev.gantry.network.EndpointRequest;
import dev.gantry.network.PublishedPort;
import dev.gantry.oci.Digest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// Containers on Docker's wire.
final class ContainerJson {
  private static final String NO_TIME = "0001-01-01T00:00:00Z";

  private ContainerJson() {}

  // ---- inspect

  static Json.JsonObject inspect(Engine engine, Container c, ApiVersion version) {
    ContainerSpec spec = c.spec();
    List<String> argv = spec.command();
    Json.JsonObject json = Json.object();
    json.put("Id", c.id());
    json.put("Created", time(c.created()));
    json.put("Path", argv.getFirst());
    json.put("Args", Json.strings(argv.subList(1, argv.size())));
    Json.JsonObject state = state(c.state());
    c.health().ifPresent(h -> state.put("Health", HealthChecks.json(h)));
    json.put("State", state);
    json.put("Image", spec.imageId());
    boolean ran = !(c.state() instanceof ContainerState.Created);
    json.put("ResolvConfPath", ran ? c.folder().resolve("resolv.conf").toString() : "");
    json.put("HostnamePath", ran ? c.folder().resolve("hostname").toString() : "");
    json.put("HostsPath", ran ? c.folder().resolve("hosts").toString() : "");
    json.put(
        "LogPath",
        ran && spec.logging().driver().equals("json-file") ? c.logFile().toString() : "");
    json.put("Name", "/" + c.name());
    json.put("RestartCount", c.restartCount());
    json.put("Driver", "overlay2");
    json.put("Platform", "linux");
    json.put("MountLabel", "");
    json.put("ProcessLabel", "");
    json.put("AppArmorProfile", "");
    List<String> execs = c.runningExecIds();
    json.put("ExecIDs", execs.isEmpty() ? Json.NULL : Json.strings(execs));
    Json.JsonObject host =
        (Json.JsonObject) spec.wire().object("HostConfig").orElseGet(Json::object).copy();
    if (host.get("Links") instanceof Json.JsonArray && spec.modes().network().equals("bridge")) {
      host.put("Links", LinkNames.shown(engine, c));
    }
    json.put("HostConfig", host);
    json.put("GraphDriver", Json.object().put("Data", layers(engine, c)).put("Name", "overlay2"));
    json.put("Mounts", mounts(engine, c));
    Json.JsonObject config =
        (Json.JsonObject) spec.wire().object("Config").orElseGet(Json::object).copy();
    config.put("Hostname", spec.hostname());
    if (version.atLeast(52)) {
      config.remove("MacAddress"); // it is the endpoint's
      if (config.items("OnBuild").isEmpty()) {
        config.remove("OnBuild");
      }
    }
    json.put("Config", config);
    json.put("NetworkSettings", network(engine, c, version));
    return json;
  }

  private static Json.JsonObject layers(Engine engine, Container c) {
    Engine.Layers layers = engine.layers(c);
    return Json.object()
        .put("ID", c.id())
        .put("LowerDir", String.join(":", layers.lowers().stream().map(Path::toString).toList()))
        .put("MergedDir", layers.merged().toString())
        .put("UpperDir", layers.upper().toString())
        .put("WorkDir", layers.work().toString());
  }

  /// `none` without a health check, else its state.
  static String health(Container c) {
    return c.health().map(h -> h.status().word()).orElse("none");
  }

  private static Json.JsonObject state(ContainerState state) {
    boolean running =
        state instanceof ContainerState.Live || state instanceof ContainerState.Restarting;
    Json.JsonObject json = Json.object();
    json.put("Status", state.word());
    json.put("Running", running);
    json.put("Paused", state instanceof ContainerState.Paused);
    json.put("Restarting", state instanceof ContainerState.Restarting);
    json.put("OOMKilled", state instanceof ContainerState.Exited e && e.oomKilled());
    json.put("Dead", state instanceof ContainerState.Dead);
    json.put("Pid", state instanceof ContainerState.Live l ? l.pid() : 0);
    int code = 0;
    String error = "";
    String started = NO_TIME;
    String finished = NO_TIME;
    switch (state) {
      case ContainerState.Created c -> {
        code = c.exitCode();
        error = c.error();
      }
      case ContainerState.Live l -> started = time(l.startedAt());
      case ContainerState.Restarting r -> {
        code = r.exitCode();
        started = time(r.startedAt());
        finished = time(r.finishedAt());
      }
      case ContainerState.Exited e -> {
        code = e.exitCode();
        error = e.error();
        started = time(e.startedAt());
        finished = time(e.finishedAt());
      }
      case ContainerState.Removing r -> code = r.exitCode();
      case ContainerState.Dead d -> error = d.error();
    }
    json.put("ExitCode", code);
    json.put("Error", error);
    json.put("StartedAt", started);
    json.put("FinishedAt", finished);
    return json;
  }

  /// RFC 3339 as Go prints it: nanoseconds without trailing zeros.
  static String time(Instant instant) {
    if (instant.equals(Instant.EPOCH)) {
      return NO_TIME;
    }
    String text = instant.toString();
    return text.contains(".") ? text.replaceFirst("0+Z$", "Z") : text;
  }

  static Json.JsonArray mounts(Engine engine, Container c) {
    Json.JsonArray array = Json.array();
    Json.JsonObject host = c.spec().wire().object("HostConfig").orElseGet(Json::object);
    Iterator<String> anonymous = c.anonymousVolumes().iterator();
    for (ContainerSpec.Mount m : c.spec().mounts()) {
      boolean volume = m.kind().equals("volume");
      boolean kept = false; // a snapshot is never written to
      String name =
          volume && m.source().isEmpty() && anonymous.hasNext() ? anonymous.next() : m.source();
      if (m.kind().equals("tmpfs")
          && host.object("Tmpfs").filter(t -> t.has(m.target())).isPresent()) {
        continue; // --tmpfs is no mount on Docker's wire
      }
      Json.JsonObject json = Json.object().put("Type", m.kind());
      if (volume) {
        Optional<Volumes.Volume> found = engine.volumes().find(name);
        kept = found.map(v -> v.snapshotOf() != null).orElse(false);
        json.put("Name", name);
        json.put("Source", found.map(v -> v.mountpoint().toString()).orElse(""));
      } else {
        json.put("Source", m.source());
      }
      json.put("Destination", m.target());
      if (volume) {
        json.put("Driver", "local");
      }
      json.put("Mode", mode(host, m));
      json.put("RW", !m.readOnly() && !kept);
      json.put(
          "Propagation",
          m.kind().equals("bind")
              ? (m.propagation().isEmpty() ? "rprivate" : m.propagation())
              : "");
      array.add(json);
    }
    return array;
  }

  /// The options behind the target of a bind, else `z` for a volume that was asked for by name or
  /// as a mount.
  private static String mode(Json.JsonObject host, ContainerSpec.Mount m) {
    String implied = m.kind().equals("volume") ? "z" : "";
    for (String bind : host.strings("Binds")) {
      String[] parts = bind.split(":");
      if (parts.length > 1 && Path.of(parts[1]).normalize().toString().equals(m.target())) {
        return parts.length > 2 ? parts[2] : implied;
      }
    }
    boolean asked =
        host.objects("Mounts").stream()
            .map(o -> o.string("Target", "/"))
            .anyMatch(t -> Path.of(t).normalize().toString().equals(m.target()));
    return asked ? implied : "";
  }

  private static Json.JsonObject network(Engine engine, Container c, ApiVersion version) {
    Optional<Attachment> attachment = c.attachment();
    Json.JsonObject json = Json.object();
    if (!version.atLeast(52)) {
      json.put("Bridge", "");
    }
    json.put("SandboxID", attachment.map(Attachment::sandboxId).orElse(idOfRun(c, "sandbox")));
    json.put(
        "SandboxKey",
        attachment.isPresent() && c.state() instanceof ContainerState.Live live
            ? "/proc/" + live.pid() + "/ns/net"
            : "");
    json.put("Ports", ports(c));
    if (!version.atLeast(52)) {
      onDefaultBridge(json, c);
    }
    json.put("Networks", networks(engine, c, version, true));
    return json;
  }

  /// What is among the networks too, as it was said when there was only one.
  private static void onDefaultBridge(Json.JsonObject json, Container c) {
    json.put("HairpinMode", false);
    json.put("LinkLocalIPv6Address", "");
    json.put("LinkLocalIPv6PrefixLen", 0);
    json.put("SecondaryIPAddresses", Json.NULL);
    json.put("SecondaryIPv6Addresses", Json.NULL);
    Optional<Endpoint> bridge =
        c.attachment()
            .flatMap(
                a -> a.endpoints().stream().filter(e -> e.network().equals("bridge")).findFirst());
    json.put("EndpointID", bridge.map(Endpoint::endpointId).orElse(""));
    json.put("Gateway", bridge.map(Endpoint::ipv4Gateway).orElse(""));
    json.put("GlobalIPv6Address", bridge.map(Endpoint::ipv6).orElse(""));
    json.put("GlobalIPv6PrefixLen", bridge.map(Endpoint::ipv6Prefix).orElse(0));
    json.put("IPAddress", bridge.map(Endpoint::ipv4).orElse(""));
    json.put("IPPrefixLen", bridge.map(Endpoint::ipv4Prefix).orElse(0));
    json.put("IPv6Gateway", bridge.map(Endpoint::ipv6Gateway).orElse(""));
    json.put(
        "MacAddress",
        bridge
            .map(Endpoint::mac)
            .or(() -> wished(c, "bridge").map(EndpointRequest::mac))
            .orElse(""));
  }

  private static Optional<EndpointRequest> wished(Container c, String network) {
    return c.spec().endpoints().stream().filter(e -> e.network().equals(network)).findFirst();
  }

  /// The networks of a container.
  ///
  /// @param names whether aliases and names are shown: not in lists
  static Json.JsonObject networks(Engine engine, Container c, ApiVersion version, boolean names) {
    Json.JsonObject networks = Json.object();
    if (c.attachment().isPresent()) {
      for (Endpoint e : c.attachment().get().endpoints()) {
        Json.JsonObject json = endpoint(e);
        wished(c, e.network())
            .flatMap(ContainerJson::ipam)
            .ifPresent(ipam -> json.put("IPAMConfig", ipam));
        if (!names) {
          json.put("Aliases", Json.NULL).put("DNSNames", Json.NULL);
        } else if (!version.atLeast(45) && !e.names().isEmpty()) {
          // before 1.45 the short id was among the aliases
          List<String> aliases = new ArrayList<>(e.aliases());
          aliases.add(c.id().substring(0, 12));
          json.put("Aliases", Json.strings(aliases));
        }
        networks.put(e.network(), json);
      }
      return networks;
    }
    String mode = c.spec().modes().network();
    boolean without =
        c.spec().wire().at("Config", "NetworkDisabled") instanceof Json.JsonBoolean b && b.value();
    if (mode.startsWith("container:") || without) {
      return networks;
    }
    List<EndpointRequest> wishes =
        c.spec().endpoints().isEmpty() ? List.of(EndpointRequest.of(mode)) : c.spec().endpoints();
    for (EndpointRequest wish : wishes) {
      Json.JsonObject json =
          endpoint(
              Endpoint.planned(
                  idOnceStarted(engine, c, wish.network()),
                  c.state() instanceof ContainerState.Exited ? "" : wish.mac(),
                  wish));
      json.put("EndpointID", idOfRun(c, wish.network()));
      ipam(wish).ifPresent(ipam -> json.put("IPAMConfig", ipam));
      if (!names) {
        json.put("Aliases", Json.NULL);
      } else if (c.state() instanceof ContainerState.Created && !wish.network().equals(mode)) {
        Json.JsonArray dns = Json.array().add(c.name());
        wish.aliases().forEach(dns::add);
        json.put("DNSNames", dns.add(c.id().substring(0, 12)));
      } else if (c.state() instanceof ContainerState.Exited) {
        json.put("DNSNames", Json.array().add(c.name()).add(c.id().substring(0, 12)));
      }
      networks.put(wish.network(), json);
    }
    return networks;
  }

  /// The addresses asked for, if any.
  private static Optional<Json> ipam(EndpointRequest wish) {
    Json.JsonObject ipam = Json.object();
    if (!wish.ipv4().isEmpty()) {
      ipam.put("IPv4Address", wish.ipv4());
    }
    if (!wish.ipv6().isEmpty()) {
      ipam.put("IPv6Address", wish.ipv6());
    }
    if (!wish.linkLocal().isEmpty()) {
      ipam.put("LinkLocalIPs", Json.strings(wish.linkLocal()));
    }
    return ipam.isEmpty() ? Optional.empty() : Optional.of(ipam);
  }

  /// The id of something that a container on the host's network or on none has as long as it runs:
  /// there is nothing behind it but that clients expect one, another one after each start.
  private static String idOfRun(Container c, String of) {
    boolean plain = Set.of("host", "none").contains(c.spec().modes().network());
    return plain && c.state() instanceof ContainerState.Live live
        ? Digest.of((c.id() + of + live.startedAt()).getBytes(StandardCharsets.UTF_8)).hex()
        : "";
  }

  /// A container that was never on its networks knows its networks by name only.
  private static String idOnceStarted(Engine engine, Container c, String network) {
    try {
      return c.state() instanceof ContainerState.Created created && created.exitCode() != 128
          ? ""
          : engine.networks().find(network).id();
    } catch (dev.gantry.base.Failure.NotFound e) {
      return "";
    }
  }

  static Json.JsonObject endpoint(Endpoint e) {
    return Json.object()
        .put("IPAMConfig", Json.NULL)
        .put("Links", e.links().isEmpty() ? Json.NULL : Json.strings(e.links()))
        .put("Aliases", e.aliases().isEmpty() ? Json.NULL : Json.strings(e.aliases()))
        .put("MacAddress", e.mac())
        .put(
            "DriverOpts", e.driverOptions().isEmpty() ? Json.NULL : Json.strings(e.driverOptions()))
        .put("GwPriority", e.gatewayPriority())
        .put("NetworkID", e.networkId())
        .put("EndpointID", e.endpointId())
        .put("Gateway", e.ipv4Gateway())
        .put("IPAddress", e.ipv4())
        .put("IPPrefixLen", e.ipv4Prefix())
        .put("IPv6Gateway", e.ipv6Gateway())
        .put("GlobalIPv6Address", e.ipv6())
        .put("GlobalIPv6PrefixLen", e.ipv6Prefix())
        .put("DNSNames", e.names().isEmpty() ? Json.NULL : Json.strings(e.names()));
  }

  private static List<PublishedPort> published(Container c) {
    return c.attachment().map(Attachment::ports).orElse(List.of());
  }

  private static Json.JsonObject ports(Container c) {
    Json.JsonObject ports = Json.object();
    if (!(c.state() instanceof ContainerState.Live)) {
      return ports;
    }
    c.spec()
        .wire()
        .object("Config")
        .flatMap(x -> x.object("ExposedPorts"))
        .ifPresent(e -> e.members().keySet().forEach(p -> ports.put(p, Json.NULL)));
    for (PublishedPort p : published(c)) {
      String key = p.containerPort() + "/" + p.protocol();
      Json.JsonArray list = ports.get(key) instanceof Json.JsonArray a ? a : Json.array();
      list.add(
          Json.object()
              .put("HostIp", p.hostIp())
              .put("HostPort", p.hostPort() == 0 ? "" : Integer.toString(p.hostPort())));
      ports.put(key, list);
    }
    return ports;
  }

  // ---- list

  /// The same with the bytes that it has written (absent for none) and those of its whole files.
  static Json.JsonObject withSize(Engine engine, Container c, ApiVersion version) {
    Json.JsonObject json = summary(engine, c, version);
    long written = DiskUsage.written(engine, c);
    if (written > 0) {
      json.put("SizeRw", written);
    }
    return json.put("SizeRootFs", rootSize(engine, c, written));
  }

  static long rootSize(Engine engine, Container c, long written) {
    return written + engine.images().find(c.spec().imageId()).map(i -> i.size()).orElse(0L);
  }

  static Json.JsonObject summary(Engine engine, Container c, ApiVersion version) {
    return summary(engine, c, version, engine.images()::find);
  }

  /// @param images what an image's name stands for; a list asks once for each name
  static Json.JsonObject summary(
      Engine engine, Container c, ApiVersion version, Function<String, Optional<Image>> images) {
    ContainerSpec spec = c.spec();
    Json.JsonObject json = Json.object();
    json.put("Id", c.id());
    json.put("Names", Json.array().add("/" + c.name()));
    json.put("Image", imageName(images, spec));
    json.put("ImageID", spec.imageId());
    json.put("Command", command(spec.command()));
    json.put("Created", c.created().getEpochSecond());
    json.put("Ports", portList(c));
    json.put("Labels", Json.strings(spec.labels()));
    json.put("State", c.state().word());
    json.put("Status", status(c));
    Json.JsonObject host = Json.object().put("NetworkMode", spec.modes().network());
    if (version.atLeast(46)) {
      host.putIfPresent("Annotations", spec.wire().at("HostConfig", "Annotations"));
    }
    json.put("HostConfig", host);
    json.put("NetworkSettings", Json.object().put("Networks", networks(engine, c, version, false)));
    Json.JsonArray mounts = mounts(engine, c);
    for (Json mount : mounts) {
      if (mount instanceof Json.JsonObject m
          && c.anonymousVolumes().contains(m.string("Name", ""))) {
        m.put("Source", ""); // lists do not say where anonymous volumes are
      }
    }
    json.put("Mounts", mounts);
    if (version.atLeast(52)) {
      json.put(
          "Health",
          Json.object()
              .put("Status", health(c))
              .put("FailingStreak", c.health().map(h -> h.failingStreak()).orElse(0)));
    }
    return json;
  }

  /// The name as requested while it still points to the container's image, else the id.
  private static String imageName(Function<String, Optional<Image>> images, ContainerSpec spec) {
    if (spec.image().isEmpty()) {
      return "";
    }
    return images
        .apply(spec.image())
        .filter(i -> i.id().toString().equals(spec.imageId()))
        .map(i -> spec.image())
        .orElse(spec.imageId());
  }

  /// The command line: arguments with a blank in quotes, for people to read.
  private static String command(List<String> argv) {
    StringBuilder text = new StringBuilder(argv.getFirst());
    for (String a : argv.subList(1, argv.size())) {
      text.append(a.contains(" ") ? " '" + a + "'" : " " + a);
    }
    return text.toString();
  }

  private static Json.JsonArray portList(Container c) {
    Json.JsonArray list = Json.array();
    if (!(c.state() instanceof ContainerState.Live)) {
      return list;
    }
    List<String> done = new ArrayList<>();
    for (PublishedPort p : published(c)) {
      done.add(p.containerPort() + "/" + p.protocol());
      list.add(
          Json.object()
              .put("IP", p.hostIp())
              .put("PrivatePort", p.containerPort())
              .put("PublicPort", p.hostPort())
              .put("Type", p.protocol()));
    }
    c.spec()
        .wire()
        .object("Config")
        .flatMap(x -> x.object("ExposedPorts"))
        .ifPresent(
            e ->
                e.members().keySet().stream()
                    .filter(p -> !done.contains(p))
                    .forEach(
                        p -> {
                          String[] parts = p.split("/");
                          list.add(
                              Json.object()
                                  .put("PrivatePort", Long.parseLong(parts[0]))
                                  .put("Type", parts.length > 1 ? parts[1] : "tcp"));
                        }));
    return list;
  }

  static String status(Container c) {
    Instant now = Instant.now();
    return switch (c.state()) {
      case ContainerState.Created s -> "Created";
      case ContainerState.Running s ->
          "Up "
              + human(Duration.between(s.startedAt(), now))
              + c.health().map(HealthChecks::text).orElse("");
      case ContainerState.Paused s ->
          "Up " + human(Duration.between(s.startedAt(), now)) + " (Paused)";
      case ContainerState.Restarting s ->
          "Restarting ("
              + s.exitCode()
              + ") "
              + human(Duration.between(s.finishedAt(), now))
              + " ago";
      case ContainerState.Exited s ->
          "Exited (" + s.exitCode() + ") " + human(Duration.between(s.finishedAt(), now)) + " ago";
      case ContainerState.Removing s -> "Removal In Progress";
      case ContainerState.Dead s -> "Dead";
    };
  }

  /// A duration as Docker rounds it.
  static String human(Duration d) {
    long seconds = d.toSeconds();
    if (seconds < 1) {
      return "Less than a second";
    }
    if (seconds == 1) {
      return "1 second";
    }
    if (seconds < 60) {
      return seconds + " seconds";
    }
    long minutes = d.toMinutes();
    if (minutes == 1) {
      return "About a minute";
    }
    if (minutes < 60) {
      return minutes + " minutes";
    }
    long hours = Math.round(d.toMillis() / 3_600_000.0);
    if (hours == 1) {
      return "About an hour";
    }
    if (hours < 48) {
      return hours + " hours";
    }
    if (hours < 24 * 7 * 2) {
      return hours / 24 + " days";
    }
    if (hours < 24 * 30 * 2) {
      return hours / 24 / 7 + " weeks";
    }
    if (hours < 24 * 365 * 2) {
      return hours / 24 / 30 + " months";
    }
    return hours / 24 / 365 + " years";
  }
}
