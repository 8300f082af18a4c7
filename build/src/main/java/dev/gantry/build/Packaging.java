package dev.gantry.build;

import dev.gantry.base.Failure;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What an image gets beside its files and configuration when it goes to registries and archives.
///
/// @param annotations of its documents
/// @param provenance says how it was built; empty for none
/// @param sbom whether to list the packages in it (SPDX)
/// @param inlineCache whether its configuration tells other builders which steps made its layers
/// @param index whether it gets an index of its own though nothing needs one
/// @param form how its layers and documents are written
public record Packaging(
    List<Annotation> annotations,
    Optional<Provenance.Wish> provenance,
    boolean sbom,
    boolean inlineCache,
    boolean index,
    Form form) {
  /// Nothing but the image.
  public static final Packaging PLAIN =
      new Packaging(List.of(), Optional.empty(), false, false, false, Form.STANDARD);

  public Packaging {
    annotations = List.copyOf(annotations);
  }

  /// Reads the attestations that a client wants.
  ///
  /// @param attestations by kind (`provenance`, `sbom`): fields as `mode=max,version=v1`, or a
  ///   boolean; `disabled=true` or `false` takes one away
  /// @throws Failure.InvalidRequest for other kinds and values
  public static Packaging of(
      List<Annotation> annotations, Map<String, String> attestations, boolean inlineCache) {
    Optional<Provenance.Wish> provenance = Optional.empty();
    boolean sbom = false;
    for (Map.Entry<String, String> wanted : attestations.entrySet()) {
      Map<String, String> fields = fields(wanted.getValue());
      boolean on = !fields.getOrDefault("disabled", "false").matches("true|1");
      switch (wanted.getKey()) {
        case "provenance" ->
            provenance = on ? Optional.of(Provenance.Wish.of(fields)) : Optional.empty();
        case "sbom" -> sbom = on; // the scanner is built in: `generator` names nothing to run
        default ->
            throw new Failure.InvalidRequest(
                "unknown attestation type \"" + wanted.getKey() + "\": provenance or sbom");
      }
    }
    return new Packaging(annotations, provenance, sbom, inlineCache, false, Form.STANDARD);
  }

  private static Map<String, String> fields(String text) {
    Map<String, String> fields = new HashMap<>();
    for (String field : text.split(",")) {
      String[] pair = field.split("=", 2);
      String key = pair[0].strip().toLowerCase(Locale.ROOT);
      if (pair.length > 1) {
        fields.put(key, pair[1].strip());
      } else if (key.matches("false|0")) {
        fields.put("disabled", "true");
      } else if (key.matches("min|max")) {
        fields.put("mode", key);
      } else if (!key.isEmpty() && !key.matches("true|1")) {
        throw new Failure.InvalidRequest("invalid attestation field " + field);
      }
    }
    return fields;
  }

  /// The same with an index of its own, if `wanted`.
  public Packaging asIndex(boolean wanted) {
    return new Packaging(annotations, provenance, sbom, inlineCache, index || wanted, form);
  }

  /// The same in another form.
  public Packaging with(Form other) {
    return new Packaging(annotations, provenance, sbom, inlineCache, index, other);
  }

  /// Whether its documents are Docker's own rather than OCI's.
  boolean isDockers() {
    return form.oci().equals(Optional.of(false)) && annotations.isEmpty() && !attests();
  }

  /// Whether images go out with attestations.
  public boolean attests() {
    return sbom || provenance.isPresent();
  }

  /// Whether the image's own documents say it all.
  boolean isPlain() {
    return annotations.isEmpty() && !attests() && !index && !form.explicit();
  }
}
