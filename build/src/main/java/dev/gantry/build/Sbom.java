package dev.gantry.build;

import dev.gantry.json.Json;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/// The packages in an image as a document of SPDX 2.3: those of Debian's and Alpine's package
/// managers, Java archives, packages of Node and of Python.
final class Sbom {
  static final String PREDICATE_TYPE = "https://spdx.dev/Document";

  private Sbom() {}

  /// Of what is in `tree`.
  static Json.JsonObject of(Tree tree, String name, Instant when) throws IOException {
    return document(new PackageScan(tree).run(), name, when);
  }

  /// @param name of the image
  static Json.JsonObject document(List<FoundPackage> packages, String name, Instant when) {
    Json.JsonArray list = Json.array();
    Json.JsonArray relations = Json.array();
    String root = "SPDXRef-DocumentRoot-Image";
    list.add(
        Json.object()
            .put("name", name)
            .put("SPDXID", root)
            .put("downloadLocation", "NOASSERTION")
            .put("filesAnalyzed", false)
            .put("primaryPackagePurpose", "CONTAINER"));
    relations.add(relation("SPDXRef-DOCUMENT", "DESCRIBES", root));
    StringBuilder all = new StringBuilder(name);
    for (FoundPackage p : packages) {
      String id =
          "SPDXRef-Package-" + p.kind() + "-" + digest(p.purl() + p.path()).substring(0, 16);
      all.append('\n').append(p.purl());
      list.add(
          Json.object()
              .put("name", p.name())
              .put("SPDXID", id)
              .put("versionInfo", p.version())
              .put("supplier", p.supplier().isEmpty() ? "NOASSERTION" : p.supplier())
              .put("downloadLocation", "NOASSERTION")
              .put("filesAnalyzed", false)
              .put("sourceInfo", "acquired package info from " + p.path())
              .put("licenseConcluded", "NOASSERTION")
              .put("licenseDeclared", "NOASSERTION")
              .put("copyrightText", "NOASSERTION")
              .put(
                  "externalRefs",
                  Json.array()
                      .add(
                          Json.object()
                              .put("referenceCategory", "PACKAGE-MANAGER")
                              .put("referenceType", "purl")
                              .put("referenceLocator", p.purl()))));
      relations.add(relation(root, "CONTAINS", id));
    }
    return Json.object()
        .put("spdxVersion", "SPDX-2.3")
        .put("dataLicense", "CC0-1.0")
        .put("SPDXID", "SPDXRef-DOCUMENT")
        .put("name", name)
        .put(
            "documentNamespace",
            "urn:gantry:sbom:" + digest(all.toString())) // the same packages, the same name
        .put(
            "creationInfo",
            Json.object()
                .put("creators", Json.array().add("Organization: Gantry").add("Tool: gantry"))
                .put("created", when.truncatedTo(ChronoUnit.SECONDS).toString()))
        .put("packages", list)
        .put("relationships", relations);
  }

  private static Json.JsonObject relation(String from, String type, String to) {
    return Json.object()
        .put("spdxElementId", from)
        .put("relationshipType", type)
        .put("relatedSpdxElement", to);
  }

  private static String digest(String text) {
    return Digest.of(text.getBytes(StandardCharsets.UTF_8)).hex();
  }
}
