package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;

/// The Engine API's specification where it is beside the tree, read once.
final class Specification {
  static final Optional<ApiSpecification> HERE = read();

  private Specification() {}

  private static Optional<ApiSpecification> read() {
    Optional<Path> file = Needs.sharedIfAny("spec/docker-engine-api.yaml");
    if (file.isEmpty()) {
      System.out.println(
          "answers are not held against the Engine API's specification: it is not beside the tree");
      return Optional.empty();
    }
    try {
      return Optional.of(ApiSpecification.read(file.get()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
