package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.network.AttachRequest;
import dev.gantry.network.Attachment;
import dev.gantry.network.Endpoint;
import dev.gantry.network.EndpointRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/// A container's `/etc/hostname`, `/etc/hosts` and `/etc/resolv.conf`, as Docker keeps them: made
/// at each start, changed in place when it is connected to networks while it runs. A resolv.conf
/// that somebody has edited stays as it is from then on.
final class NetworkFiles {
  private static final String LOCAL =
      """
      127.0.0.1\tlocalhost
      ::1\tlocalhost ip6-localhost ip6-loopback
      fe00::\tip6-localnet
      ff00::\tip6-mcastprefix
      ff02::1\tip6-allnodes
      ff02::2\tip6-allrouters
      """;
  private static final String HASH = "resolv.conf.hash";

  private final Engine engine;

  NetworkFiles(Engine engine) {
    this.engine = engine;
  }

  /// What an attach of `c` says.
  static AttachRequest request(Container c) {
    ContainerSpec spec = c.spec();
    return new AttachRequest(
        c.id(),
        c.name(),
        spec.hostname(),
        spec.endpoints().isEmpty()
            ? List.of(EndpointRequest.of(spec.modes().network()))
            : spec.endpoints(),
        spec.ports(),
        spec.dns(),
        spec.dnsSearch(),
        spec.dnsOptions());
  }

  /// Writes the three for a start.
  void write(Container c, Optional<Attachment> attachment, List<LegacyLinks.Link> links) {
    try {
      if (!Files.exists(c.folder())) {
        Files.createDirectories(c.folder());
      }
      put(c, "hostname", c.spec().hostname() + "\n");
      put(c, "hosts", hosts(c, attachment, links));
      writeResolvConf(c);
    } catch (IOException e) {
      throw failed(c, e);
    }
  }

  /// Follows a change of the networks of running container `c`: own addresses come and go in hosts,
  /// whatever else is in there, and its resolver may be another one.
  void follow(Container c, List<Endpoint> gone, List<Endpoint> come) {
    try {
      Path file = c.folder().resolve("hosts");
      List<String> lines = new ArrayList<>(Files.readAllLines(file));
      lines.removeAll(ownLines(c, gone));
      lines.addAll(ownLines(c, come));
      put(c, "hosts", String.join("\n", lines) + "\n");
      writeResolvConf(c);
    } catch (IOException e) {
      throw failed(c, e);
    }
  }

  private String hosts(Container c, Optional<Attachment> attachment, List<LegacyLinks.Link> links)
      throws IOException {
    boolean host = c.spec().modes().network().equals("host");
    StringBuilder text = new StringBuilder(host ? ofHost() : LOCAL);
    for (String extra : c.spec().extraHosts()) {
      int colon = extra.indexOf(':');
      String name = extra.substring(0, colon);
      String address = extra.substring(colon + 1);
      List<String> addresses =
          address.equals("host-gateway") ? gateways(attachment) : List.of(address);
      addresses.forEach(each -> text.append(each).append('\t').append(name).append('\n'));
    }
    links.forEach(link -> text.append(LegacyLinks.hostsLine(link)));
    attachment
        .map(Attachment::endpoints)
        .ifPresent(all -> ownLines(c, all).forEach(line -> text.append(line).append('\n')));
    return text.toString();
  }

  private static String ofHost() throws IOException {
    Path file = Path.of("/etc/hosts");
    String text = Files.isReadable(file) ? Files.readString(file) : LOCAL;
    return text.isEmpty() || text.endsWith("\n") ? text : text + "\n";
  }

  /// The host as all containers reach it, whatever their networks; without a default bridge, by the
  /// container's own.
  private List<String> gateways(Optional<Attachment> attachment) {
    List<String> bridge = engine.networks().hostGateways();
    return bridge.isEmpty()
        ? attachment.map(Attachment::endpoints).stream()
            .flatMap(List::stream)
            .map(Endpoint::ipv4Gateway)
            .filter(gateway -> !gateway.isEmpty())
            .limit(1)
            .toList()
        : bridge;
  }

  /// Address, full name, host name.
  private static List<String> ownLines(Container c, List<Endpoint> endpoints) {
    String hostname = c.spec().hostname();
    String domain = c.spec().domainname();
    String names = hostname;
    if (!domain.isEmpty()) {
      names = hostname + "." + domain + " " + hostname;
    } else if (hostname.contains(".")) {
      names = hostname + " " + hostname.substring(0, hostname.indexOf('.'));
    }
    List<String> lines = new ArrayList<>();
    for (Endpoint endpoint : endpoints) {
      for (String address : List.of(endpoint.ipv4(), endpoint.ipv6())) {
        if (!address.isEmpty()) {
          lines.add(address + "\t" + names);
        }
      }
    }
    return lines;
  }

  private void writeResolvConf(Container c) throws IOException {
    Path file = c.folder().resolve("resolv.conf");
    Path hash = c.folder().resolve(HASH);
    boolean edited =
        Files.exists(file)
            && Files.exists(hash)
            && !Files.readString(hash).equals(digest(Files.readAllBytes(file)));
    if (!edited) {
      String text = engine.networks().resolvConf(request(c)).text();
      put(c, "resolv.conf", text);
      put(c, HASH, digest(text.getBytes(StandardCharsets.UTF_8)));
    }
  }

  private static String digest(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new Failure.Internal("every Java has SHA-256", e);
    }
  }

  /// In place: the container has the file itself mounted.
  private static void put(Container c, String name, String text) throws IOException {
    Files.writeString(c.folder().resolve(name), text);
  }

  private static Failure failed(Container c, IOException e) {
    return new Failure.Internal(
        "could not write the files of container " + c.id() + ": " + e.getMessage(), e);
  }
}
