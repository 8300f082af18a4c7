package dev.gantry.conformance.registry;

import static dev.gantry.conformance.registry.Distribution.random;

import dev.gantry.conformance.registry.Distribution.Answer;
import java.net.URI;
import java.util.List;

/// Where a registry has things, and where its answers say that they are.
final class Locations {
  static final byte[] NOTHING = {};
  static final String UNKNOWN = "sha256:" + "0".repeat(64);

  private Locations() {}

  /// A repository of its own for a test.
  static String name() {
    return "conformance/" + random();
  }

  static String blob(String name, String digest) {
    return "/v2/" + name + "/blobs/" + digest;
  }

  static String manifest(String name, String reference) {
    return "/v2/" + name + "/manifests/" + reference;
  }

  static String path(Answer answer, String header) {
    URI uri = URI.create(answer.header(header));
    return uri.getRawPath();
  }

  static List<String> strings(Answer answer, String key) {
    return answer.expect(200).json().strings(key);
  }

  static String next(Answer answer) {
    String link = answer.header("Link");
    return link.contains("rel=\"next\"")
        ? link.substring(link.indexOf('<') + 1, link.indexOf('>'))
        : "";
  }
}
